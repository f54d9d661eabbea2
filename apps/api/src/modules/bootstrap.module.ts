import { setTimeout as delay } from 'node:timers/promises';
import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  Module,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { keepBootstrap, runBootstrap } from '../bootstrap/bootstrap.js';
import type { BootstrapOptions } from '../bootstrap/bootstrap-options.js';
import { keepLocalNodeRole } from '../bootstrap/local-node.bootstrap.js';
import { API_SERVER, MASTERS_GROUP } from '../identity/users.js';
import type { Pki } from '../pki/pki.js';
import type { ControlPlaneOptions } from './control-plane-options.js';
import { PkiModule } from './pki.module.js';
import { ProcessClients } from './process-clients.js';
import { RegistryModule } from './registry.module.js';
import { ServerProgress } from './server-progress.js';
import { NOW, OPTIONS, PKI } from './tokens.js';

/** Milliseconds that the end of the process waits for its address to leave the Service `kubernetes`. */
const LEAVE_MS = 2_000;

/** Makes the cluster's own objects when the server listens, and keeps them. */
@Injectable()
export class Bootstrap implements OnApplicationBootstrap, OnModuleDestroy, BeforeApplicationShutdown {
  private readonly stop = new AbortController();
  private work: Promise<void> | undefined;
  private kept: Promise<void> | undefined;

  constructor(
    @Inject(OPTIONS) private readonly options: ControlPlaneOptions,
    @Inject(PKI) private readonly pki: Pki,
    @Inject(ProcessClients) private readonly clients: ProcessClients,
    @Inject(NOW) private readonly now: () => Date,
    @Inject(ServerProgress) private readonly progress: ServerProgress,
  ) {}

  /** Resolves when the cluster's own objects are there. */
  get finished(): Promise<void> {
    return this.work ?? Promise.reject(new Error('the application is not initialized'));
  }

  /** Does not wait: the server answers meanwhile, and says that it is not ready. */
  onApplicationBootstrap(): void {
    this.work = this.run();
    this.work.catch(() => {});
  }

  onModuleDestroy(): void {
    this.stop.abort();
  }

  /** Before the port is closed: clients are told of the other servers first. A database that is away is not waited for. */
  async beforeApplicationShutdown(): Promise<void> {
    await Promise.race([this.kept, delay(LEAVE_MS, undefined, { ref: false })]);
  }

  private async run(): Promise<void> {
    const { options } = this;
    const serves = options.components.has('api');
    const bootstrap: BootstrapOptions = {
      client: this.clients.as(API_SERVER, [MASTERS_GROUP]),
      serves,
      advertiseAddress: options.advertiseAddress,
      securePort: options.securePort,
      serviceClusterIpRange: options.serviceClusterIpRange,
      clusterDnsPort: options.clusterDnsPort,
      clientCa: this.pki.ca.certificate,
      frontProxyCa: this.pki.frontProxyCa.certificate,
      localNode: options.localNode?.name,
      localStorage: !options.disabled.has('local-storage'),
      ingress: !options.disabled.has('ingress'),
      log: options.logger,
      now: this.now,
    };
    await runBootstrap(bootstrap);
    if (serves) {
      keepLocalNodeRole(bootstrap, this.stop.signal);
      this.kept = keepBootstrap(bootstrap, this.stop.signal);
    }
    this.progress.bootstrapped = true;
  }
}

@Module({ imports: [PkiModule, RegistryModule], providers: [Bootstrap], exports: [Bootstrap] })
export class BootstrapModule {}
