import { breath } from '../../codec/large-bodies.js';

/** Expressions hold the event loop no longer than this before others have a turn. Milliseconds. */
const TURN_MS = 10;

/** The request's time is up, or nobody waits for it any more. */
export class RequestOver extends Error {}

/** The time that evaluations of one request take: others have turns between expressions, and nothing goes on after the request's end. */
export class EvaluationTime {
  private turnBegan = performance.now();

  constructor(private readonly signal: AbortSignal) {}

  /** To be called between expressions: undefined where there is nothing to wait for. Throws, or rejects with, RequestOver. */
  pause(): Promise<void> | undefined {
    this.check();
    return performance.now() - this.turnBegan < TURN_MS ? undefined : this.breathe();
  }

  private async breathe(): Promise<void> {
    await breath();
    this.turnBegan = performance.now();
    this.check();
  }

  private check(): void {
    if (this.signal.aborted) throw new RequestOver();
  }
}
