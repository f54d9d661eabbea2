import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { installation } from '#host';
import { MetricsRegistry } from '#telemetry';
import type { CriRuntime } from './cri.js';
import { RUNTIME_OPERATIONS, registerRuntimeMetrics } from './runtime-metrics.js';

test('calls to the runtime are counted with their time and their failures', async () => {
  const registry = new MetricsRegistry();
  const runtime: Pick<CriRuntime, 'onDone'> = { onDone: () => {} };
  registerRuntimeMetrics(registry, runtime);
  runtime.onDone('RunPodSandbox', 250, false);
  runtime.onDone('RunPodSandbox', 10, true);
  const text = await registry.render();
  for (const line of [
    'kubelet_runtime_operations_total{operation_type="run_podsandbox"} 2',
    'kubelet_runtime_operations_errors_total{operation_type="run_podsandbox"} 1',
    'kubelet_runtime_operations_duration_seconds_sum{operation_type="run_podsandbox"} 0.26',
  ])
    assert.ok(text.split('\n').includes(line), `${line}\n${text}`);
});

test('every call that the agent makes has its name', () => {
  const source = readFileSync(join(installation, 'apps/node-agent/src/runtime/cri.ts'), 'utf8');
  const called = [...source.matchAll(/\.call(?:<[^(]*>)?\(\s*'(\w+)'/g)].map(([, method]) => method!);
  assert.ok(called.length > 20, `${called.length} calls were found`);
  assert.deepEqual(
    called.filter((method) => !Object.hasOwn(RUNTIME_OPERATIONS, method)),
    [],
  );
});
