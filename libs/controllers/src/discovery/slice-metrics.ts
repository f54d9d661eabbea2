import type { EndpointSlice, Service } from '#kinds';
import { exponentialBuckets, type MetricsRegistry } from '#telemetry';
import { MAX_ENDPOINTS, type PortGroup, portsKey, type SlicePlan } from './slice-plan.js';

const ENDPOINTS = exponentialBuckets(2, 2, 15);
const DISTRIBUTIONS = ['PreferClose', 'PreferSameZone', 'PreferSameNode'] as const;

/** What one Service needs and has. */
export interface SliceCounts {
  endpoints: number;
  /** With as few slices as would do. */
  wanted: number;
  slices: number;
}

/** Kube-controller-manager's metrics of EndpointSlices. Totals are sums over the Services, kept as they change. */
export class SliceMetrics {
  private readonly services = new Map<string, SliceCounts & { distribution: string | undefined }>();
  private readonly totals;
  private readonly added;
  private readonly removed;

  constructor(registry: MetricsRegistry) {
    const gauge = (name: string, help: string) => registry.gauge({ name, help }).cell();
    this.totals = {
      endpoints: gauge('endpoint_slice_controller_endpoints_desired', 'Endpoints that Services should have.'),
      wanted: gauge('endpoint_slice_controller_desired_endpoint_slices', 'Slices, if each were as full as it can be.'),
      slices: gauge('endpoint_slice_controller_num_endpoint_slices', 'Slices that Services have.'),
    };
    this.added = registry
      .histogram(
        {
          name: 'endpoint_slice_controller_endpoints_added_per_sync',
          help: 'Endpoints that one look at a Service added.',
        },
        ENDPOINTS,
      )
      .cell();
    this.removed = registry
      .histogram(
        {
          name: 'endpoint_slice_controller_endpoints_removed_per_sync',
          help: 'Endpoints that one look at a Service removed.',
        },
        ENDPOINTS,
      )
      .cell();
    const distributions = registry.gauge({
      name: 'endpoint_slice_controller_services_count_by_traffic_distribution',
      help: 'Services by their traffic distribution.',
      labels: { traffic_distribution: DISTRIBUTIONS },
    });
    registry.onCollect(() => {
      for (const distribution of DISTRIBUTIONS) distributions.cell(distribution).value = 0;
      for (const { distribution } of this.services.values()) {
        if (distribution !== undefined) distributions.cell(distribution).value += 1;
      }
    });
  }

  synced(key: string, { spec }: Service, counts: SliceCounts, added: number, removed: number): void {
    this.replace(key, { ...counts, distribution: spec?.trafficDistribution });
    this.added.observe(added);
    this.removed.observe(removed);
  }

  forget(key: string): void {
    this.replace(key, undefined);
  }

  private replace(key: string, after: (SliceCounts & { distribution: string | undefined }) | undefined): void {
    const before = this.services.get(key);
    for (const what of ['endpoints', 'wanted', 'slices'] as const) {
      this.totals[what].value += (after?.[what] ?? 0) - (before?.[what] ?? 0);
    }
    if (after) this.services.set(key, after);
    else this.services.delete(key);
  }
}

/** Of one family of a Service. */
export function countsOf(groups: readonly PortGroup[], existing: number, plan: SlicePlan): SliceCounts {
  const byPorts = new Map<string, number>();
  for (const { ports, endpoints } of groups) {
    const key = portsKey(ports);
    byPorts.set(key, (byPorts.get(key) ?? 0) + endpoints.length);
  }
  let endpoints = 0;
  let wanted = 0;
  for (const count of byPorts.values()) {
    endpoints += count;
    wanted += Math.ceil(count / MAX_ENDPOINTS);
  }
  // One that is empty says that there are none.
  return { endpoints, wanted: Math.max(wanted, 1), slices: existing + plan.create.length - plan.remove.length };
}

export function endpointCount(slices: readonly EndpointSlice[]): number {
  return slices.reduce((sum, { endpoints }) => sum + (endpoints?.length ?? 0), 0);
}

/** Endpoints that the slices of a plan have more, and fewer, than those that were there. */
export function changeOf(existing: readonly EndpointSlice[], plan: SlicePlan): { added: number; removed: number } {
  const before = new Map(existing.map((slice) => [slice.metadata.name, addressesOf(slice)]));
  let added = 0;
  let removed = 0;
  const compare = (old: ReadonlySet<string>, now: ReadonlySet<string>) => {
    for (const address of now) if (!old.has(address)) added += 1;
    for (const address of old) if (!now.has(address)) removed += 1;
  };
  const none = new Set<string>();
  for (const slice of plan.create) compare(none, addressesOf(slice));
  for (const slice of plan.update) compare(before.get(slice.metadata.name) ?? none, addressesOf(slice));
  for (const slice of plan.remove) compare(before.get(slice.metadata.name) ?? none, none);
  return { added, removed };
}

function addressesOf({ endpoints }: EndpointSlice): Set<string> {
  return new Set((endpoints ?? []).map(({ addresses }) => addresses.join()));
}
