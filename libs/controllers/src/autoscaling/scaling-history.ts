import { largest, smallest } from '#apimachinery';
import type { HPAScalingRules } from '#kinds';
import { type History, longestPeriod, type ScaleEvent } from './scaling-rules.js';

interface Recommendation {
  replicas: number;
  time: number;
}

/** What was recommended for one autoscaler, and how it scaled, as far back as its windows reach. Times are milliseconds. */
export class ScalingHistory implements History {
  up: readonly ScaleEvent[] = [];
  down: readonly ScaleEvent[] = [];
  private recommendations: Recommendation[];

  /** `replicas` is the first recommendation: what there is. */
  constructor(replicas: number, now: number) {
    this.recommendations = [{ replicas, time: now }];
  }

  /** The highest of this recommendation and of those of the window; remembers it. */
  highest(desired: number, window: number, now: number): number {
    const recent = this.recommendations.filter(({ time }) => time >= now - window);
    this.remember(recent, desired, now);
    return largest(
      recent.map(({ replicas }) => replicas),
      desired,
    );
  }

  /** The current number, brought between the lowest recent recommendation and the highest; remembers the new one. */
  stabilized(desired: number, current: number, upWindow: number, downWindow: number, now: number): number {
    const within = (window: number) =>
      this.recommendations.filter(({ time }) => time > now - window).map(({ replicas }) => replicas);
    const lowest = smallest(within(upWindow), desired);
    const highest = largest(within(downWindow), desired);
    const longest = Math.max(upWindow, downWindow);
    this.remember(
      this.recommendations.filter(({ time }) => time >= now - longest),
      desired,
      now,
    );
    return Math.min(Math.max(current, lowest), highest);
  }

  /** Remembers a change; those that no policy looks at any more are forgotten. */
  scaled(from: number, to: number, rules: { up: HPAScalingRules; down: HPAScalingRules }, now: number): void {
    const direction = to > from ? 'up' : 'down';
    const cutoff = now - longestPeriod(rules[direction]) * 1000;
    const event = { change: Math.abs(to - from), time: now };
    this[direction] = [...this[direction].filter(({ time }) => time >= cutoff), event];
  }

  private remember(recent: readonly Recommendation[], replicas: number, now: number): void {
    this.recommendations = [...recent, { replicas, time: now }];
  }
}
