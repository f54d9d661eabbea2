import type { Cell, Distribution, MetricsRegistry } from '#telemetry';

/** The node's rules are of one family so far. */
const FAMILY = 'IPv4';
const LABELS = { ip_family: [FAMILY] };
/** Upper bounds of kube-proxy's sync durations, in seconds. */
const BUCKETS = Array.from({ length: 15 }, (_, i) => 0.001 * 2 ** i);

/** What the service proxy counts, by kube-proxy's names. Times are given in milliseconds and shown in seconds. */
export class ServiceProxyMetrics {
  private readonly duration: Distribution;
  private readonly syncedAt: Cell;
  private readonly queuedAt: Cell;
  private readonly failures: Cell;

  constructor(registry: MetricsRegistry) {
    const gauge = (name: string, help: string) => registry.gauge({ name, help, labels: LABELS }).cell(FAMILY);
    this.duration = registry
      .histogram(
        {
          name: 'kubeproxy_sync_proxy_rules_duration_seconds',
          help: 'Time to bring the rules up to date, in seconds.',
          labels: LABELS,
        },
        BUCKETS,
      )
      .cell(FAMILY);
    this.syncedAt = gauge('kubeproxy_sync_proxy_rules_last_timestamp_seconds', 'When the rules were last up to date.');
    this.queuedAt = gauge(
      'kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds',
      'When a Service or an EndpointSlice last changed.',
    );
    this.failures = registry
      .counter({
        name: 'kubeproxy_sync_proxy_rules_iptables_restore_failures_total',
        help: 'Times that the rules could not be written.',
        labels: LABELS,
      })
      .cell(FAMILY);
  }

  /** @param now - since the epoch. */
  synced(ms: number, now: number): void {
    this.duration.observe(ms / 1000);
    this.syncedAt.value = now / 1000;
  }

  failed(): void {
    this.failures.value += 1;
  }

  /** @param now - since the epoch. */
  touched(now: number): void {
    this.queuedAt.value = now / 1000;
  }
}
