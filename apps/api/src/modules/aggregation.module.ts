import { Inject, Injectable, Module, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { Clock } from '#client';
import { ResourceCatalog } from '#kinds';
import { MetricsRegistry } from '#telemetry';
import { AggregatedApis } from '../aggregation/aggregated-apis.js';
import { AggregationLoop } from '../aggregation/aggregation-loop.js';
import { LocalApiServices } from '../aggregation/local-api-services.js';
import { RemoteServers } from '../aggregation/remote-server.js';
import { API_SERVER, MASTERS_GROUP } from '../identity/users.js';
import { provide } from '../injection/provide.js';
import type { Lister } from '../storage/lister.js';
import type { ControlPlaneOptions } from './control-plane-options.js';
import { PkiModule } from './pki.module.js';
import { ProcessClients } from './process-clients.js';
import { RegistryModule } from './registry.module.js';
import { StorageModule } from './storage.module.js';
import { CLOCK, LISTER, OPTIONS, PKI, PROXY_NETWORK, STORE } from './tokens.js';

/** Looks after APIServices from when the server listens until it ends. */
@Injectable()
class AggregationLoops implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly stop = new AbortController();

  constructor(
    @Inject(OPTIONS) private readonly options: ControlPlaneOptions,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(MetricsRegistry) private readonly metrics: MetricsRegistry,
    @Inject(ResourceCatalog) private readonly catalog: ResourceCatalog,
    @Inject(LISTER) private readonly lister: Lister,
    @Inject(AggregatedApis) private readonly apis: AggregatedApis,
    @Inject(RemoteServers) private readonly remote: RemoteServers,
    @Inject(ProcessClients) private readonly clients: ProcessClients,
  ) {}

  onApplicationBootstrap(): void {
    const { apis, catalog, clock, lister, metrics, remote } = this;
    const { logger } = this.options;
    const client = this.clients.as(API_SERVER, [MASTERS_GROUP]);
    const local = new LocalApiServices(catalog, client);
    const loop = new AggregationLoop({ apis, catalog, client, clock, lister, local, logger, metrics, remote });
    loop.run(this.stop.signal).catch((error) => logger.error('APIServices are followed no more', { error }));
  }

  /** Requests that drain are still forwarded to servers that are there. */
  onApplicationShutdown(): void {
    this.stop.abort();
  }
}

/** API servers behind this one. Those that are known are there before the first request. */
@Module({
  imports: [StorageModule, PkiModule, RegistryModule],
  providers: [
    provide(AggregatedApis, [STORE, ResourceCatalog], (store, catalog) => {
      const apis = new AggregatedApis(store, catalog);
      apis.settleAll();
      return apis;
    }),
    provide(RemoteServers, [LISTER, PROXY_NETWORK, PKI], (lister, network, { frontProxyClient }) => {
      return new RemoteServers(lister, network, { cert: frontProxyClient.certificate, key: frontProxyClient.key });
    }),
    AggregationLoops,
  ],
  exports: [AggregatedApis, RemoteServers],
})
export class AggregationModule {}
