import { type Cell, type Distribution, exponentialBuckets, type MetricsRegistry } from '#telemetry';
import type { Family, SyncResult } from './netfilter.js';

/** Upper bounds of kube-proxy's sync durations, in seconds. */
const BUCKETS = exponentialBuckets(0.001, 2, 15);

/** The failures of each mode, by kube-proxy's names. */
const FAILURES: Readonly<Record<string, string>> = {
  nftables: 'kubeproxy_sync_proxy_rules_nftables_sync_failures_total',
  iptables: 'kubeproxy_sync_proxy_rules_iptables_restore_failures_total',
  // kube-proxy counts them by this name, because its mode has rules of iptables beside the virtual servers.
  ipvs: 'kubeproxy_sync_proxy_rules_iptables_restore_failures_total',
};

/** What the service proxy counts, by kube-proxy's names. Times are given in milliseconds and shown in seconds. */
export class ServiceProxyMetrics {
  private readonly durations: { all: Distribution[]; full: Distribution[]; partial: Distribution[] };
  private readonly syncedAt: Cell[];
  private readonly queuedAt: Cell[];
  private readonly failures: Cell[];
  private readonly flowsEnded: Cell[];
  private readonly refusals: ReadonlyMap<string, Cell>;

  /** @param families - those that the node serves: one sync brings the rules of all up to date. */
  constructor(registry: MetricsRegistry, mode: string, families: readonly Family[]) {
    const labels = { ip_family: families };
    const gauge = (name: string, help: string) => {
      const metric = registry.gauge({ name, help, labels });
      return families.map((family) => metric.cell(family));
    };
    const counter = (name: string, help: string) => {
      const metric = registry.counter({ name, help, labels });
      return families.map((family) => metric.cell(family));
    };
    const histogram = (name: string, help: string) => {
      const metric = registry.histogram({ name, help, labels }, BUCKETS);
      return families.map((family) => metric.cell(family));
    };
    this.durations = {
      all: histogram('kubeproxy_sync_proxy_rules_duration_seconds', 'Time to bring the rules up to date, in seconds.'),
      full: histogram('kubeproxy_sync_full_proxy_rules_duration_seconds', 'Time to write all rules anew, in seconds.'),
      partial: histogram(
        'kubeproxy_sync_partial_proxy_rules_duration_seconds',
        'Time to write what changed of the rules, in seconds.',
      ),
    };
    this.syncedAt = gauge('kubeproxy_sync_proxy_rules_last_timestamp_seconds', 'When the rules were last up to date.');
    this.queuedAt = gauge(
      'kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds',
      'When a Service or an EndpointSlice last changed.',
    );
    // own-lookup: the mode is the agent's own
    this.failures = counter(FAILURES[mode] ?? FAILURES['iptables']!, 'Times that the rules could not be written.');
    this.flowsEnded = counter(
      'kubeproxy_conntrack_reconciler_deleted_entries_total',
      'Flows to endpoints that were gone, which were ended.',
    );
    const refusals = counter(
      'berth_service_rules_refused_total',
      'Times that the kernel refused the rules of one Service; others were served.',
    );
    this.refusals = new Map(families.map((family, at) => [family, refusals[at]!]));
  }

  /** @param now - since the epoch. */
  synced(ms: number, now: number, { full, flowsEnded }: Pick<SyncResult, 'full' | 'flowsEnded'>): void {
    const observe = (durations: Distribution[]) => {
      for (const duration of durations) duration.observe(ms / 1000);
    };
    observe(this.durations.all);
    observe(full ? this.durations.full : this.durations.partial);
    for (const cell of this.syncedAt) cell.value = now / 1000;
    // The kernel is asked for all families at once; the first one counts.
    if (this.flowsEnded[0]) this.flowsEnded[0].value += flowsEnded;
  }

  failed(): void {
    for (const cell of this.failures) cell.value += 1;
  }

  refused(family: string): void {
    const cell = this.refusals.get(family);
    if (cell) cell.value += 1;
  }

  /** @param now - since the epoch. */
  touched(now: number): void {
    for (const cell of this.queuedAt) cell.value = now / 1000;
  }
}
