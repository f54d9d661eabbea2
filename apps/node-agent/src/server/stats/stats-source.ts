import { setTimeout as sleep } from 'node:timers/promises';
import type { NodePods, ServerRuntime } from '../node-server-options.js';
import { type NodeSample, sampleNode } from './node-sample.js';
import { type PodSample, samplePods, type UsageSample } from './samples.js';

/** Samples younger than this are used again: several collectors may ask at once. Milliseconds. */
const FRESH = 1000;
/** Over how long a rate is measured when nobody asked before. */
const FIRST_INTERVAL = 200;
/** An older sample says nothing about the load of now. */
const STALE = 120_000;

export interface Sample {
  time: number;
  node: NodeSample;
  pods: PodSample[];
}

/** Measures when asked: a node whose statistics nobody reads spends nothing on them. */
export class StatsSource {
  private latest: Sample | undefined;
  private previous: Sample | undefined;
  private pending: Promise<Sample> | undefined;

  constructor(
    private readonly cri: ServerRuntime,
    private readonly pods: NodePods,
    private readonly now: () => number,
  ) {}

  /** Counters as they stand. */
  current(): Promise<Sample> {
    if (this.latest && this.now() - this.latest.time < FRESH) return Promise.resolve(this.latest);
    this.pending ??= this.sample().finally(() => {
      this.pending = undefined;
    });
    return this.pending;
  }

  /** Counters, and an earlier sample to take rates from. */
  async pair(): Promise<{ current: Sample; earlier: Sample }> {
    let current = await this.current();
    if (!this.previous || current.time - this.previous.time > STALE) {
      await sleep(FIRST_INTERVAL);
      const earlier = current;
      current = await this.sample();
      return { current, earlier };
    }
    return { current, earlier: this.previous };
  }

  private async sample(): Promise<Sample> {
    const [node, pods] = await Promise.all([sampleNode(this.now), samplePods(this.cri, this.pods, this.now)]);
    this.previous = this.latest;
    this.latest = { time: this.now(), node, pods };
    return this.latest;
  }
}

/** Billionths of a core between two samples of the same thing; undefined when they do not tell. */
export function nanoCores(current: UsageSample, earlier: UsageSample | undefined): number | undefined {
  if (!earlier || current.time <= earlier.time || current.cpuNanoseconds < earlier.cpuNanoseconds) return undefined;
  return Math.round(((current.cpuNanoseconds - earlier.cpuNanoseconds) / (current.time - earlier.time)) * 1000);
}
