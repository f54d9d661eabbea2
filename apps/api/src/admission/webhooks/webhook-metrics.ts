import { MetricsRegistry } from '#telemetry';
import type { AdmissionOperation } from '../admission-request.js';

/** `type` of upstream's metrics: the names differ from those of other admission metrics. */
export type WebhookType = 'admit' | 'validating';

export type RejectionCause = 'calling_webhook_error' | 'apiserver_internal_error' | 'no_error';

/** Upstream's buckets, in seconds. */
const CALL_BUCKETS = [0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 25];
const CONDITION_BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.1, 0.2, 0.25];
/** Distinct names of webhooks; more of them count as `other`. */
const NAMES = 500;
/** Distinct codes that webhooks answer with. */
const CODES = 60;
const TYPE = { type: ['admit', 'validating'] };
const OPERATION = { operation: ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'] };
const REJECTED = { rejected: ['true', 'false'] };
const CONDITION = { name: NAMES, kind: ['webhook'], ...TYPE, ...OPERATION };

/** Metrics of admission webhooks, with upstream's names and labels. */
export class WebhookMetrics {
  private readonly duration;
  private readonly requests;
  private readonly rejections;
  private readonly failOpen;
  private readonly conditionErrors;
  private readonly conditionExclusions;
  private readonly conditionSeconds;

  constructor(registry: MetricsRegistry) {
    this.duration = registry.histogram(
      {
        name: 'apiserver_admission_webhook_admission_duration_seconds',
        help: 'Time that calls to admission webhooks took, in seconds.',
        labels: { name: NAMES, ...TYPE, ...OPERATION, ...REJECTED },
      },
      CALL_BUCKETS,
    );
    this.requests = registry.counter({
      name: 'apiserver_admission_webhook_request_total',
      help: 'Calls to admission webhooks, by the code of the outcome.',
      labels: { name: NAMES, ...TYPE, ...OPERATION, code: CODES, ...REJECTED },
    });
    this.rejections = registry.counter({
      name: 'apiserver_admission_webhook_rejection_count',
      help: 'Requests that were refused because of an admission webhook, by cause.',
      labels: {
        ...{ name: NAMES, ...TYPE, ...OPERATION, rejection_code: CODES },
        error_type: ['calling_webhook_error', 'apiserver_internal_error', 'no_error'],
      },
    });
    this.failOpen = registry.counter({
      name: 'apiserver_admission_webhook_fail_open_count',
      help: 'Calls to admission webhooks that failed and were ignored.',
      labels: { name: NAMES, ...TYPE },
    });
    this.conditionErrors = registry.counter({
      name: 'apiserver_admission_match_condition_evaluation_errors_total',
      help: 'Match conditions that had no value.',
      labels: CONDITION,
    });
    this.conditionExclusions = registry.counter({
      name: 'apiserver_admission_match_condition_exclusions_total',
      help: 'Requests that match conditions left out.',
      labels: CONDITION,
    });
    this.conditionSeconds = registry.histogram(
      {
        name: 'apiserver_admission_match_condition_evaluation_seconds',
        help: 'Time that the match conditions of a webhook took, in seconds.',
        labels: CONDITION,
      },
      CONDITION_BUCKETS,
    );
  }

  called(
    name: string,
    type: WebhookType,
    operation: AdmissionOperation,
    seconds: number,
    code: number,
    isRejected: boolean,
  ): void {
    this.requests.cell(name, type, operation, codeText(code), String(isRejected)).value += 1;
    this.duration.cell(name, type, operation, String(isRejected)).observe(seconds);
  }

  rejected(name: string, type: WebhookType, operation: AdmissionOperation, cause: RejectionCause, code: number): void {
    this.rejections.cell(name, type, operation, codeText(code), cause).value += 1;
  }

  failedOpen(name: string, type: WebhookType): void {
    this.failOpen.cell(name, type).value += 1;
  }

  evaluated(
    name: string,
    type: WebhookType,
    operation: AdmissionOperation,
    seconds: number,
    outcome: boolean | Error,
  ): void {
    const labels = [name, 'webhook', type, operation] as const;
    this.conditionSeconds.cell(...labels).observe(seconds);
    if (outcome instanceof Error) this.conditionErrors.cell(...labels).value += 1;
    if (outcome === false) this.conditionExclusions.cell(...labels).value += 1;
  }
}

/** Codes above 600 count as 600. */
function codeText(code: number): string {
  return String(Math.min(code, 600));
}
