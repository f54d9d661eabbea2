import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { registerProcessMetrics } from './process-metrics.js';
import { MetricsRegistry } from './registry.js';

test('a process tells its memory, its start, and its files as they are at the scrape', () => {
  const registry = new MetricsRegistry();
  registerProcessMetrics(registry);
  const read = () =>
    new Map(registry.samples().map(({ metricName, value }) => [metricName.replace('process_', ''), value]));
  const before = read();
  const opened = Array.from({ length: 5 }, () => openSync('/dev/null', 'r'));
  const after = read();
  for (const file of opened) closeSync(file);
  assert.equal(after.get('open_fds')! - before.get('open_fds')!, 5);
  assert.ok(before.get('max_fds')! > after.get('open_fds')!);
  assert.ok(before.get('virtual_memory_bytes')! > before.get('resident_memory_bytes')!);
  assert.ok(before.get('resident_memory_bytes')! > 10 << 20);
  assert.ok(Math.abs(Date.now() / 1000 - before.get('start_time_seconds')!) < 300);
});
