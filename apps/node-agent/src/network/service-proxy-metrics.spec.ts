import assert from 'node:assert/strict';
import { MetricsRegistry } from '#telemetry';
import { ServiceProxyMetrics } from './service-proxy-metrics.js';

describe('the metrics of the service proxy', () => {
  it('are in seconds, and of the one family', () => {
    const registry = new MetricsRegistry();
    const metrics = new ServiceProxyMetrics(registry);
    metrics.touched(5_000);
    metrics.synced(1500, 6_000);
    metrics.failed();
    const shown = registry.samples().filter(({ metricName }) => !metricName.endsWith('_bucket'));
    const prefix = 'kubeproxy_sync_proxy_rules_';
    assert.deepEqual(
      shown.map(({ metricName, labels, value }) => [metricName.replace(prefix, ''), labels['ip_family'], value]),
      [
        ['duration_seconds_sum', 'IPv4', 1.5],
        ['duration_seconds_count', 'IPv4', 1],
        ['last_timestamp_seconds', 'IPv4', 6],
        ['last_queued_timestamp_seconds', 'IPv4', 5],
        ['iptables_restore_failures_total', 'IPv4', 1],
      ],
    );
  });
});
