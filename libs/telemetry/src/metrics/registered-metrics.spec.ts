import assert from 'node:assert/strict';
import { registerRegisteredMetrics } from './registered-metrics.js';
import { MetricsRegistry } from './registry.js';

test('metrics of the reference are counted by their level, others are not', async () => {
  const registry = new MetricsRegistry();
  registerRegisteredMetrics(registry);
  registry.counter({ name: 'apiserver_request_total', help: 'stable' });
  registry.gauge({ name: 'apiserver_storage_objects', help: 'stable' });
  registry.counter({ name: 'rest_client_requests_total', help: 'alpha' });
  registry.counter({ name: 'berth_own_total', help: 'ours' });
  const shown = async () =>
    (await registry.render())
      .split('\n')
      .filter((line) => line.startsWith('registered_metrics_total{'))
      .sort();
  const line = (level: string, count: number) =>
    `registered_metrics_total{stability_level="${level}",deprecated_version=""} ${count}`;
  // It counts itself, which is beta.
  assert.deepEqual(await shown(), [line('ALPHA', 1), line('BETA', 1), line('STABLE', 2)]);
  registry.counter({ name: 'rest_client_exec_plugin_call_total', help: 'alpha' });
  assert.deepEqual(await shown(), [line('ALPHA', 2), line('BETA', 1), line('STABLE', 2)]);
});
