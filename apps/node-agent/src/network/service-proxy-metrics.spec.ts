import assert from 'node:assert/strict';
import { MetricsRegistry } from '#telemetry';
import { ServiceProxyMetrics } from './service-proxy-metrics.js';

describe('the metrics of the service proxy', () => {
  it('are in seconds, for each family, and named by the mode', () => {
    const registry = new MetricsRegistry();
    const metrics = new ServiceProxyMetrics(registry, 'nftables', ['IPv4', 'IPv6']);
    metrics.touched(5_000);
    metrics.synced(1500, 6_000, { full: true, flowsEnded: 2 });
    metrics.refused('IPv6');
    metrics.failed();
    const samples = registry.samples().filter(({ metricName }) => !metricName.endsWith('_bucket'));
    const value = (name: string, family: string) =>
      samples.find(({ metricName, labels }) => metricName === name && labels['ip_family'] === family)?.value;
    const expected: [name: string, four: number, six: number][] = [
      ['kubeproxy_sync_proxy_rules_duration_seconds_sum', 1.5, 1.5],
      ['kubeproxy_sync_full_proxy_rules_duration_seconds_count', 1, 1],
      ['kubeproxy_sync_partial_proxy_rules_duration_seconds_count', 0, 0],
      ['kubeproxy_sync_proxy_rules_last_timestamp_seconds', 6, 6],
      ['kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds', 5, 5],
      ['kubeproxy_sync_proxy_rules_nftables_sync_failures_total', 1, 1],
      ['kubeproxy_conntrack_reconciler_deleted_entries_total', 2, 0],
      ['berth_service_rules_refused_total', 0, 1],
    ];
    for (const [name, four, six] of expected) {
      assert.deepEqual([name, value(name, 'IPv4'), value(name, 'IPv6')], [name, four, six]);
    }
  });
});
