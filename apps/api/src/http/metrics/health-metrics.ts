import type { MetricsRegistry } from '#telemetry';

/** Checks of a server: those of its parts, and one a controller. */
const CHECKS = 200;
const TYPES = ['healthz', 'livez', 'readyz'] as const;

/** Results of health checks, each time one is made. */
export class HealthMetrics {
  private readonly state;
  private readonly results;

  constructor(registry: MetricsRegistry) {
    const labels = { name: CHECKS, type: TYPES };
    this.state = registry.gauge({
      name: 'kubernetes_healthcheck',
      help: 'Last result of a health check: 1 passed, 0 failed.',
      labels,
    });
    this.results = registry.counter({
      name: 'kubernetes_healthchecks_total',
      help: 'Results of health checks.',
      labels: { ...labels, status: ['success', 'error'] },
    });
  }

  checked(name: string, type: (typeof TYPES)[number], passed: boolean): void {
    this.state.cell(name, type).value = passed ? 1 : 0;
    this.results.cell(name, type, passed ? 'success' : 'error').value += 1;
  }
}
