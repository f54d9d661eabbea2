import type { MetricsRegistry } from '#telemetry';

/** Seconds: upstream's buckets. */
const BUCKETS = [0.0000005, 0.001, 0.01, 0.1, 1];
const POLICIES = 500;
const ERRORS = ['compile_error', 'invalid_error', 'out_of_budget', 'no_error'] as const;
const ACTIONS = ['allow', 'deny', 'audit', 'warn'] as const;

/** What ValidatingAdmissionPolicies decided against requests, and errors that they let pass. */
export class PolicyMetrics {
  private readonly checks;
  private readonly durations;

  constructor(registry: MetricsRegistry) {
    const labels = {
      policy: POLICIES,
      policy_binding: POLICIES,
      error_type: ERRORS,
      enforcement_action: ACTIONS,
    };
    this.checks = registry.counter({
      name: 'apiserver_validating_admission_policy_check_total',
      help: 'Failed validations of ValidatingAdmissionPolicies, by what became of them.',
      labels,
    });
    this.durations = registry.histogram(
      {
        name: 'apiserver_validating_admission_policy_check_duration_seconds',
        help: 'Time of a failed validation, in seconds.',
        labels,
      },
      BUCKETS,
    );
  }

  /** @param ms - that the expression took. */
  enforced(policy: string, binding: string, action: (typeof ACTIONS)[number], message: string, ms: number): void {
    const labels = [policy, binding, errorType(message), action];
    this.checks.cell(...labels).value += 1;
    this.durations.cell(...labels).observe(ms / 1000);
  }
}

/** The reference tells errors apart by their texts, and calls what is false an error as well. */
function errorType(message: string): (typeof ERRORS)[number] {
  if (message.startsWith('compilation')) return 'compile_error';
  if (message.startsWith('validation failed due to running out of cost budget')) return 'out_of_budget';
  return 'invalid_error';
}
