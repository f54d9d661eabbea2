import { formatTime, type KubeObject, newUid } from '#apimachinery';
import { encodeForStorage } from '../../codec/object-codec.js';
import type { CachedObject, Write } from '../../storage/store.js';

/** Not served: one object for each node port in use, so that the store itself keeps ports unique across replicas. */
export const NODE_PORTS = 'berth.internal/nodeports';

export interface ServicePort {
  name?: string;
  port: number;
  protocol?: string;
  nodePort?: number;
}

export function hasNodePorts({ type }: { type?: string }): boolean {
  return type === 'NodePort' || type === 'LoadBalancer';
}

export function hasHealthCheckPort({ type, externalTrafficPolicy }: Record<string, any>): boolean {
  return type === 'LoadBalancer' && externalTrafficPolicy === 'Local';
}

/** Each number once: TCP and UDP of one port share a node port. */
export function nodePortsOf({ spec }: KubeObject): number[] {
  if (!hasNodePorts(spec)) return [];
  const numbers = ((spec.ports ?? []) as ServicePort[]).map((port) => port.nodePort ?? 0);
  if (hasHealthCheckPort(spec)) numbers.push(spec.healthCheckNodePort ?? 0);
  return [...new Set(numbers.filter((number) => number > 0))];
}

/** The object that says whose a port is. */
function holding(port: number, uid: string, { metadata }: KubeObject, now: Date): Buffer {
  const { namespace, name } = metadata;
  return encodeForStorage({
    apiVersion: 'berth.internal/v1',
    kind: 'NodePort',
    metadata: { name: String(port), uid, creationTimestamp: formatTime(now) },
    spec: { parentRef: { group: '', resource: 'services', namespace, name } },
  });
}

export function takePort(port: number, service: KubeObject, now: Date): Write {
  const uid = newUid();
  const key = { resource: NODE_PORTS, namespace: '', name: String(port) };
  return { op: 'create', key, uid, body: holding(port, uid, service, now) };
}

/** Gives a port that is held to another Service. */
export function handPort(held: CachedObject, service: KubeObject, now: Date): Write {
  const { name, uid, revision: ifRevision } = held;
  const key = { resource: NODE_PORTS, namespace: '', name };
  return { op: 'update', key, uid, body: holding(Number(name), uid, service, now), ifRevision };
}

export function freePort(held: CachedObject): Write {
  const { name, uid, revision: ifRevision } = held;
  const key = { resource: NODE_PORTS, namespace: '', name };
  return { op: 'delete', key, uid, body: encodeForStorage(held.parse()), ifRevision };
}
