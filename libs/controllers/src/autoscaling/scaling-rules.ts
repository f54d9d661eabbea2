import { largest, smallest } from '#apimachinery';
import type { HPAScalingRules } from '#kinds';

/** What limits a change of the number of replicas. Pure; times are milliseconds. */

export interface ScaleEvent {
  /** Replicas added or removed: never negative. */
  change: number;
  time: number;
}

export interface Limited {
  replicas: number;
  reason: string;
  message: string;
}

export interface Bounds {
  current: number;
  min: number;
  max: number;
}

const WITHIN: Omit<Limited, 'replicas'> = {
  reason: 'DesiredWithinRange',
  message: 'the desired count is within the acceptable range',
};
const TOO_FAST_UP = {
  reason: 'ScaleUpLimit',
  message: 'the desired replica count is increasing faster than the maximum scale rate',
};
const TOO_FAST_DOWN = {
  reason: 'ScaleDownLimit',
  message: 'the desired replica count is decreasing faster than the maximum scale rate',
};
const TOO_MANY = {
  reason: 'TooManyReplicas',
  message: 'the desired replica count is more than the maximum replica count',
};
const TOO_FEW = {
  reason: 'TooFewReplicas',
  message: 'the desired replica count is less than the minimum replica count',
};

/** Without rules of its own an autoscaler doubles at most, to four at least. */
const UP_FACTOR = 2;
const UP_MINIMUM = 4;

/** For an autoscaler without behavior. */
export function limitedByDefault(desired: number, { current, min, max }: Bounds): Limited {
  const rate = Math.max(UP_FACTOR * current, UP_MINIMUM);
  if (desired < min) return { replicas: min, ...TOO_FEW };
  if (max > rate && desired > rate) return { replicas: rate, ...TOO_FAST_UP };
  if (desired > max) return { replicas: max, ...TOO_MANY };
  return { replicas: desired, ...WITHIN };
}

export interface History {
  up: readonly ScaleEvent[];
  down: readonly ScaleEvent[];
}

/** By the rate that the behavior allows. */
export function limitedByBehavior(
  desired: number,
  { current, min, max }: Bounds,
  rules: { up: HPAScalingRules; down: HPAScalingRules },
  history: History,
  now: number,
): Limited {
  if (desired > current) {
    // What was added within the period may exceed what the rules allow by now.
    const rate = Math.max(upLimit(current, rules.up, history, now), current);
    const [most, why] = max > rate ? [rate, TOO_FAST_UP] : [max, TOO_MANY];
    if (desired > most) return { replicas: most, ...why };
  } else if (desired < current) {
    const rate = Math.min(downLimit(current, rules.down, history, now), current);
    const [least, why] = min < rate ? [rate, TOO_FAST_DOWN] : [min, TOO_FEW];
    if (desired < least) return { replicas: least, ...why };
  }
  return { replicas: desired, ...WITHIN };
}

function upLimit(current: number, rules: HPAScalingRules, history: History, now: number): number {
  if (rules.selectPolicy === 'Disabled') return current;
  const proposals = (rules.policies ?? []).map(({ type, value, periodSeconds }) => {
    const start = replicasAtStart(current, periodSeconds, history, now);
    // Rounded up: a small number would never grow otherwise.
    return type === 'Percent' ? Math.ceil(start * (1 + value / 100)) : start + value;
  });
  return rules.selectPolicy === 'Min' ? smallest(proposals, Infinity) : largest(proposals, -Infinity);
}

function downLimit(current: number, rules: HPAScalingRules, history: History, now: number): number {
  if (rules.selectPolicy === 'Disabled') return current;
  const proposals = (rules.policies ?? []).map(({ type, value, periodSeconds }) => {
    const start = replicasAtStart(current, periodSeconds, history, now);
    return type === 'Percent' ? Math.trunc(start * (1 - value / 100)) : start - value;
  });
  return rules.selectPolicy === 'Min' ? largest(proposals, -Infinity) : smallest(proposals, Infinity);
}

function replicasAtStart(current: number, periodSeconds: number, { up, down }: History, now: number): number {
  return current - changeWithin(up, periodSeconds, now) + changeWithin(down, periodSeconds, now);
}

function changeWithin(events: readonly ScaleEvent[], periodSeconds: number, now: number): number {
  const cutoff = now - periodSeconds * 1000;
  return events.reduce((sum, { change, time }) => (time > cutoff ? sum + change : sum), 0);
}

/** Seconds for which a scale event counts for some policy. */
export function longestPeriod({ policies }: HPAScalingRules): number {
  return largest(
    (policies ?? []).map(({ periodSeconds }) => periodSeconds),
    0,
  );
}
