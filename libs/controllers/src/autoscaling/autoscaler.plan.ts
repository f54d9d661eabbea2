import { Quantity } from '#apimachinery';
import type { HorizontalPodAutoscaler, HPAScalingRules, MetricStatus } from '#kinds';
import type { AutoscalerStatus } from './autoscaler-status.js';
import type { MetricFailure, MetricProposal } from './metric-proposal.js';
import type { Tolerances } from './replica-calculator.js';
import type { ScalingHistory } from './scaling-history.js';
import { type Bounds, limitedByBehavior, limitedByDefault } from './scaling-rules.js';

/** What an autoscaler does with what its target and its metrics show. Pure but for the status and the history that it is given. */

/** Defaults of kube-controller-manager. */
const TOLERANCE = 0.1;
const DOWN_WINDOW_SECONDS = 300;

export interface Change {
  replicas: number;
  /** Why they are another number; '' when they are not. */
  reason: string;
}

export function boundsOf({ spec }: HorizontalPodAutoscaler, current: number): Bounds {
  return { current, min: spec.minReplicas ?? 1, max: spec.maxReplicas };
}

export function tolerancesOf({ spec: { behavior } }: HorizontalPodAutoscaler): Tolerances {
  const own = (rules: HPAScalingRules | undefined) =>
    rules?.tolerance === undefined ? TOLERANCE : Quantity.parse(rules.tolerance).toNumber();
  return { scaleDown: own(behavior?.scaleDown), scaleUp: own(behavior?.scaleUp) };
}

/** Metrics that say something although there are no pods. */
export function hasObjectMetrics({ spec }: HorizontalPodAutoscaler): boolean {
  return (spec.metrics ?? []).some(({ type }) => type === 'Object' || type === 'External');
}

/** What is to do whatever the metrics say; undefined: ask them. */
export function changeWithoutMetrics(
  autoscaler: HorizontalPodAutoscaler,
  { current, min, max }: Bounds,
  status: AutoscalerStatus,
): Change | undefined {
  if (current === 0) {
    const scaledToZero = status.isTrue('ScaledToZero');
    if (scaledToZero && (min !== 0 || hasObjectMetrics(autoscaler))) return undefined;
    // Somebody else has scaled to zero: that is how autoscaling is paused.
    const message = 'scaling is disabled since the replica count of the target is zero';
    status.set('ScalingActive', false, 'ScalingDisabled', message);
    return { replicas: 0, reason: '' };
  }
  if (current > max) return { replicas: max, reason: 'Current number of replicas above Spec.MaxReplicas' };
  if (current < min) return { replicas: min, reason: 'Current number of replicas below Spec.MinReplicas' };
  return undefined;
}

export interface Combined {
  statuses: MetricStatus[];
  /** Undefined: the metrics are not enough to go by. */
  proposal: { replicas: number; name: string } | undefined;
  /** What is wrong with some of the metrics. */
  failure: string | undefined;
}

/** The highest proposal counts. One that is missing may be higher: then nothing is scaled down. */
export function combine(
  results: readonly (MetricProposal | MetricFailure)[],
  current: number,
  status: AutoscalerStatus,
): Combined {
  let replicas = 0;
  let name = '';
  let first: MetricFailure | undefined;
  let failures = 0;
  const statuses = results.map((result): MetricStatus => {
    if (result instanceof Error) {
      first ??= result;
      failures += 1;
      return { type: '' };
    }
    if (replicas === 0 || result.replicas > replicas) ({ replicas, name } = result);
    return result.status;
  });
  const failure =
    first && `invalid metrics (${failures} invalid out of ${results.length}), first error is: ${first.message}`;
  if (failures >= results.length || (failures > 0 && replicas < current)) {
    if (first) {
      status.set('ScalingActive', false, first.reason, `the HPA was unable to compute the replica count: ${first.why}`);
    }
    return { statuses, proposal: undefined, failure };
  }
  const message = `the HPA was able to successfully calculate a replica count from ${name}`;
  status.set('ScalingActive', true, 'ValidMetricFound', message);
  return { statuses, proposal: { replicas, name }, failure };
}

/** What becomes of the proposal within the bounds, the rates and the windows. Times are milliseconds. */
export function changeByMetrics(
  autoscaler: HorizontalPodAutoscaler,
  proposal: { replicas: number; name: string },
  bounds: Bounds,
  status: AutoscalerStatus,
  history: ScalingHistory,
  now: number,
): Change {
  const { current, min } = bounds;
  let reason = '';
  if (proposal.replicas > current) reason = `${proposal.name} above target`;
  if (proposal.replicas < current) reason = 'All metrics below target';
  const stable = stabilize(autoscaler, proposal.replicas, bounds, status, history, now);
  const { behavior } = autoscaler.spec;
  const limited = behavior
    ? limitedByBehavior(stable, bounds, { up: behavior.scaleUp ?? {}, down: behavior.scaleDown ?? {} }, history, now)
    : limitedByDefault(stable, bounds);
  status.set('ScalingLimited', limited.replicas !== stable, limited.reason, limited.message);
  if (current === 0 && min !== 0 && status.isTrue('ScaledToZero') && limited.replicas < min) {
    return { replicas: min, reason: reason || 'Current number of replicas below Spec.MinReplicas' };
  }
  return { replicas: limited.replicas, reason };
}

function stabilize(
  { spec: { behavior } }: HorizontalPodAutoscaler,
  desired: number,
  { current }: Bounds,
  status: AutoscalerStatus,
  history: ScalingHistory,
  now: number,
): number {
  const downWindow = (behavior?.scaleDown?.stabilizationWindowSeconds ?? DOWN_WINDOW_SECONDS) * 1000;
  const upWindow = (behavior?.scaleUp?.stabilizationWindowSeconds ?? 0) * 1000;
  const stable = behavior
    ? history.stabilized(desired, current, upWindow, downWindow, now)
    : history.highest(desired, downWindow, now);
  if (stable === desired) {
    status.set('AbleToScale', true, 'ReadyForNewScale', 'recommended size matches current size');
  } else if (behavior && desired >= current) {
    const message = 'recent recommendations were lower than current one, applying the lowest recent recommendation';
    status.set('AbleToScale', true, 'ScaleUpStabilized', message);
  } else {
    const message = 'recent recommendations were higher than current one, applying the highest recent recommendation';
    status.set('AbleToScale', true, 'ScaleDownStabilized', message);
  }
  return stable;
}
