import type { Distribution, HistogramFamily, MetricsRegistry } from '#telemetry';
import type { AdmissionOperation } from './admission-request.js';

export type AdmissionStep = 'admit' | 'validate';

/** Upstream's buckets, in seconds. */
const BUCKETS = [0.005, 0.025, 0.1, 0.5, 1, 2.5];
const LABELS = {
  type: ['admit', 'validate'],
  operation: ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'],
  rejected: ['true', 'false'],
};
/** There are fewer plugins. */
const PLUGINS = 100;

/** How long admission takes, by plugin and as a whole: upstream's names and labels. */
export class AdmissionMetrics {
  private readonly plugins: HistogramFamily;
  private readonly steps: HistogramFamily;

  constructor(registry: MetricsRegistry) {
    this.plugins = registry.histogram(
      {
        name: 'apiserver_admission_controller_admission_duration_seconds',
        help: 'Time of an admission plugin, in seconds.',
        labels: { name: PLUGINS, ...LABELS },
      },
      BUCKETS,
    );
    this.steps = registry.histogram(
      {
        name: 'apiserver_admission_step_admission_duration_seconds',
        help: 'Time of all admission plugins of a step, in seconds.',
        labels: LABELS,
      },
      BUCKETS,
    );
  }

  ofPlugin(name: string, step: AdmissionStep, operation: AdmissionOperation): AdmissionTimer {
    return new AdmissionTimer((isRejected) => this.plugins.cell(name, step, operation, isRejected));
  }

  ofStep(step: AdmissionStep, operation: AdmissionOperation): AdmissionTimer {
    return new AdmissionTimer((isRejected) => this.steps.cell(step, operation, isRejected));
  }
}

/** Times one kind of call. Its series are looked up once: that costs more than most plugins. */
export class AdmissionTimer {
  private readonly accepted: Distribution;

  constructor(private readonly series: (isRejected: 'true' | 'false') => Distribution) {
    this.accepted = series('false');
  }

  /** Calls, and stays synchronous where the call is. */
  time(call: () => void | Promise<void>): void | Promise<void> {
    const began = performance.now();
    const end = () => this.accepted.observe((performance.now() - began) / 1000);
    const fail = (error: unknown): never => {
      this.series('true').observe((performance.now() - began) / 1000);
      throw error;
    };
    let waiting: void | Promise<void>;
    try {
      waiting = call();
    } catch (error) {
      return fail(error);
    }
    if (waiting) return waiting.then(end, fail);
    end();
  }
}
