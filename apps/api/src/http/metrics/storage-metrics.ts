import type { ResourceCatalog } from '#kinds';
import type { MetricsRegistry } from '#telemetry';
import type { Store } from '../../storage/store.js';
import { RESOURCES } from './request-labels.js';

/** How much is stored, and how much came from the log. */
export function registerStorageMetrics(
  registry: MetricsRegistry,
  store: Pick<Store, 'cache' | 'sizeBytes'>,
  catalog: ResourceCatalog,
): void {
  const objects = registry.gauge({
    name: 'apiserver_storage_objects',
    help: 'Stored objects by resource.',
    labels: { resource: RESOURCES },
  });
  const received = registry.counter({
    name: 'apiserver_storage_events_received_total',
    help: 'Changes that the watch cache took from the store, by resource.',
    labels: { group: RESOURCES, resource: RESOURCES },
  });
  const size = registry
    .gauge({
      name: 'apiserver_storage_size_bytes',
      help: 'Size of the database, in bytes.',
      labels: { storage_cluster_id: ['postgres'] },
    })
    .cell('postgres');
  registry.onCollect(async () => {
    objects.clear();
    received.clear();
    for (const { storageResource, verbs } of catalog.list()) {
      if (!verbs.includes('watch')) continue;
      const cache = store.cache(storageResource);
      const [group, resource] = partsOf(storageResource);
      objects.cell(group === '' ? resource : `${resource}.${group}`).value = cache.size;
      received.cell(group, resource).value = cache.changes;
    }
    // While the database is away the last size stays.
    size.value = await store.sizeBytes().catch(() => size.value);
  });
}

function partsOf(storageResource: string): [group: string, resource: string] {
  const slash = storageResource.indexOf('/');
  return slash < 0 ? ['', storageResource] : [storageResource.slice(0, slash), storageResource.slice(slash + 1)];
}
