import { Module } from '@nestjs/common';
import { ResourceCatalog } from '#kinds';
import { MetricsRegistry } from '#telemetry';
import { AggregatedApis } from '../aggregation/aggregated-apis.js';
import { AggregationLoop } from '../aggregation/aggregation-loop.js';
import { LocalApiServices } from '../aggregation/local-api-services.js';
import { RemoteServers } from '../aggregation/remote-server.js';
import { API_SERVER, MASTERS_GROUP } from '../identity/users.js';
import { provide } from '../injection/provide.js';
import { BackgroundLoop } from './background-loop.js';
import { PkiModule } from './pki.module.js';
import { ProcessClients } from './process-clients.js';
import { RegistryModule } from './registry.module.js';
import { StorageModule } from './storage.module.js';
import { CLOCK, LISTER, OPTIONS, PKI, PROXY_NETWORK, STORE } from './tokens.js';

/** Looks after APIServices. */
class AggregationLoops extends BackgroundLoop {}

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
    provide(
      AggregationLoops,
      [OPTIONS, CLOCK, MetricsRegistry, ResourceCatalog, LISTER, AggregatedApis, RemoteServers, ProcessClients],
      ({ logger }, clock, metrics, catalog, lister, apis, remote, clients) =>
        new AggregationLoops('APIServices', logger, (signal) => {
          const client = clients.as(API_SERVER, [MASTERS_GROUP]);
          const local = new LocalApiServices(catalog, client);
          const options = { apis, catalog, client, clock, lister, local, logger, metrics, remote };
          return new AggregationLoop(options).run(signal);
        }),
    ),
  ],
  exports: [AggregatedApis, RemoteServers],
})
export class AggregationModule {}
