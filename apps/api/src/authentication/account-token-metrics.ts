import type { MetricsRegistry } from '#telemetry';

/** Counts uses of the tokens that ServiceAccounts get for a time. */
export function accountTokenMetrics(metrics: MetricsRegistry): (use: 'valid' | 'stale') => void {
  const uses = {
    valid: metrics
      .counter({ name: 'serviceaccount_valid_tokens_total', help: 'Uses of tokens of ServiceAccounts in time.' })
      .cell(),
    stale: metrics
      .counter({
        name: 'serviceaccount_stale_tokens_total',
        help: 'Uses of tokens of ServiceAccounts that their holders should have renewed.',
      })
      .cell(),
  };
  return (use) => {
    uses[use].value += 1;
  };
}
