import { hostname } from 'node:os';
import {
  Inject,
  Injectable,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
} from '@nestjs/common';
import { type Clock, SharedInformers } from '#client';
import type { ControllerState, NodeFolders } from '#controllers';
import { ResourceCatalog } from '#kinds';
import { MetricsRegistry, noTracer } from '#telemetry';
import { ServiceAccountTokenIssuer } from '../authentication/service-account-tokens.js';
import type { HealthCheck } from '../http/documents/health-checks.js';
import { AgentFolders } from '../http/proxy/node-folders.js';
import { provide } from '../injection/provide.js';
import { certificateAuthority } from '../pki/certificate-requests.js';
import type { Pki } from '../pki/pki.js';
import { AuthenticationModule } from './authentication.module.js';
import { Bootstrap } from './bootstrap.module.js';
import type { ControlPlaneOptions } from './control-plane-options.js';
import { CustomResourcesModule } from './custom-resources.module.js';
import { rerunOnLostLeadership } from './leadership.js';
import { PkiModule } from './pki.module.js';
import { ProcessClients } from './process-clients.js';
import { RegistryModule } from './registry.module.js';
import { ServerProgress } from './server-progress.js';
import { StorageModule } from './storage.module.js';
import { CLOCK, LISTER, NODE_CREDENTIALS, NODE_FOLDERS, OPTIONS, PKI, PROXY_NETWORK } from './tokens.js';

/** Controllers and scheduler. They are loaded only where they run, and start when the cluster's own objects are there. */
@Injectable()
export class Loops implements OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown {
  private readonly stop = new AbortController();
  private started: Promise<{ stopped: Promise<unknown> }> | undefined;

  constructor(
    @Inject(OPTIONS) private readonly options: ControlPlaneOptions,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(MetricsRegistry) private readonly metrics: MetricsRegistry,
    @Inject(ResourceCatalog) private readonly catalog: ResourceCatalog,
    @Inject(PKI) private readonly pki: Pki,
    @Inject(NODE_FOLDERS) private readonly nodeFolders: NodeFolders,
    @Inject(ServiceAccountTokenIssuer) private readonly tokens: ServiceAccountTokenIssuer,
    @Inject(ProcessClients) private readonly clients: ProcessClients,
    @Inject(Bootstrap) private readonly bootstrap: Bootstrap,
    @Inject(ServerProgress) private readonly progress: ServerProgress,
  ) {}

  /** Rejects when a loop cannot go on; otherwise it never settles. */
  get failed(): Promise<never> {
    return new Promise((_, reject) => {
      this.started?.then(({ stopped }) => stopped).catch(reject);
    });
  }

  onApplicationBootstrap(): void {
    this.started = this.bootstrap.finished.then(() => this.start());
    this.started.catch(() => {});
  }

  onModuleDestroy(): void {
    this.stop.abort();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.started?.then(({ stopped }) => stopped).catch(() => {});
  }

  private async start(): Promise<{ stopped: Promise<unknown> }> {
    const { components } = this.options;
    const running: Promise<void>[] = [];
    if (components.has('controllers')) running.push(this.controllers(await import('#controllers')));
    if (components.has('scheduler')) running.push(this.scheduler(await import('#scheduler')));
    const stopped = Promise.all(running);
    stopped.catch(() => {});
    return { stopped };
  }

  private controllers(library: typeof import('#controllers')): Promise<void> {
    const { startControllers, CONTROLLER_MANAGER, ControllerHealth } = library;
    const { options, metrics } = this;
    const health = new ControllerHealth(metrics);
    this.progress.advisories = () => health.states().map(controllerCheck);
    return this.lead('controllers', (signal) =>
      startControllers({
        ...this.common(signal),
        clientFor: (identity) => this.clients.as(identity),
        resources: this.catalog,
        informers: this.informers(CONTROLLER_MANAGER, 'kube-controller-manager'),
        health,
        options: {
          clusterCidr: options.clusterCidr,
          serviceCidr: options.serviceClusterIpRange,
          rootCA: this.pki.ca.certificate,
          clusterDomain: options.clusterDomain,
          secretToken: (token) => this.tokens.issueForSecret(token),
          certificateAuthority: certificateAuthority(this.pki.ca),
          nodeFolders: this.nodeFolders,
          serviceLoadBalancers: !options.disabled.has('servicelb'),
        },
      }),
    );
  }

  private scheduler({ startScheduler, SCHEDULER }: typeof import('#scheduler')): Promise<void> {
    return this.lead('the scheduler', (signal) =>
      startScheduler({
        ...this.common(signal),
        client: this.clients.as(SCHEDULER),
        informers: this.informers(SCHEDULER, 'kube-scheduler'),
      }),
    );
  }

  private lead(what: string, start: (term: AbortSignal) => Promise<boolean>): Promise<void> {
    return rerunOnLostLeadership(what, this.options.logger, this.stop.signal, start);
  }

  private informers(identity: string, name: string): SharedInformers {
    const { metrics } = this;
    return new SharedInformers(this.clients.as(identity), { logger: this.options.logger, shown: { metrics, name } });
  }

  private common(signal: AbortSignal) {
    const { logger, tracer = noTracer, components, advertiseAddress, securePort } = this.options;
    // We listen on this address by now: whoever had the name before is gone, and need not be waited for.
    const leaderIdentity = components.has('api') ? `${hostname()}_${advertiseAddress}:${securePort}` : undefined;
    return { clock: this.clock, random: Math.random, logger, metrics: this.metrics, tracer, signal, leaderIdentity };
  }
}

@Module({
  imports: [PkiModule, StorageModule, AuthenticationModule, RegistryModule, CustomResourcesModule],
  providers: [
    provide(
      NODE_FOLDERS,
      [LISTER, NODE_CREDENTIALS, PROXY_NETWORK],
      (lister, credentials, network) => new AgentFolders(lister, credentials, network),
    ),
    Loops,
  ],
})
export class LoopsModule {}

function controllerCheck({ name, running, error }: ControllerState): HealthCheck {
  return {
    name: `controller/${name}`,
    endpoints: ['readyz'],
    check: () => {
      if (!running) throw new Error(error);
    },
  };
}
