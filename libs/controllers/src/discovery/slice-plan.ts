import { appendAll, type KubeObject, semanticEqual } from '#apimachinery';
import type { DiscoveryEndpointPort, Endpoint, EndpointSlice } from '#kinds';
import { controllerReference } from '../workload/controller-ref.js';
import { canonicalJson } from '../workload/template-hash.js';

/** Endpoints in one slice, at most. */
export const MAX_ENDPOINTS = 100;

export const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';
export const MANAGED_BY_LABEL = 'endpointslice.kubernetes.io/managed-by';

/** Endpoints that share one list of ports. */
export interface PortGroup {
  ports: DiscoveryEndpointPort[];
  endpoints: Endpoint[];
}

export interface SliceIdentity {
  /** The Service, or the Endpoints object that is mirrored. */
  owner: KubeObject;
  addressType: EndpointSlice['addressType'];
  labels: Record<string, string>;
  /** Keep one empty slice when there are no endpoints. */
  placeholder: boolean;
  /** All that the slices have; absent: theirs are not looked at. */
  annotations?: Record<string, string>;
}

export interface SlicePlan {
  create: EndpointSlice[];
  update: EndpointSlice[];
  remove: EndpointSlice[];
}

/**
 * The fewest changes of slices that make them show the wanted endpoints: what is there stays where it is, new ones fill
 * slices that change anyway, then the fullest that has room for all, then new slices. Slices may thus stay half empty:
 * every change of a slice goes to every node.
 */
export function planSlices(
  identity: SliceIdentity,
  existing: readonly EndpointSlice[],
  wanted: readonly PortGroup[],
  limit = MAX_ENDPOINTS,
): SlicePlan {
  const { owner } = identity;
  const plan: SlicePlan = { create: [], update: [], remove: [] };
  const byPorts = new Map<string, EndpointSlice[]>();
  for (const slice of existing) {
    const owned = slice.metadata.ownerReferences?.some((reference) => reference.uid === owner.metadata.uid);
    if (!owned || slice.addressType !== identity.addressType) plan.remove.push(slice);
    else append(byPorts, portsKey(slice.ports), slice);
  }
  for (const group of mergeGroups(wanted)) {
    const key = portsKey(group.ports);
    planGroup(identity, byPorts.get(key) ?? [], group, limit, plan);
    byPorts.delete(key);
  }
  for (const slices of byPorts.values()) appendAll(plan.remove, slices);
  if (identity.placeholder && plan.create.length === 0 && plan.remove.length === existing.length) {
    const empty = newSlice(identity, [], []);
    const kept = plan.remove.findIndex((slice) => isPlaceholder(slice, empty));
    if (kept === -1) plan.create.push(empty);
    else plan.remove.splice(kept, 1);
  }
  return reuseRemoved(identity, plan);
}

function planGroup(
  identity: SliceIdentity,
  slices: readonly EndpointSlice[],
  group: PortGroup,
  limit: number,
  plan: SlicePlan,
): void {
  const missing = new Map(group.endpoints.map((endpoint) => [endpointKey(endpoint), endpoint]));
  const changed: { slice: EndpointSlice; endpoints: Endpoint[] }[] = [];
  const unchanged: EndpointSlice[] = [];
  for (const slice of slices) {
    const kept: Endpoint[] = [];
    let same = semanticEqual(slice.metadata.labels, identity.labels) && hasAnnotations(slice, identity);
    for (const endpoint of slice.endpoints ?? []) {
      const key = endpointKey(endpoint);
      const now = missing.get(key);
      missing.delete(key);
      if (now) kept.push(now);
      if (!now || !semanticEqual(now, endpoint)) same = false;
    }
    if (kept.length === 0 && (slice.endpoints ?? []).length > 0) plan.remove.push(slice);
    else if (same) unchanged.push(slice);
    else changed.push({ slice, endpoints: kept });
  }
  const left = [...missing.values()];
  for (const { endpoints } of changed.sort((a, b) => b.endpoints.length - a.endpoints.length)) {
    appendAll(endpoints, left.splice(0, Math.max(0, limit - endpoints.length)));
  }
  while (left.length > 0) {
    const fill = left.length < limit ? fullestWithRoom(unchanged, left.length, limit) : undefined;
    if (fill) {
      unchanged.splice(unchanged.indexOf(fill), 1);
      changed.push({ slice: fill, endpoints: [...(fill.endpoints ?? []), ...left.splice(0)] });
    } else plan.create.push(newSlice(identity, group.ports, left.splice(0, limit)));
  }
  for (const { slice, endpoints } of changed) plan.update.push(updated(identity, slice, group.ports, endpoints));
}

function fullestWithRoom(slices: readonly EndpointSlice[], count: number, limit: number): EndpointSlice | undefined {
  let best: EndpointSlice | undefined;
  for (const slice of slices) {
    const size = (slice.endpoints ?? []).length;
    if (size + count <= limit && (!best || size > (best.endpoints ?? []).length)) best = slice;
  }
  return best;
}

/** A slice to delete and one to create are one slice to update, when both are the owner's. */
function reuseRemoved(identity: SliceIdentity, plan: SlicePlan): SlicePlan {
  const remove: EndpointSlice[] = [];
  for (const slice of plan.remove) {
    const reusable =
      slice.addressType === identity.addressType &&
      slice.metadata.deletionTimestamp === undefined &&
      slice.metadata.ownerReferences?.some((reference) => reference.uid === identity.owner.metadata.uid);
    const created = reusable ? plan.create.pop() : undefined;
    if (created) plan.update.push(updated(identity, slice, created.ports ?? [], created.endpoints ?? []));
    else remove.push(slice);
  }
  return { ...plan, remove };
}

function updated(
  identity: SliceIdentity,
  slice: EndpointSlice,
  ports: DiscoveryEndpointPort[],
  endpoints: Endpoint[],
): EndpointSlice {
  const metadata = { ...slice.metadata, labels: identity.labels };
  if (identity.annotations) metadata.annotations = identity.annotations;
  return { ...slice, metadata, ports, endpoints };
}

function newSlice(identity: SliceIdentity, ports: DiscoveryEndpointPort[], endpoints: Endpoint[]): EndpointSlice {
  const { owner, labels, addressType, annotations } = identity;
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      generateName: `${owner.metadata.name}-`,
      namespace: owner.metadata.namespace,
      labels,
      ...(annotations ? { annotations } : {}),
      ownerReferences: [controllerReference(owner)],
    },
    addressType,
    ports,
    endpoints,
  };
}

function isPlaceholder(slice: EndpointSlice, empty: EndpointSlice): boolean {
  return (
    (slice.endpoints ?? []).length === 0 &&
    (slice.ports ?? []).length === 0 &&
    slice.addressType === empty.addressType &&
    slice.metadata.ownerReferences?.[0]?.uid === empty.metadata.ownerReferences![0]!.uid &&
    semanticEqual(slice.metadata.labels, empty.metadata.labels)
  );
}

function hasAnnotations(slice: EndpointSlice, identity: SliceIdentity): boolean {
  return !identity.annotations || semanticEqual(slice.metadata.annotations ?? {}, identity.annotations);
}

function mergeGroups(groups: readonly PortGroup[]): PortGroup[] {
  const merged = new Map<string, PortGroup>();
  for (const { ports, endpoints } of groups) {
    const key = portsKey(ports);
    const known = merged.get(key);
    if (known) appendAll(known.endpoints, endpoints);
    else merged.set(key, { ports, endpoints: [...endpoints] });
  }
  return [...merged.values()];
}

export function portsKey(ports: readonly DiscoveryEndpointPort[] | undefined): string {
  return (ports ?? [])
    .map((port) => canonicalJson({ ...port, name: port.name || undefined }))
    .sort()
    .join();
}

/** What makes an endpoint the same one, whatever its conditions are. */
function endpointKey(endpoint: Endpoint): string {
  const { namespace, name, uid } = endpoint.targetRef ?? {};
  return [[...endpoint.addresses].sort(), endpoint.hostname, namespace, name, uid].join('|');
}

function append<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}
