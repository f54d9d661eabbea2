import { Module } from '@nestjs/common';
import { ResourceCatalog } from '#kinds';
import { MetricsRegistry } from '#telemetry';
import { ConversionMetrics } from '../custom-resources/conversion-metrics.js';
import { DefinitionLoop } from '../custom-resources/definition-loop.js';
import { InstanceCleanup } from '../custom-resources/instance-cleanup.js';
import { NameClaims } from '../custom-resources/name-claims.js';
import { followRules } from '../custom-resources/rule-metrics.js';
import { ServedDefinitions } from '../custom-resources/served-definitions.js';
import { API_SERVER, MASTERS_GROUP } from '../identity/users.js';
import { provide } from '../injection/provide.js';
import { WebhookClient } from '../webhook-client/webhook-client.js';
import { BackgroundLoop } from './background-loop.js';
import { ProcessClients } from './process-clients.js';
import { RegistryModule } from './registry.module.js';
import { StopSignal } from './stop-signal.js';
import { StorageModule } from './storage.module.js';
import { CLOCK, OPTIONS, REGISTRY, STORE } from './tokens.js';
import { WebhookModule } from './webhook.module.js';

/** Writes what becomes of definitions. */
class DefinitionLoops extends BackgroundLoop {}

/** Custom resources. Those that are established are in the catalog before anything asks for it. */
@Module({
  imports: [StorageModule, RegistryModule, WebhookModule],
  providers: [
    StopSignal,
    provide(ConversionMetrics, [MetricsRegistry], (metrics) => new ConversionMetrics(metrics)),
    provide(
      ServedDefinitions,
      [OPTIONS, STORE, ResourceCatalog, WebhookClient, ConversionMetrics, StopSignal, MetricsRegistry],
      ({ logger }, store, catalog, webhooks, metrics, { signal }, registry) => {
        followRules(registry, signal);
        const definitions = new ServedDefinitions({
          ...{ store, catalog, logger },
          conversion: { webhooks, metrics, signal },
        });
        definitions.settleAll();
        return definitions;
      },
    ),
    provide(
      DefinitionLoops,
      [OPTIONS, CLOCK, MetricsRegistry, ResourceCatalog, ServedDefinitions, REGISTRY, ProcessClients],
      ({ logger }, clock, metrics, catalog, definitions, { context }, clients) =>
        new DefinitionLoops('CustomResourceDefinitions', logger, (signal) => {
          const client = clients.as(API_SERVER, [MASTERS_GROUP]);
          const user = { name: API_SERVER, groups: [MASTERS_GROUP] };
          const cleanup = new InstanceCleanup({ context, definitions, client, user });
          const claims = new NameClaims(context, user);
          const options = { definitions, catalog, cleanup, claims, client, clock, logger, metrics };
          return new DefinitionLoop(options).run(signal);
        }),
    ),
  ],
  exports: [ServedDefinitions],
})
export class CustomResourcesModule {}
