import assert from 'node:assert/strict';
import { allResources, ResourceCatalog } from '#kinds';
import { MetricsRegistry } from '#telemetry';
import type { ResourceEntry } from '../../registry/resource-table.js';
import { WatchMetrics } from './watch-metrics.js';

test('the watch series of a definition go with it, and do not come again', () => {
  const catalog = new ResourceCatalog(allResources());
  const registry = new MetricsRegistry();
  const metrics = new WatchMetrics(registry);
  metrics.follow(catalog);
  const series = () => registry.samples().filter(({ labels }) => labels['resource'] === 'configmaps').length;
  const definition = catalog.find('', 'v1', 'configmaps')!;
  const entry = { definition } as ResourceEntry;
  metrics.of(entry).count(10);
  assert.ok(series() > 0);
  catalog.remove([definition]);
  assert.equal(series(), 0);
  metrics.of(entry).count(10);
  assert.equal(series(), 0);
});
