import type { HealthCheck } from '../http/documents/health-checks.js';

/** What the loops of this process tell those that answer for its health, which start before them. */
export class ServerProgress {
  bootstrapped = false;
  /** One check a controller that runs here. */
  advisories: () => readonly HealthCheck[] = () => [];

  readonly bootstrapCheck: HealthCheck = {
    name: 'poststarthook/bootstrap',
    endpoints: ['healthz', 'readyz'],
    check: () => {
      if (!this.bootstrapped) throw new Error('not finished');
    },
  };
}
