import { parseTime } from '#apimachinery';
import type { Pod } from '#kinds';
import { isPodReady } from '../workload/pods.js';
import { type PodMetrics, usageRatio, utilizationRatio } from './pod-metrics.js';
import { requestsOf } from './pod-requests.js';

/**
 * How many replicas a metric asks for. Pure; the rules are those of the reference's horizontal pod autoscaler
 * (pkg/controller/podautoscaler). Usage is in thousandths, times are in milliseconds.
 */

/** Ratios of usage within these bounds change nothing. */
export interface Tolerances {
  scaleDown: number;
  scaleUp: number;
}

export interface CalculatorSettings {
  /** Time after its start in which a pod's CPU usage counts only for a whole window of readiness. */
  cpuInitializationPeriod: number;
  /** Time after its start in which a pod that becomes unready is taken for one that was never ready. */
  initialReadinessDelay: number;
  now: number;
}

export interface Proposal {
  replicas: number;
  /** What is shown as the current value: an average, or the value itself. */
  usage: number;
}

export interface UtilizationProposal extends Proposal {
  utilization: number;
}

const MAX_INT32 = 2 ** 31 - 1;
/** As a number that can be represented; the reference stops at 2^63-1. */
const MAX_INT64 = 2 ** 63;

const NO_PODS = 'no pods returned by selector while calculating replica count';
const NO_METRICS = 'did not receive metrics for targeted pods (pods might be unready)';

/** `metrics` are changed. Throws when nothing can be said. */
export function replicasByUtilization(
  current: number,
  target: number,
  resource: string,
  container: string,
  pods: readonly Pod[],
  metrics: PodMetrics,
  tolerances: Tolerances,
  settings: CalculatorSettings,
): UtilizationProposal {
  const groups = groupPods(pods, metrics, resource, settings);
  const requests = requestsOf(pods, resource, container);
  const { ratio, utilization, average: usage } = utilizationRatio(metrics, requests, target);
  const replicas = replicasByRatio(current, ratio, groups, metrics, tolerances, {
    missing: (pod) => Math.trunc((requests.get(pod)! * Math.max(100, target)) / 100),
    ratio: () => utilizationRatio(metrics, requests, target).ratio,
  });
  return { replicas, utilization, usage };
}

/** By the average of a plain value; `resource` is '' for one that is none. `metrics` are changed. Throws when nothing can be said. */
export function replicasByAverage(
  current: number,
  target: number,
  resource: string,
  pods: readonly Pod[],
  metrics: PodMetrics,
  tolerances: Tolerances,
  settings: CalculatorSettings,
): Proposal {
  const groups = groupPods(pods, metrics, resource, settings);
  const { ratio, average: usage } = usageRatio(metrics, target);
  const replicas = replicasByRatio(current, ratio, groups, metrics, tolerances, {
    missing: () => target,
    ratio: () => usageRatio(metrics, target).ratio,
  });
  return { replicas, usage };
}

/** By one value for all pods. Throws when there are none. */
export function replicasByValue(
  current: number,
  usage: number,
  target: number,
  pods: readonly Pod[],
  tolerances: Tolerances,
): Proposal {
  const ratio = usage / target;
  if (current === 0) return { replicas: Math.ceil(ratio), usage };
  if (isWithin(tolerances, ratio)) return { replicas: current, usage };
  if (pods.length === 0) throw new Error(`unable to calculate ready pods: ${NO_PODS}`);
  const ready = pods.filter((pod) => pod.status?.phase === 'Running' && isPodReady(pod)).length;
  return { replicas: Math.min(Math.ceil(ratio * ready), MAX_INT32), usage };
}

/** By one value that is shared among the pods that the status shows. */
export function replicasByShare(current: number, usage: number, target: number, tolerances: Tolerances): Proposal {
  const within = isWithin(tolerances, usage / (target * current));
  const replicas = within ? current : Math.min(Math.ceil(usage / target), MAX_INT32);
  // Without pods there is no share of theirs.
  const share = usage >= MAX_INT64 || current === 0 ? usage : Math.ceil(usage / current);
  return { replicas, usage: share };
}

/** The sum of an external metric's values, as far as it goes. */
export function sumOfValues(values: readonly number[]): number {
  return Math.min(
    values.reduce((sum, value) => sum + value, 0),
    MAX_INT64,
  );
}

interface PodGroups {
  ready: number;
  /** Their usage does not count. */
  unready: ReadonlySet<string>;
  /** Their usage is not known. */
  missing: ReadonlySet<string>;
}

/** Takes the metrics of pods that do not count out of `metrics`. */
function groupPods(
  pods: readonly Pod[],
  metrics: PodMetrics,
  resource: string,
  settings: CalculatorSettings,
): PodGroups {
  if (pods.length === 0) throw new Error(NO_PODS);
  const unready = new Set<string>();
  const missing = new Set<string>();
  let ready = 0;
  for (const pod of pods) {
    const name = pod.metadata.name!;
    if (pod.metadata.deletionTimestamp !== undefined || pod.status?.phase === 'Failed') {
      metrics.delete(name);
    } else if (pod.status?.phase === 'Pending') {
      unready.add(name);
    } else if (!metrics.has(name)) {
      missing.add(name);
    } else if (resource === 'cpu' && isInitializing(pod, metrics, settings)) {
      unready.add(name);
    } else {
      ready += 1;
    }
  }
  for (const name of unready) metrics.delete(name);
  if (metrics.size === 0) throw new Error(NO_METRICS);
  return { ready, unready, missing };
}

/** CPU usage of a pod that starts says nothing about its load. */
function isInitializing(
  { metadata, status }: Pod,
  metrics: PodMetrics,
  { cpuInitializationPeriod, initialReadinessDelay, now }: CalculatorSettings,
): boolean {
  const condition = status?.conditions?.find(({ type }) => type === 'Ready');
  const started = status?.startTime === undefined ? undefined : parseTime(status.startTime);
  if (!condition || started === undefined) return true;
  const since = parseTime(condition.lastTransitionTime ?? '') ?? 0;
  const isUnready = condition.status === 'False';
  if (started + cpuInitializationPeriod > now) {
    const { time, window } = metrics.get(metadata.name!)!;
    return isUnready || time < since + window;
  }
  return isUnready && started + initialReadinessDelay > since;
}

interface Estimate {
  /** The usage of a pod whose usage is not known, when there seem to be too many. */
  missing(pod: string): number;
  ratio(): number;
}

/** Pods that are not ready or not known are taken for what speaks against the change; a change of direction is none. */
function replicasByRatio(
  current: number,
  ratio: number,
  { ready, unready, missing }: PodGroups,
  metrics: PodMetrics,
  tolerances: Tolerances,
  estimate: Estimate,
): number {
  const upWithUnready = unready.size > 0 && ratio > 1;
  if (!upWithUnready && missing.size === 0) {
    return isWithin(tolerances, ratio) ? current : Math.ceil(ratio * ready);
  }
  const add = (pod: string, value: number) => metrics.set(pod, { value, time: 0, window: 0 });
  if (ratio < 1) for (const pod of missing) add(pod, estimate.missing(pod));
  else if (ratio > 1) for (const pod of missing) add(pod, 0);
  if (upWithUnready) for (const pod of unready) add(pod, 0);
  const corrected = estimate.ratio();
  const turned = (ratio < 1 && corrected > 1) || (ratio > 1 && corrected < 1);
  if (isWithin(tolerances, corrected) || turned) return current;
  const replicas = Math.ceil(corrected * metrics.size);
  const away = (corrected < 1 && replicas > current) || (corrected > 1 && replicas < current);
  return away ? current : replicas;
}

function isWithin({ scaleDown, scaleUp }: Tolerances, ratio: number): boolean {
  return 1 - scaleDown <= ratio && ratio <= 1 + scaleUp;
}
