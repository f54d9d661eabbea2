import type { OnModuleDestroy } from '@nestjs/common';
import type { HealthCheck } from '../http/documents/health-checks.js';

/** How far the process is in its life, for those that answer for its health. */
export class ServerProgress implements OnModuleDestroy {
  bootstrapped = false;
  private shuttingDown = false;
  /** One check a controller that runs here. */
  advisories: () => readonly HealthCheck[] = () => [];

  readonly bootstrapCheck: HealthCheck = {
    name: 'poststarthook/bootstrap',
    endpoints: ['healthz', 'readyz'],
    check: () => {
      if (!this.bootstrapped) throw new Error('not finished');
    },
  };

  /** Load balancers learn that the server goes while it still serves. */
  readonly shutdownCheck: HealthCheck = {
    name: 'shutdown',
    endpoints: ['readyz'],
    check: () => {
      if (this.shuttingDown) throw new Error('process is shutting down');
    },
  };

  onModuleDestroy(): void {
    this.shuttingDown = true;
  }
}
