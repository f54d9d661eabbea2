import { milliValueOf } from '#apimachinery';
import type { Node } from '#kinds';
import { isNodeReady } from '../node/node-health.js';
import type { ZoneShares } from './topology-hints.js';

const ZONE = 'topology.kubernetes.io/zone';
const EXCLUDED = ['node-role.kubernetes.io/control-plane', 'node-role.kubernetes.io/master'];

/** The share of each zone in the processors of ready nodes; undefined when a node does not tell its own, or all are in one zone. Pure. */
export function zoneShares(nodes: Iterable<Node>): ZoneShares | undefined {
  const cpus = new Map<string, number>();
  let total = 0;
  for (const node of nodes) {
    const labels = node.metadata.labels ?? {};
    if (EXCLUDED.some((name) => Object.hasOwn(labels, name)) || !isNodeReady(node)) continue;
    const zone = labels[ZONE];
    const cpu = milliValueOf(node.status?.allocatable?.['cpu']);
    if (!zone || !(cpu > 0)) return undefined;
    cpus.set(zone, (cpus.get(zone) ?? 0) + cpu);
    total += cpu;
  }
  if (cpus.size < 2) return undefined;
  return new Map([...cpus].sort(([a], [b]) => (a < b ? -1 : 1)).map(([zone, cpu]) => [zone, cpu / total]));
}

/** A change of the node may change the shares. */
export function changesShares(old: Node, node: Node): boolean {
  return isNodeReady(old) !== isNodeReady(node) || old.metadata.labels?.[ZONE] !== node.metadata.labels?.[ZONE];
}
