import { Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { ResourceCatalog } from '#kinds';
import { MetricsRegistry } from '#telemetry';
import { provide } from '../injection/provide.js';
import { ColdDatabase, History, openStore, type Store } from '../storage/index.js';
import { storeLister } from '../storage/lister.js';
import { commitMetrics } from '../store-metrics.js';
import { HISTORY, LISTER, OPTIONS, STORE, STORE_TUNING } from './tokens.js';

/** Events go this long after they were written last: the default of kube-apiserver's --event-ttl. */
const EVENT_LIFETIME_MS = 3_600_000;

/** The store is open when the container has it, and the last thing that is closed. */
@Module({
  providers: [
    provide(ColdDatabase, [OPTIONS], ({ databaseUrl: connectionString }) => new ColdDatabase({ connectionString })),
    provide(
      STORE,
      [OPTIONS, STORE_TUNING, ResourceCatalog, MetricsRegistry, ColdDatabase],
      ({ databaseUrl, sharedDatabase, logger }, tuning, catalog, metrics, cold) =>
        openStore({
          ...tuning,
          databaseUrl,
          cold,
          replicas: sharedDatabase ? 'many' : 'auto',
          fieldValue: (resource, object, label) => catalog.findStored(resource)?.fieldValue(object, label) ?? '',
          lifetimes: { events: EVENT_LIFETIME_MS },
          log: (message) => logger.info(message),
          committed: commitMetrics(metrics),
        }),
    ),
    provide(LISTER, [STORE], storeLister),
    provide(HISTORY, [ColdDatabase], (database) => new History(database)),
  ],
  exports: [STORE, LISTER, HISTORY],
})
export class StorageModule implements OnApplicationShutdown {
  constructor(@Inject(STORE) private readonly store: Store) {}

  async onApplicationShutdown(): Promise<void> {
    await this.store.close();
  }
}
