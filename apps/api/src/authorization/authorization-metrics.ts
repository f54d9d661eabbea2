import type { Cell, MetricsRegistry } from '#telemetry';

/** Counts a decision that ends the chain. */
export type DecisionCounter = (decision: 'Allow' | 'Deny') => void;

const TYPES = ['AlwaysAllow', 'AlwaysDeny', 'Node', 'RBAC', 'Webhook'];
/** Names are those of a configuration; it has few, and another may replace it. */
const MOST_NAMES = 128;
const RESULTS = ['success', 'timeout', 'error', 'canceled'];
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const CONDITION_BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.1, 0.2, 0.25];

/** Upstream's metrics of authorizers. */
export class AuthorizationMetrics {
  private readonly decisions;
  private readonly evaluations;
  private readonly durations;
  private readonly failOpen;
  private readonly conditionErrors;
  private readonly conditionExclusions;
  private readonly conditionSeconds;

  constructor(metrics: MetricsRegistry) {
    const named = { type: TYPES, name: MOST_NAMES };
    const calls = { name: MOST_NAMES, result: RESULTS };
    this.decisions = metrics.counter({
      name: 'apiserver_authorization_decisions_total',
      help: 'Decisions of authorizers that ended the chain.',
      labels: { ...named, decision: ['allowed', 'denied'] },
    });
    this.evaluations = metrics.counter({
      name: 'apiserver_authorization_webhook_evaluations_total',
      help: 'Calls of webhooks that authorize.',
      labels: calls,
    });
    this.durations = metrics.histogram(
      {
        name: 'apiserver_authorization_webhook_duration_seconds',
        help: 'Time of calls of webhooks that authorize.',
        labels: calls,
      },
      BUCKETS,
    );
    this.failOpen = metrics.counter({
      name: 'apiserver_authorization_webhook_evaluations_fail_open_total',
      help: 'Requests that a webhook had no opinion of because its call failed.',
      labels: calls,
    });
    this.conditionErrors = metrics.counter({
      name: 'apiserver_authorization_match_condition_evaluation_errors_total',
      help: 'Requests for which conditions of a webhook had no value.',
      labels: named,
    });
    this.conditionExclusions = metrics.counter({
      name: 'apiserver_authorization_match_condition_exclusions_total',
      help: 'Requests that conditions kept from a webhook.',
      labels: named,
    });
    this.conditionSeconds = metrics.histogram(
      {
        name: 'apiserver_authorization_match_condition_evaluation_seconds',
        help: 'Time to evaluate the conditions of a webhook.',
        labels: named,
      },
      CONDITION_BUCKETS,
    );
  }

  counter(type: string, name: string): DecisionCounter {
    const cells: Record<'Allow' | 'Deny', Cell> = {
      Allow: this.decisions.cell(type, name, 'allowed'),
      Deny: this.decisions.cell(type, name, 'denied'),
    };
    return (decision) => {
      cells[decision].value += 1;
    };
  }

  called(name: string, result: string, millis: number): void {
    this.evaluations.cell(name, result).value += 1;
    this.durations.cell(name, result).observe(millis / 1000);
  }

  failedOpen(name: string, result: string): void {
    this.failOpen.cell(name, result).value += 1;
  }

  matched(name: string, outcome: boolean | Error, millis: number): void {
    this.conditionSeconds.cell('Webhook', name).observe(millis / 1000);
    if (outcome instanceof Error) this.conditionErrors.cell('Webhook', name).value += 1;
    else if (!outcome) this.conditionExclusions.cell('Webhook', name).value += 1;
  }
}
