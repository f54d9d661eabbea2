import { parseGroupVersion } from '#apimachinery';
import type { MetricsRegistry } from '#telemetry';
import type { ConversionFailure } from './conversion-review.js';

const REQUEST_SECONDS = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 45, 60];
const CONVERSION_SECONDS = Array.from({ length: 15 }, (_, power) => 0.001 * 2 ** power);
/** Definitions whose conversions are told apart, and versions of them. */
const DEFINITIONS = 500;
const VERSIONS = 200;

/** Counts calls of conversion webhooks under the reference's names. */
export class ConversionMetrics {
  private readonly requests;
  private readonly durations;
  private readonly byDefinition;

  constructor(metrics: MetricsRegistry) {
    const labels = { result: ['success', 'failure'], failure_type: 8 };
    this.requests = metrics.counter({
      name: 'apiserver_conversion_webhook_request_total',
      help: 'Calls of conversion webhooks, by result and kind of failure.',
      labels,
    });
    this.durations = metrics.histogram(
      {
        name: 'apiserver_conversion_webhook_duration_seconds',
        help: 'Time of a call of a conversion webhook, in seconds.',
        labels,
      },
      REQUEST_SECONDS,
    );
    this.byDefinition = metrics.histogram(
      {
        name: 'apiserver_crd_conversion_webhook_duration_seconds',
        help: 'Time of a conversion by webhook, by definition and versions, in seconds.',
        labels: {
          crd_name: DEFINITIONS,
          from_version: VERSIONS,
          to_version: VERSIONS,
          succeeded: ['true', 'false'],
        },
      },
      CONVERSION_SECONDS,
    );
  }

  /** Drops the series of a definition that is gone. */
  forget(definition: string): void {
    this.byDefinition.drop({ crd_name: definition });
  }

  /** Gives the function that ends a call: without a failure, it went well. Versions are apiVersions. */
  begin(definition: string, from: string, to: string): (failure?: ConversionFailure) => void {
    const began = performance.now();
    return (failure) => {
      const seconds = (performance.now() - began) / 1000;
      const labels = [failure === undefined ? 'success' : 'failure', failure ?? ''];
      this.requests.cell(...labels).value += 1;
      this.durations.cell(...labels).observe(seconds);
      const [fromVersion, toVersion] = [from, to].map((apiVersion) => parseGroupVersion(apiVersion)?.version ?? '');
      this.byDefinition.cell(definition, fromVersion!, toVersion!, String(failure === undefined)).observe(seconds);
    };
  }
}
