import type { Node, NodeCondition, Taint } from '#kinds';

/** What a node's silence and its conditions mean. Pure; times are milliseconds since the epoch. */

/** Conditions that become Unknown when a node falls silent. */
const MONITORED = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'] as const;

/** The last sign of life that was seen, and when it was seen by our clock. */
export interface Heartbeat {
  /** Ready's heartbeat time and the Lease's renew time in one text: a change of it is a sign of life. */
  mark: string;
  seenAt: number;
}

export function observeHeartbeat(
  old: Heartbeat | undefined,
  node: Node,
  renewTime: string | undefined,
  now: number,
): Heartbeat {
  const mark = `${conditionOf(node, 'Ready')?.lastHeartbeatTime ?? ''}|${renewTime ?? ''}`;
  if (old) return old.mark === mark ? old : { mark, seenAt: now };
  // A node that never reported counts from its creation; one we have not watched before counts from now.
  const created = Date.parse(node.metadata.creationTimestamp ?? '');
  return { mark, seenAt: mark === '|' && !Number.isNaN(created) ? created : now };
}

export function conditionOf(node: Node, type: string): NodeCondition | undefined {
  return node.status?.conditions?.find((condition) => condition.type === type);
}

export function isNodeReady(node: Node): boolean {
  return conditionOf(node, 'Ready')?.status === 'True';
}

/** The conditions of a node that is silent: everything unknown. The same array when that is said already. */
export function silentConditions(node: Node, timestamp: string): NodeCondition[] {
  const conditions = [...(node.status?.conditions ?? [])];
  let changed = false;
  for (const type of MONITORED) {
    const at = conditions.findIndex((condition) => condition.type === type);
    const old = conditions[at];
    if (!old) {
      conditions.push({
        type,
        status: 'Unknown',
        reason: 'NodeStatusNeverUpdated',
        message: 'Kubelet never posted node status.',
        lastHeartbeatTime: node.metadata.creationTimestamp,
        lastTransitionTime: timestamp,
      });
      changed = true;
    } else if (old.status !== 'Unknown') {
      conditions[at] = {
        ...old,
        status: 'Unknown',
        reason: 'NodeStatusUnknown',
        message: 'Kubelet stopped posting node status.',
        lastTransitionTime: timestamp,
      };
      changed = true;
    }
  }
  return changed ? conditions : (node.status?.conditions ?? []);
}

export const NOT_READY = 'node.kubernetes.io/not-ready';
export const UNREACHABLE = 'node.kubernetes.io/unreachable';
const UNSCHEDULABLE = 'node.kubernetes.io/unschedulable';

/** Condition and status that keep new pods away, and the taint that does. */
const NO_SCHEDULE: readonly [type: string, status: string, key: string][] = [
  ['Ready', 'False', NOT_READY],
  ['Ready', 'Unknown', UNREACHABLE],
  ['MemoryPressure', 'True', 'node.kubernetes.io/memory-pressure'],
  ['DiskPressure', 'True', 'node.kubernetes.io/disk-pressure'],
  ['NetworkUnavailable', 'True', 'node.kubernetes.io/network-unavailable'],
  ['PIDPressure', 'True', 'node.kubernetes.io/pid-pressure'],
];

const OURS = new Set([UNSCHEDULABLE, ...NO_SCHEDULE.map(([, , key]) => key)]);

/** The taints a node should have. `evict`: pods that do not tolerate its state are driven out. */
export function wantedTaints(node: Node, evict: boolean, timestamp: string): Taint[] {
  const current = node.spec?.taints ?? [];
  const keep = current.filter(
    ({ key, effect }) => !(OURS.has(key) && effect === 'NoSchedule') && !isEviction(key, effect),
  );
  const wanted: Taint[] = [];
  for (const [type, status, key] of NO_SCHEDULE) {
    if (conditionOf(node, type)?.status === status) wanted.push({ key, effect: 'NoSchedule' });
  }
  if (node.spec?.unschedulable) wanted.push({ key: UNSCHEDULABLE, effect: 'NoSchedule' });
  const eviction = evictionTaint(node);
  if (eviction && evict) wanted.push({ key: eviction, effect: 'NoExecute' });
  const dated = wanted.map(
    (taint) =>
      current.find(({ key, effect }) => key === taint.key && effect === taint.effect) ?? {
        ...taint,
        timeAdded: timestamp,
      },
  );
  return [...keep, ...dated];
}

export function isEviction(key: string, effect: string): boolean {
  return effect === 'NoExecute' && (key === NOT_READY || key === UNREACHABLE);
}

/** Key of the NoExecute taint that the node's Ready condition asks for. */
export function evictionTaint(node: Node): string | undefined {
  const status = conditionOf(node, 'Ready')?.status;
  if (status === 'False') return NOT_READY;
  return status === 'Unknown' ? UNREACHABLE : undefined;
}

export function sameTaints(a: readonly Taint[], b: readonly Taint[]): boolean {
  const text = (taints: readonly Taint[]) =>
    taints.map(({ key, value, effect }) => `${key}=${value ?? ''}:${effect}`).sort();
  return text(a).join() === text(b).join();
}

/** Nodes a second that may be given eviction taints in one zone. */
export const EVICTION_RATE = 0.1;
const SECONDARY_RATE = 0.01;
const LARGE_ZONE = 50;
const UNHEALTHY_SHARE = 0.55;

/** As the reference's metrics name a zone (k8s.io/component-helpers/node/topology). */
export function zoneLabel({ metadata }: Node): string {
  const region = metadata.labels?.['topology.kubernetes.io/region'] ?? '';
  const zone = metadata.labels?.['topology.kubernetes.io/zone'] ?? '';
  return region === '' && zone === '' ? '' : `${region}:\0:${zone}`;
}

export function zoneOf(node: Node): string {
  const labels = node.metadata.labels ?? {};
  return `${labels['topology.kubernetes.io/region'] ?? ''}/${labels['topology.kubernetes.io/zone'] ?? ''}`;
}

/** Nodes of one zone. */
export interface ZoneCount {
  ready: number;
  unready: number;
}

/**
 * Eviction rate of each zone. Where most nodes are silent the fault is more likely ours, or the network's: evicting would
 * make it worse. When no node anywhere is ready, nothing is evicted.
 */
export function evictionRates(zones: ReadonlyMap<string, ZoneCount>): Map<string, number> {
  const allDark = ![...zones.values()].some((zone) => zone.ready > 0);
  const rates = new Map<string, number>();
  for (const [name, { ready, unready }] of zones) {
    const partial = ready > 0 && unready > 2 && unready / (ready + unready) >= UNHEALTHY_SHARE;
    if (allDark) rates.set(name, 0);
    else if (partial) rates.set(name, ready + unready > LARGE_ZONE ? SECONDARY_RATE : 0);
    else rates.set(name, EVICTION_RATE);
  }
  return rates;
}
