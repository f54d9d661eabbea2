import type { Probe } from '#kinds';
import { LONGEST_TIMER } from '../execute/hooks.js';
import type { ProbeResult } from '../pod/pod-memory.js';
import type { ProbeOutcome } from './run-probe.js';

/** Upstream asks up to three times before a probe that cannot be run counts as an error. */
const ERROR_ATTEMPTS = 3;

export interface ProbeWorkerOptions {
  probe: Probe;
  /** When the container started; ms. */
  startedAt: number;
  now(): number;
  run(): Promise<ProbeOutcome>;
  /** False while another probe must succeed first. */
  mayRun(): boolean;
  onResult(result: ProbeResult): void;
  onOutcome(outcome: ProbeOutcome): void;
  /** Each time the probe was run, whatever came of it. */
  onCount(result: ProbeOutcome['result']): void;
}

/** Asks one probe of one container again and again, and counts what comes against the thresholds. */
export class ProbeWorker {
  private timer: NodeJS.Timeout | undefined;
  private last: ProbeResult | undefined;
  private count = 0;
  private stopped = false;

  constructor(private readonly options: ProbeWorkerOptions) {
    this.schedule(this.untilInitialDelay());
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  /** Something that `mayRun` waits for has happened. */
  trigger(): void {
    if (this.timer && !this.stopped) this.schedule(this.untilInitialDelay());
  }

  private untilInitialDelay(): number {
    const { probe, startedAt, now } = this.options;
    return Math.max(0, startedAt + (probe.initialDelaySeconds ?? 0) * 1000 - now());
  }

  private schedule(ms: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.tick(), Math.min(ms, LONGEST_TIMER));
  }

  private async tick(): Promise<void> {
    this.timer = undefined;
    const { probe, mayRun, now } = this.options;
    const period = (probe.periodSeconds ?? 10) * 1000;
    const begun = now();
    try {
      if (mayRun()) await this.probe();
    } catch (error) {
      if (!this.stopped) {
        this.options.onCount('error');
        this.options.onOutcome({ result: 'error', output: (error as Error).message });
      }
    } finally {
      // The period goes from start to start: a container that answers late is not asked less often.
      if (!this.stopped) this.schedule(Math.min(Math.max(begun + period - now(), 0), period));
    }
  }

  private async probe(): Promise<void> {
    const { probe, run, onOutcome, onResult, onCount } = this.options;
    let outcome = await run();
    for (let attempt = 1; outcome.result === 'error' && attempt < ERROR_ATTEMPTS; attempt++) outcome = await run();
    if (this.stopped) return;
    onCount(outcome.result);
    if (outcome.result !== 'success') onOutcome(outcome);
    if (outcome.result === 'error') return;
    const result = outcome.result === 'warning' ? 'success' : outcome.result;
    this.count = this.last === result ? this.count + 1 : 1;
    this.last = result;
    const threshold = result === 'success' ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3);
    if (this.count >= threshold) onResult(result);
  }
}
