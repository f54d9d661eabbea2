import { Inject, Injectable, Module, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { Clock } from '#client';
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
import type { Registry } from '../registry/registry.js';
import { WebhookClient } from '../webhook-client/webhook-client.js';
import type { ControlPlaneOptions } from './control-plane-options.js';
import { ProcessClients } from './process-clients.js';
import { RegistryModule } from './registry.module.js';
import { StopSignal } from './stop-signal.js';
import { StorageModule } from './storage.module.js';
import { CLOCK, OPTIONS, REGISTRY, STORE } from './tokens.js';
import { WebhookModule } from './webhook.module.js';

/** Writes what becomes of definitions, from when the server listens until it ends. */
@Injectable()
class DefinitionLoops implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly stop = new AbortController();

  constructor(
    @Inject(OPTIONS) private readonly options: ControlPlaneOptions,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(MetricsRegistry) private readonly metrics: MetricsRegistry,
    @Inject(ResourceCatalog) private readonly catalog: ResourceCatalog,
    @Inject(ServedDefinitions) private readonly definitions: ServedDefinitions,
    @Inject(REGISTRY) private readonly registry: Registry,
    @Inject(ProcessClients) private readonly clients: ProcessClients,
  ) {}

  onApplicationBootstrap(): void {
    const { definitions, catalog, clock, metrics, registry } = this;
    const { logger } = this.options;
    const client = this.clients.as(API_SERVER, [MASTERS_GROUP]);
    const user = { name: API_SERVER, groups: [MASTERS_GROUP] };
    const cleanup = new InstanceCleanup({ context: registry.context, definitions, client, user });
    const claims = new NameClaims(registry.context, user);
    const loop = new DefinitionLoop({ definitions, catalog, cleanup, claims, client, clock, logger, metrics });
    loop.run(this.stop.signal).catch((error) => logger.error('definitions are followed no more', { error }));
  }

  onApplicationShutdown(): void {
    this.stop.abort();
  }
}

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
    DefinitionLoops,
  ],
  exports: [ServedDefinitions],
})
export class CustomResourcesModule {}
