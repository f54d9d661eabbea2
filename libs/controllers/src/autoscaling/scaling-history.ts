import type { HPAScalingRules } from '#kinds';
import { type History, longestPeriod, type ScaleEvent } from './scaling-rules.js';

interface Recommendation {
  replicas: number;
  time: number;
}

/** What was recommended for one autoscaler, and how it scaled, as far back as its windows reach. Times are milliseconds. */
export class ScalingHistory implements History {
  readonly up: ScaleEvent[] = [];
  readonly down: ScaleEvent[] = [];
  private recommendations: Recommendation[];

  /** `replicas` is the first recommendation: what there is. */
  constructor(replicas: number, now: number) {
    this.recommendations = [{ replicas, time: now }];
  }

  /** The highest of this recommendation and of those of the window; remembers it. */
  highest(desired: number, window: number, now: number): number {
    const recent = this.recommendations.filter(({ time }) => time >= now - window);
    this.remember(recent, desired, now);
    return Math.max(desired, ...recent.map(({ replicas }) => replicas));
  }

  /** The current number, brought between the lowest recent recommendation and the highest; remembers the new one. */
  stabilized(desired: number, current: number, upWindow: number, downWindow: number, now: number): number {
    const within = (window: number) =>
      this.recommendations.filter(({ time }) => time > now - window).map(({ replicas }) => replicas);
    const lowest = Math.min(desired, ...within(upWindow));
    const highest = Math.max(desired, ...within(downWindow));
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
    const [events, rule] = to > from ? [this.up, rules.up] : [this.down, rules.down];
    const cutoff = now - longestPeriod(rule) * 1000;
    events.splice(0, events.length, ...events.filter(({ time }) => time >= cutoff), {
      change: Math.abs(to - from),
      time: now,
    });
  }

  private remember(recent: readonly Recommendation[], replicas: number, now: number): void {
    this.recommendations = [...recent, { replicas, time: now }];
  }
}
