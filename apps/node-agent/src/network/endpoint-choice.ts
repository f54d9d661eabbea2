import type { Endpoint } from '#kinds';

/** Where a node is, for the hints of endpoints. */
export interface NodePlace {
  nodeName: string;
  /** Label `topology.kubernetes.io/zone`; '' without one. */
  zone: string;
}

/** An endpoint with its port, and what it may get. */
export interface Chosen {
  endpoint: Endpoint;
  port: number;
  /** New flows of every client. */
  usable: boolean;
  /** New flows of clients that must stay on this node. */
  usableLocally: boolean;
}

type Candidate = Pick<Chosen, 'endpoint' | 'port'>;

/**
 * Which endpoints of a port get new flows on this node: ready ones that the hints allow, and if none is ready anywhere those
 * that terminate but still serve. Traffic that must stay on this node follows the same rule among the endpoints here, without
 * hints. As kube-proxy's `pkg/proxy/topology.go` has it.
 */
export function chooseEndpoints(candidates: readonly Candidate[], place: NodePlace): Chosen[] {
  const ready = candidates.filter(({ endpoint }) => isReady(endpoint));
  const draining = candidates.filter(({ endpoint }) => isServing(endpoint) && endpoint.conditions?.terminating);
  const usable = new Set(ready.length > 0 ? hinted(ready, place) : draining);
  const here = ({ endpoint }: Candidate) => endpoint.nodeName === place.nodeName;
  const readyHere = ready.filter(here);
  const usableLocally = new Set(readyHere.length > 0 ? readyHere : draining.filter(here));
  return candidates.map((candidate) => ({
    ...candidate,
    usable: usable.has(candidate),
    usableLocally: usableLocally.has(candidate),
  }));
}

/** Hints count only when every ready endpoint has them, and one of them is for here. Those for nodes come first. */
function hinted(ready: readonly Candidate[], { nodeName, zone }: NodePlace): readonly Candidate[] {
  const choices: [names: (endpoint: Endpoint) => string[], here: string][] = [
    [({ hints }) => (hints?.forNodes ?? []).map(({ name }) => name), nodeName],
    [({ hints }) => (hints?.forZones ?? []).map(({ name }) => name), zone],
  ];
  for (const [names, here] of choices) {
    if (!ready.every(({ endpoint }) => names(endpoint).length > 0)) continue;
    const near = ready.filter(({ endpoint }) => names(endpoint).includes(here));
    if (near.length > 0) return near;
  }
  return ready;
}

/** A missing condition counts as true. */
export function isReady({ conditions }: Endpoint): boolean {
  return conditions?.ready ?? true;
}

/** Without the condition, what is ready serves. */
export function isServing(endpoint: Endpoint): boolean {
  return endpoint.conditions?.serving ?? isReady(endpoint);
}
