import { Injectable, Module, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { MetricsRegistry } from '#telemetry';
import { mandatoryFlowObjects } from '../bootstrap/flow-control.bootstrap.js';
import { DanglingStatus } from '../flow-control/dangling-status.js';
import { FlowConfiguration } from '../flow-control/flow-configuration.js';
import { FlowController } from '../flow-control/flow-controller.js';
import { FLOW_DUMPS } from '../flow-control/flow-dump.js';
import { FlowMetrics } from '../flow-control/flow-metrics.js';
import { WatchTracker } from '../flow-control/watch-tracker.js';
import { WorkEstimator } from '../flow-control/work-estimator.js';
import { RequestFlow } from '../http/server/request-flow.js';
import { API_SERVER, MASTERS_GROUP } from '../identity/users.js';
import { provide } from '../injection/provide.js';
import type { Registry } from '../registry/registry.js';
import type { Store } from '../storage/index.js';
import type { Lister } from '../storage/lister.js';
import type { ControlPlaneOptions } from './control-plane-options.js';
import { ProcessClients } from './process-clients.js';
import { RegistryModule } from './registry.module.js';
import { StorageModule } from './storage.module.js';
import { LISTER, NOW, OPTIONS, REGISTRY, STORE } from './tokens.js';

const PAGES = '/debug/api_priority_and_fairness';

/** Priority and fairness of the requests by HTTP. Callers within the process are exempt: they do not compete for it. */
@Injectable()
export class FlowControl implements OnApplicationBootstrap, OnApplicationShutdown {
  /** Absent: it is off. */
  readonly requests: RequestFlow | undefined;
  /** The debugging pages, by path. */
  readonly pages = new Map<string, (query: URLSearchParams) => { mediaType: string; body: string }>();
  private readonly configuration: FlowConfiguration | undefined;

  constructor(
    { maxInflight, priorityAndFairness, logger }: ControlPlaneOptions,
    { context }: Registry,
    store: Store,
    lister: Lister,
    registry: MetricsRegistry,
    private readonly status: DanglingStatus,
  ) {
    if (!priorityAndFairness) return;
    const watches = new WatchTracker();
    const controller = new FlowController({
      seats: maxInflight.reads + maxInflight.writes,
      mandatory: mandatoryFlowObjects(),
      estimator: new WorkEstimator(context.resources, watches),
      metrics: new FlowMetrics(registry),
    });
    this.requests = new RequestFlow(controller, watches);
    for (const [page, dump] of FLOW_DUMPS) {
      const mediaType = 'text/plain; charset=utf-8';
      this.pages.set(`${PAGES}/${page}`, (query) => ({ mediaType, body: dump(controller, query) }));
    }
    this.configuration = new FlowConfiguration(controller, lister, store, logger);
  }

  onApplicationBootstrap(): void {
    this.configuration?.keepStatus(this.status);
  }

  /** Requests that drain still take their seats. */
  async onApplicationShutdown(): Promise<void> {
    await this.configuration?.close();
  }
}

@Module({
  imports: [StorageModule, RegistryModule],
  providers: [
    provide(
      FlowControl,
      [OPTIONS, REGISTRY, STORE, LISTER, MetricsRegistry, ProcessClients, NOW],
      (options, registry, store, lister, metrics, clients, now) => {
        const status = new DanglingStatus(clients.as(API_SERVER, [MASTERS_GROUP]), options.logger, now);
        return new FlowControl(options, registry, store, lister, metrics, status);
      },
    ),
  ],
  exports: [FlowControl],
})
export class FlowControlModule {}
