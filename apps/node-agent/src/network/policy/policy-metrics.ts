import type { Cell, Distribution, MetricsRegistry } from '#telemetry';
import type { PolicyIndex } from './policy-index.js';
import type { PolicySync } from './policy-table.js';

/** Upper bounds in seconds. */
const BUCKETS = Array.from({ length: 12 }, (_, i) => 0.001 * 2 ** i);
const DIRECTIONS = ['ingress', 'egress'] as const;

/** What the enforcement of NetworkPolicies counts. Times are given in milliseconds and shown in seconds. */
export class PolicyMetrics {
  private readonly duration: Distribution;
  private readonly failures: Cell;
  private readonly repairs: Cell;
  private readonly refusals: Cell;
  private readonly enforced: Cell;
  private readonly elements: { written: Cell; removed: Cell };

  constructor(private readonly registry: MetricsRegistry) {
    const counter = (name: string, help: string) => registry.counter({ name, help, labels: {} }).cell();
    this.enforced = registry
      .gauge({
        name: 'berth_network_policy_enforced',
        help: '1 while this node enforces NetworkPolicies on all traffic of its pods, else 0.',
        labels: {},
      })
      .cell();
    this.duration = registry
      .histogram(
        {
          name: 'berth_network_policy_sync_duration_seconds',
          help: 'Time from a change of policies or pods until the kernel has it, without the time to gather changes.',
          labels: {},
        },
        BUCKETS,
      )
      .cell();
    this.failures = counter('berth_network_policy_sync_failures_total', 'Times that rules could not be written.');
    this.repairs = counter(
      'berth_network_policy_repairs_total',
      'Times that rules were missing in the kernel and were restored.',
    );
    this.refusals = counter(
      'berth_network_policy_refused_total',
      'Policies for which no rules could be made: the others are enforced, and their own pods are isolated.',
    );
    const changes = registry.counter({
      name: 'berth_network_policy_changes_total',
      help: 'Chains and elements of sets that were changed in the kernel.',
      labels: { operation: ['write', 'remove'] },
    });
    this.elements = { written: changes.cell('write'), removed: changes.cell('remove') };
  }

  /** Shows what the index knows, whenever metrics are read. */
  show(index: PolicyIndex): void {
    const policies = this.registry
      .gauge({ name: 'berth_network_policies', help: 'NetworkPolicies of the cluster.', labels: {} })
      .cell();
    const pods = this.registry.gauge({
      name: 'berth_network_policy_isolated_pods',
      help: 'Pods of this node that policies isolate.',
      labels: { direction: DIRECTIONS },
    });
    this.registry.onCollect(() => {
      policies.value = index.policyCount;
      const isolated = index.isolated();
      for (const direction of DIRECTIONS) pods.cell(direction).value = isolated[direction];
    });
  }

  setEnforced(enforced: boolean): void {
    this.enforced.value = enforced ? 1 : 0;
  }

  synced(ms: number, { written, removed }: Pick<PolicySync, 'written' | 'removed'>): void {
    this.duration.observe(ms / 1000);
    this.elements.written.value += written;
    this.elements.removed.value += removed;
  }

  failed(): void {
    this.failures.value += 1;
  }

  repaired(): void {
    this.repairs.value += 1;
  }

  refused(): void {
    this.refusals.value += 1;
  }
}
