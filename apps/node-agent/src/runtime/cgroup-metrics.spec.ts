import assert from 'node:assert/strict';
import { silentLogger } from '#client';
import { MetricsRegistry } from '#telemetry';
import { registerCgroupMetrics } from './cgroup-metrics.js';
import type { Cgroups } from './cgroups.js';

test('operations on cgroups are counted with their time, by kind', async () => {
  const registry = new MetricsRegistry(silentLogger);
  const cgroups = { version: 2, onDone: () => {} } as unknown as Cgroups;
  registerCgroupMetrics(registry, cgroups);
  cgroups.onDone('create', 30);
  cgroups.onDone('destroy', 700);
  const text = await registry.render();
  assert.match(text, /^kubelet_cgroup_version 2$/m);
  assert.match(
    text,
    /^kubelet_cgroup_manager_duration_seconds_bucket\{.*le="0\.05".*operation_type="create".*\} 1$|operation_type="create",le="0\.05"\} 1$/m,
  );
  assert.match(text, /^kubelet_cgroup_manager_duration_seconds_sum\{operation_type="destroy"\} 0\.7$/m);
});
