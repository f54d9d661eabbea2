import { STATUS_CODES } from 'node:http';
import type { MetricsRegistry } from '#telemetry';

/** Upper bounds of client-go's request durations, in seconds. */
const BUCKETS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];
/** Servers that one process talks to, at most. */
const HOSTS = 20;
/** In place of a code where no answer came; client-go's word. */
const NO_ANSWER = '<error>';

/** Counts requests to API servers by client-go's names. */
export class ClientRequestMetrics {
  private readonly total;
  private readonly duration;

  constructor(
    registry: MetricsRegistry,
    private readonly host: string,
  ) {
    this.total = registry.counter({
      name: 'rest_client_requests_total',
      help: 'Requests to the API server by code, method and host.',
      labels: { code: [...Object.keys(STATUS_CODES), NO_ANSWER], method: METHODS, host: HOSTS },
    });
    this.duration = registry.histogram(
      {
        name: 'rest_client_request_duration_seconds',
        help: 'Time until the answer began, in seconds.',
        labels: { verb: METHODS, host: HOSTS },
      },
      BUCKETS,
    );
  }

  /** @param code - undefined when no answer came. */
  observe(method: string, code: number | undefined, ms: number): void {
    this.total.cell(code === undefined ? NO_ANSWER : String(code), method, this.host).value += 1;
    this.duration.cell(method, this.host).observe(ms / 1000);
  }
}
