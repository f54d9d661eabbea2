import { appendAll, scaledValue } from '#apimachinery';
import {
  type Affinity,
  type DaemonSet,
  type DaemonSetStatus,
  fitsRequiredAffinity,
  type Node,
  type Pod,
  type PodTemplateSpec,
  type Toleration,
  tolerates,
} from '#kinds';
import { CONTROLLER_REVISION_HASH } from '../workload/controller-revisions.js';
import { isPodAvailable, isPodFinished, isPodReady } from '../workload/pods.js';

/** Where a DaemonSet's pods belong, and which come and go. Pure; times are milliseconds since the epoch. */

const GENERATION_LABEL = 'pod-template-generation';
const GENERATION_ANNOTATION = 'deprecated.daemonset.template.generation';

/** What every daemon's pod bears: it stays on nodes that others leave. */
const DAEMON_TOLERATIONS: readonly [key: string, effect: Toleration['effect']][] = [
  ['node.kubernetes.io/not-ready', 'NoExecute'],
  ['node.kubernetes.io/unreachable', 'NoExecute'],
  ['node.kubernetes.io/disk-pressure', 'NoSchedule'],
  ['node.kubernetes.io/memory-pressure', 'NoSchedule'],
  ['node.kubernetes.io/pid-pressure', 'NoSchedule'],
  ['node.kubernetes.io/unschedulable', 'NoSchedule'],
];

export function daemonTolerations(template: PodTemplateSpec): Toleration[] {
  const added = [...DAEMON_TOLERATIONS];
  if (template.spec?.hostNetwork) added.push(['node.kubernetes.io/network-unavailable', 'NoSchedule']);
  const own = template.spec?.tolerations ?? [];
  const same = (toleration: Toleration, [key, effect]: (typeof added)[number]) =>
    toleration.key === key && toleration.effect === effect && toleration.operator === 'Exists';
  return [
    ...own,
    ...added
      .filter((entry) => !own.some((toleration) => same(toleration, entry)))
      .map(([key, effect]): Toleration => ({ key, operator: 'Exists', effect })),
  ];
}

/** The template of the pod for one node; the scheduler binds it there, and nowhere else. */
export function daemonTemplate(set: DaemonSet, node: string, hash: string): PodTemplateSpec {
  const { template } = set.spec;
  const labels: Record<string, string> = { ...template.metadata?.labels, [CONTROLLER_REVISION_HASH]: hash };
  const generation = set.metadata.annotations?.[GENERATION_ANNOTATION];
  if (generation !== undefined) labels[GENERATION_LABEL] = generation;
  const affinity: Affinity = {
    ...template.spec!.affinity,
    nodeAffinity: {
      ...template.spec!.affinity?.nodeAffinity,
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }] }],
      },
    },
  };
  return {
    metadata: { ...template.metadata, labels },
    spec: { ...template.spec!, affinity, tolerations: daemonTolerations(template) },
  };
}

/** The node that a daemon's pod runs on or waits for. */
export function targetNode(pod: Pod): string | undefined {
  if (pod.spec.nodeName) return pod.spec.nodeName;
  const required = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  for (const term of required?.nodeSelectorTerms ?? []) {
    for (const { key, operator, values } of term.matchFields ?? []) {
      if (key === 'metadata.name' && operator === 'In' && values?.length === 1) return values[0];
    }
  }
  return undefined;
}

export interface Placement {
  /** The node wants a pod of this set. */
  run: boolean;
  /** A pod that is there may stay. */
  stay: boolean;
}

export function placementOn(set: DaemonSet, node: Node): Placement {
  const spec = set.spec.template.spec!;
  if ((spec.nodeName && spec.nodeName !== node.metadata.name) || !fitsRequiredAffinity(spec, node)) {
    return { run: false, stay: false };
  }
  const tolerations = daemonTolerations(set.spec.template);
  const unbearable = (node.spec?.taints ?? []).filter(
    (taint) => taint.effect !== 'PreferNoSchedule' && !tolerations.some((toleration) => tolerates(toleration, taint)),
  );
  return { run: unbearable.length === 0, stay: unbearable.every((taint) => taint.effect !== 'NoExecute') };
}

export function isUpdated(set: DaemonSet, pod: Pod, hash: string): boolean {
  const generation = set.metadata.annotations?.[GENERATION_ANNOTATION];
  const sameGeneration = generation !== undefined && pod.metadata.labels?.[GENERATION_LABEL] === generation;
  return pod.metadata.labels?.[CONTROLLER_REVISION_HASH] === hash || sameGeneration;
}

function limits(set: DaemonSet, nodes: number): { surge: number; unavailable: number } {
  if (set.spec.updateStrategy?.type === 'OnDelete') return { surge: 0, unavailable: 0 };
  const { maxSurge = 0, maxUnavailable = 1 } = set.spec.updateStrategy?.rollingUpdate ?? {};
  const surge = scaledValue(maxSurge, nodes, true);
  const unavailable = scaledValue(maxUnavailable, nodes, true);
  return { surge, unavailable: surge === 0 && unavailable === 0 ? 1 : unavailable };
}

export interface DaemonWorld {
  set: DaemonSet;
  nodes: readonly Node[];
  /** By node; pods whose node is unknown are not here. */
  pods: ReadonlyMap<string, readonly Pod[]>;
  hash: string;
  now: number;
}

export interface DaemonPlan {
  createOn: string[];
  remove: Pod[];
  /** Of `remove`: what had failed, or ended although it should run. */
  failed: Pod[];
  succeeded: Pod[];
}

/** Brings one pod to each node that wants one, and removes the others, whatever their revision. */
export function planPlacement({ set, nodes, pods, hash, now }: DaemonWorld): DaemonPlan {
  const plan: DaemonPlan = { createOn: [], remove: [], failed: [], succeeded: [] };
  const surges = limits(set, 1).surge > 0;
  for (const node of nodes) {
    const here = pods.get(node.metadata.name!) ?? [];
    const { run, stay } = placementOn(set, node);
    if (run && here.length === 0) plan.createOn.push(node.metadata.name!);
    else if (!stay)
      appendAll(
        plan.remove,
        here.filter((pod) => pod.metadata.deletionTimestamp === undefined),
      );
    else {
      const alive = here.filter((pod) => pod.metadata.deletionTimestamp === undefined);
      appendAll(
        plan.failed,
        alive.filter((pod) => pod.status?.phase === 'Failed'),
      );
      appendAll(
        plan.succeeded,
        alive.filter((pod) => pod.status?.phase === 'Succeeded'),
      );
      const running = alive
        .filter((pod) => pod.status?.phase !== 'Failed' && pod.status?.phase !== 'Succeeded')
        .sort(oldestRunningFirst);
      if (!surges) appendAll(plan.remove, running.slice(1));
      // What fails or goes away is no reason to leave the node without a pod.
      else if (running.length === 0 && run) plan.createOn.push(node.metadata.name!);
      else if (running.length > 1) appendAll(plan.remove, surplus(set, running, hash, now));
    }
  }
  appendAll(plan.remove, plan.failed);
  appendAll(plan.remove, plan.succeeded);
  return plan;
}

/** While surging a node may have one old and one new pod: the old one while it is ready and the new one is not available. */
function surplus(set: DaemonSet, running: readonly Pod[], hash: string, now: number): Pod[] {
  const isNew = (pod: Pod) => pod.metadata.labels?.[CONTROLLER_REVISION_HASH] === hash;
  const [newest, ...moreNew] = running.filter(isNew);
  const [oldest, ...moreOld] = running.filter((pod) => !isNew(pod));
  const surplus = [...moreNew, ...moreOld];
  const isReplaced = newest && oldest && (!isPodReady(oldest) || isAvailable(set, newest, now));
  return isReplaced ? [...surplus, oldest] : surplus;
}

function isAvailable(set: DaemonSet, pod: Pod, now: number): boolean {
  return isPodAvailable(pod, set.spec.minReadySeconds ?? 0, now);
}

interface NodeRevisions {
  name: string;
  run: boolean;
  /** Undefined: there are several of them, which placement has to deal with first. */
  pods: { updated: Pod | undefined; old: Pod | undefined } | undefined;
}

type Rollout = Pick<DaemonPlan, 'createOn' | 'remove'>;

/** Replaces pods of older revisions, as many at a time as the strategy allows. */
export function planRollout(world: DaemonWorld): Rollout {
  const { set, nodes } = world;
  if (set.spec.updateStrategy?.type === 'OnDelete') return { createOn: [], remove: [] };
  const wanted = nodes.filter((node) => placementOn(set, node).run).map(({ metadata }) => metadata.name!);
  const { surge, unavailable } = limits(set, wanted.length);
  const states = revisionsByNode(world, wanted);
  return surge === 0 ? replacing(world, states, unavailable) : surging(world, states, surge, wanted.length);
}

/** Of the nodes that want a pod, and of those that have one all the same. */
function revisionsByNode({ set, pods, hash }: DaemonWorld, wanted: readonly string[]): NodeRevisions[] {
  const run = new Set(wanted);
  return [...new Set([...wanted, ...pods.keys()])].map((name) => {
    const alive = (pods.get(name) ?? []).filter((pod) => pod.metadata.deletionTimestamp === undefined);
    const [updated, ...moreUpdated] = alive.filter((pod) => isUpdated(set, pod, hash));
    const [old, ...moreOld] = alive.filter((pod) => !isUpdated(set, pod, hash));
    const isClear = moreUpdated.length === 0 && moreOld.length === 0;
    return { name, run: run.has(name), pods: isClear ? { updated, old } : undefined };
  });
}

/** Removes old pods, so that placement makes new ones. */
function replacing({ set, now }: DaemonWorld, states: readonly NodeRevisions[], most: number): Rollout {
  const remove: Pod[] = [];
  const candidates: Pod[] = [];
  let busy = 0;
  for (const { pods } of states) {
    const { updated, old } = pods ?? {};
    if (old && !updated) {
      if (isAvailable(set, old, now)) candidates.push(old);
      else {
        // Nothing is lost by replacing what does not work.
        remove.push(old);
        busy++;
      }
    } else if (old || !updated || !isAvailable(set, updated, now)) busy++;
  }
  return { createOn: [], remove: [...remove, ...candidates.slice(0, Math.max(0, most - busy))] };
}

/** Makes new pods beside old ones. A node that no longer wants a pod keeps its old one until enough are available elsewhere. */
function surging({ set, now }: DaemonWorld, states: readonly NodeRevisions[], most: number, desired: number): Rollout {
  const plan: Rollout = { createOn: [], remove: [] };
  const candidates: string[] = [];
  const unwanted: Pod[] = [];
  let busy = 0;
  let available = 0;
  for (const { name, run, pods } of states) {
    if (!pods) {
      busy++;
      continue;
    }
    const { updated, old } = pods;
    const first = old ?? updated;
    const works = first !== undefined && isAvailable(set, first, now);
    if (works) available++;
    if (!old) continue;
    if (updated) {
      if (isAvailable(set, updated, now)) plan.remove.push(old);
      else busy++;
    } else if (works) {
      if (run) candidates.push(name);
      else unwanted.push(old);
    } else if (run) plan.createOn.push(name);
    else plan.remove.push(old);
  }
  appendAll(plan.remove, unwanted.slice(0, Math.max(0, available - desired)));
  appendAll(plan.createOn, candidates.slice(0, Math.max(0, most - busy)));
  return plan;
}

export function daemonStatus({ set, nodes, pods, hash, now }: DaemonWorld): DaemonSetStatus {
  const status = { desired: 0, current: 0, misscheduled: 0, ready: 0, available: 0, updated: 0 };
  for (const node of nodes) {
    const here = [...(pods.get(node.metadata.name!) ?? [])].sort(oldestRunningFirst);
    if (!placementOn(set, node).run) {
      if (here.length > 0) status.misscheduled++;
      continue;
    }
    status.desired++;
    const pod = here[0];
    if (!pod) continue;
    status.current++;
    if (isPodReady(pod)) status.ready++;
    if (isPodAvailable(pod, set.spec.minReadySeconds ?? 0, now)) status.available++;
    if (isUpdated(set, pod, hash)) status.updated++;
  }
  const unavailable = status.desired - status.available;
  return {
    currentNumberScheduled: status.current,
    numberMisscheduled: status.misscheduled,
    desiredNumberScheduled: status.desired,
    numberReady: status.ready,
    observedGeneration: set.metadata.generation,
    ...(status.updated > 0 ? { updatedNumberScheduled: status.updated } : {}),
    ...(status.available > 0 ? { numberAvailable: status.available } : {}),
    ...(unavailable > 0 ? { numberUnavailable: unavailable } : {}),
    ...(set.status?.collisionCount !== undefined ? { collisionCount: set.status.collisionCount } : {}),
    ...(set.status?.conditions ? { conditions: set.status.conditions } : {}),
  };
}

/** By the node that a pod runs on or waits for. One that has ended and is being deleted is nobody's affair here. */
export function podsByNode(pods: readonly Pod[]): Map<string, Pod[]> {
  const map = new Map<string, Pod[]>();
  for (const pod of pods) {
    const node = targetNode(pod);
    if (node === undefined || (isPodFinished(pod) && pod.metadata.deletionTimestamp !== undefined)) continue;
    const list = map.get(node);
    if (list) list.push(pod);
    else map.set(node, [pod]);
  }
  return map;
}

/** Scheduled before waiting, then old before young. */
function oldestRunningFirst(a: Pod, b: Pod): number {
  const scheduled = Number(!!b.spec.nodeName) - Number(!!a.spec.nodeName);
  if (scheduled !== 0) return scheduled;
  const created = (a.metadata.creationTimestamp ?? '').localeCompare(b.metadata.creationTimestamp ?? '');
  return created !== 0 ? created : a.metadata.name! < b.metadata.name! ? -1 : 1;
}
