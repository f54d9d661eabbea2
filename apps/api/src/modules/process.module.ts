import { type DynamicModule, Global, Module } from '@nestjs/common';
import { realClock } from '#client';
import { allResources, ResourceCatalog, usageResources } from '#kinds';
import { MetricsRegistry, registerProcessMetrics, registerRegisteredMetrics } from '#telemetry';
import { HOST_NETWORK } from '../http/proxy/proxy-network.js';
import { provide } from '../injection/provide.js';
import type { ControlPlaneOptions } from './control-plane-options.js';
import { ServerProgress } from './server-progress.js';
import { CLOCK, NOW, OPTIONS, PROXY_NETWORK, STORE_TUNING } from './tokens.js';

/** What every module may ask for: the options, the clock, the metrics, the catalog of resources. */
@Global()
@Module({})
export class ProcessModule {
  static with(options: ControlPlaneOptions): DynamicModule {
    const providers = [
      { provide: OPTIONS, useValue: options },
      { provide: CLOCK, useValue: realClock },
      provide(NOW, [CLOCK], (clock) => () => new Date(clock.now())),
      { provide: STORE_TUNING, useValue: {} },
      { provide: PROXY_NETWORK, useValue: HOST_NETWORK },
      provide(ResourceCatalog, [], () => new ResourceCatalog([...allResources(), ...usageResources()])),
      provide(MetricsRegistry, [OPTIONS], ({ logger }) => {
        const metrics = new MetricsRegistry(logger);
        registerProcessMetrics(metrics);
        registerRegisteredMetrics(metrics);
        return metrics;
      }),
      provide(ServerProgress, [], () => new ServerProgress()),
    ];
    const keys = [OPTIONS, CLOCK, NOW, STORE_TUNING, PROXY_NETWORK, ResourceCatalog, MetricsRegistry, ServerProgress];
    return { module: ProcessModule, providers, exports: keys };
  }
}
