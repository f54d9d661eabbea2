import type { Endpoint, EndpointSlice } from '#kinds';
import type { PortGroup, SlicePlan } from './slice-plan.js';

/**
 * Hints of a Service that asks for `service.kubernetes.io/topology-mode: Auto`: each zone gets the share of the endpoints that it
 * has of the processors, and endpoints move to other zones only as far as that takes. Pure.
 */

/** How much more than its share one endpoint may have to bear. */
const OVERLOAD = 0.2;
const MODE = 'service.kubernetes.io/topology-mode';
/** Its older name, which comes first where both are given. */
const OLD_MODE = 'service.kubernetes.io/topology-aware-hints';

/** By zone. */
type Counts = Map<string, number>;
export type ZoneShares = ReadonlyMap<string, number>;

interface Allocation {
  minimum: number;
  maximum: number;
  desired: number;
}

export type Allocations = ReadonlyMap<string, Allocation>;

export interface HintedPlan {
  plan: SlicePlan;
  /** Endpoints for each zone. */
  allocated: Counts;
}

export function asksForHints(annotations: Record<string, string> | undefined): boolean {
  const mode = annotations?.[OLD_MODE] ?? annotations?.[MODE];
  return mode === 'Auto' || mode === 'auto';
}

/** How many endpoints each zone is to have; or why no hints can be given, in the reference's words. `shares` is undefined when nodes do not tell. */
export function allocate(ready: number, shares: ZoneShares | undefined): Allocations | string {
  if (!shares) return 'Insufficient Node information: allocatable CPU or zone not specified on one or more nodes';
  const numbers = `(${ready} endpoints, ${shares.size} zones)`;
  if (shares.size > ready) return `Insufficient number of endpoints ${numbers}`;
  const allocations = new Map<string, Allocation>();
  let minima = 0;
  for (const [zone, share] of shares) {
    const desired = share * ready;
    const minimum = leastOf(desired);
    minima += minimum;
    allocations.set(zone, { minimum, maximum: 0, desired: Math.max(desired, minimum) });
  }
  if (minima > ready) {
    return `Unable to allocate minimum required endpoints to each zone without exceeding overload threshold ${numbers}`;
  }
  for (const allocation of allocations.values()) allocation.maximum = allocation.minimum + ready - minima;
  return allocations;
}

/** Some zone has fewer endpoints than its share can bear. */
export function isOverloaded(allocated: ReadonlyMap<string, number>, shares: ZoneShares | undefined): boolean {
  if (allocated.size === 0) return false;
  if (!shares) return true;
  const total = [...allocated.values()].reduce((sum, count) => sum + count, 0);
  return [...shares].some(([zone, share]) => (allocated.get(zone) ?? -1) < leastOf(total * share));
}

function leastOf(desired: number): number {
  return Math.ceil(desired * (1 / (1 + OVERLOAD)));
}

export function isReady({ conditions }: Endpoint): boolean {
  return conditions?.ready === true;
}

/** The wanted endpoints with the hints that they have now, so that a plan leaves alone what need not change. */
export function withKeptHints(groups: readonly PortGroup[], existing: readonly EndpointSlice[]): PortGroup[] {
  const hints = new Map<string, Endpoint['hints']>();
  for (const endpoint of existing.flatMap((slice) => slice.endpoints ?? [])) hints.set(keyOf(endpoint), endpoint.hints);
  return groups.map(({ ports, endpoints }) => ({
    ports,
    endpoints: endpoints.map((endpoint) => {
      const kept = isReady(endpoint) ? hints.get(keyOf(endpoint)) : undefined;
      return kept ? { ...endpoint, hints: kept } : endpoint;
    }),
  }));
}

function keyOf({ addresses, targetRef }: Endpoint): string {
  return `${targetRef?.uid ?? ''}|${addresses.join()}`;
}

/** Gives hints to what changes, and to slices whose hints no longer do. Every ready endpoint has a zone. */
export function addHints(plan: SlicePlan, unchanged: readonly EndpointSlice[], allocations: Allocations): HintedPlan {
  const allocated: Counts = new Map();
  const stale: EndpointSlice[] = [];
  for (const slice of unchanged) {
    const counts = hintsOf(slice, allocated, allocations);
    if (counts) for (const [zone, count] of counts) add(allocated, zone, count);
    else stale.push(slice);
  }
  const create = plan.create.map(ownZones);
  const update = [...plan.update, ...stale].map(ownZones);
  const changed = [...create, ...update];
  for (const zone of changed.flatMap(hintedZones)) add(allocated, zone, 1);
  redistribute(changed, allocated, allocations);
  return { plan: { create, update, remove: plan.remove }, allocated };
}

/** Undefined when some endpoint has no hint, or one for a zone that is gone or full. */
function hintsOf(slice: EndpointSlice, allocated: Counts, allocations: Allocations): Counts | undefined {
  const counts: Counts = new Map();
  for (const endpoint of slice.endpoints ?? []) {
    if (!isReady(endpoint)) continue;
    const zones = endpoint.hints?.forZones ?? [];
    if (zones.length === 0) return undefined;
    for (const { name } of zones) add(counts, name, 1);
  }
  const fits = ([zone, count]: [string, number]) =>
    count + (allocated.get(zone) ?? 0) <= (allocations.get(zone)?.maximum ?? -1);
  return [...counts].every(fits) ? counts : undefined;
}

/** The slice with new endpoints: each hinted for its own zone, to begin with. */
function ownZones(slice: EndpointSlice): EndpointSlice {
  const endpoints = (slice.endpoints ?? []).map((endpoint) => {
    const { hints: _, ...rest } = endpoint;
    return isReady(endpoint) ? { ...rest, hints: forZone(endpoint.zone!) } : rest;
  });
  return { ...slice, endpoints };
}

function hintedZones(slice: EndpointSlice): string[] {
  return (slice.endpoints ?? []).flatMap(({ hints }) => (hints?.forZones ?? []).map(({ name }) => name));
}

/** Zones with too many endpoints give to those with too few. Changes the endpoints, which are the caller's own. */
function redistribute(slices: readonly EndpointSlice[], allocated: Counts, allocations: Allocations): void {
  const { giving, receiving } = transfers(allocated, allocations);
  for (const endpoint of slices.flatMap((slice) => slice.endpoints ?? [])) {
    const [receiver] = receiving.keys();
    if (giving.size === 0 || receiver === undefined) return;
    const zone = endpoint.zone;
    if (!isReady(endpoint) || zone === undefined || !giving.has(zone)) continue;
    endpoint.hints = forZone(receiver);
    take(giving, zone);
    take(receiving, receiver);
    add(allocated, receiver, 1);
    add(allocated, zone, -1);
  }
}

/** How many whole endpoints zones give and receive. */
function transfers(allocated: Counts, allocations: Allocations): { giving: Counts; receiving: Counts } {
  const surplus: Counts = new Map();
  const lack: Counts = new Map();
  for (const [zone, { desired }] of allocations) {
    const difference = (allocated.get(zone) ?? 0) - desired;
    if (difference > 0) surplus.set(zone, difference);
    if (difference < 0) lack.set(zone, -difference);
  }
  const giving: Counts = new Map();
  const receiving: Counts = new Map();
  for (;;) {
    const [giver, gives] = most(surplus);
    const [receiver, receives] = most(lack);
    if (giver === undefined || receiver === undefined) break;
    if ((gives < 1 && receives < 1) || gives < 0.5 || receives < 0.5) break;
    add(giving, giver, 1);
    add(surplus, giver, -1);
    add(receiving, receiver, 1);
    add(lack, receiver, -1);
  }
  return { giving, receiving };
}

function most(counts: Counts): [zone: string | undefined, count: number] {
  let best: [string | undefined, number] = [undefined, 0];
  for (const entry of counts) if (entry[1] > best[1]) best = entry;
  return best;
}

function add(counts: Counts, zone: string, by: number): void {
  counts.set(zone, (counts.get(zone) ?? 0) + by);
}

function take(counts: Counts, zone: string): void {
  const left = counts.get(zone)! - 1;
  if (left === 0) counts.delete(zone);
  else counts.set(zone, left);
}

function forZone(name: string): NonNullable<Endpoint['hints']> {
  return { forZones: [{ name }] };
}
