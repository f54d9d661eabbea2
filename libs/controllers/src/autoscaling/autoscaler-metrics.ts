import { exponentialBuckets, type MetricsRegistry } from '#telemetry';

/** Autoscalers and namespaces that are told apart, at most. */
const AUTOSCALERS = 1000;
/** Seconds: doubling from a millisecond. */
const BUCKETS = exponentialBuckets(0.001, 2, 15);

export type Action = 'scale_up' | 'scale_down' | 'none';
export type Failure = 'spec' | 'internal' | 'none';

const ACTIONS: readonly Action[] = ['scale_up', 'scale_down', 'none'];
const FAILURES: readonly Failure[] = ['spec', 'internal', 'none'];
const TYPES = ['Resource', 'ContainerResource', 'Pods', 'Object', 'External'];

/** What the autoscaler counts; names and labels are the reference's. Durations are given in milliseconds. */
export class AutoscalerMetrics {
  private readonly families;

  constructor(registry: MetricsRegistry) {
    const outcome = { action: ACTIONS, error: FAILURES };
    const metric = { ...outcome, metric_type: TYPES };
    this.families = {
      reconciliations: registry.counter({
        name: 'horizontal_pod_autoscaler_controller_reconciliations_total',
        help: 'Looks at autoscalers, by what they did and how they failed.',
        labels: outcome,
      }),
      durations: registry.histogram(
        {
          name: 'horizontal_pod_autoscaler_controller_reconciliation_duration_seconds',
          help: 'Time of one look at an autoscaler, in seconds.',
          labels: outcome,
        },
        BUCKETS,
      ),
      computations: registry.counter({
        name: 'horizontal_pod_autoscaler_controller_metric_computation_total',
        help: 'Computations of single metrics, by what they proposed and how they failed.',
        labels: metric,
      }),
      computationDurations: registry.histogram(
        {
          name: 'horizontal_pod_autoscaler_controller_metric_computation_duration_seconds',
          help: 'Time to compute one metric, in seconds.',
          labels: metric,
        },
        BUCKETS,
      ),
      autoscalers: registry.gauge({
        name: 'horizontal_pod_autoscaler_controller_num_horizontal_pod_autoscalers',
        help: 'Autoscalers that there are.',
      }),
      desired: registry.gauge({
        name: 'horizontal_pod_autoscaler_controller_desired_replicas',
        help: 'Replicas that an autoscaler wants.',
        labels: { namespace: AUTOSCALERS, hpa_name: AUTOSCALERS },
      }),
    };
  }

  reconciled(action: Action, failure: Failure, ms: number): void {
    this.families.reconciliations.cell(action, failure).value += 1;
    this.families.durations.cell(action, failure).observe(ms / 1000);
  }

  computed(action: Action, failure: Failure, type: string, ms: number): void {
    this.families.computations.cell(action, failure, type).value += 1;
    this.families.computationDurations.cell(action, failure, type).observe(ms / 1000);
  }

  counted(autoscalers: number): void {
    this.families.autoscalers.cell().value = autoscalers;
  }

  desires(namespace: string, name: string, replicas: number): void {
    this.families.desired.cell(namespace, name).value = replicas;
  }
}
