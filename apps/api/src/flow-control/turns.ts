import type { Pace, QueueSet } from './queue-set.js';

/**
 * Milliseconds of one turn of the event loop in which requests begin. All requests share one thread: seats alone do not divide it, as a
 * request that never waits is over before the next one is read. What comes later in the turn waits in its queue, so that the next turn
 * takes requests in the order of fairness, and not in that of connections.
 */
const BUDGET_MS = 0.5;
/** Requests that begin in a turn however long it takes: the machine may have had no time for this process. */
const LEAST_BEGUN = 2;

/** Lets requests begin as they arrive while a turn has time left, and from the queues when it had none. */
export class Turns implements Pace {
  private isTurn = false;
  private began = 0;
  private begun = 0;
  private isAwake = false;
  private draining = false;
  /** Of the level that was served last. */
  private paced = 0;
  private levels: readonly QueueSet[] = [];
  /** Levels whose next request finds too few free seats: they are woken when there are more. */
  private readonly blocked = new Set<QueueSet>();

  constructor(private readonly budgetMs: number = BUDGET_MS) {}

  serve(levels: Iterable<QueueSet>): void {
    this.levels = [...levels];
  }

  /** @param now - seconds */
  isOpen(now: number): boolean {
    if (!this.isTurn) this.begin(now * 1000);
    else if (this.isUsedUp(now * 1000)) return false;
    this.begun += 1;
    return true;
  }

  wake(): void {
    this.isAwake = true;
    if (!this.isTurn) this.begin(performance.now());
  }

  private begin(now: number): void {
    this.isTurn = true;
    this.began = now;
    this.begun = 0;
    setImmediate(this.end);
  }

  private isUsedUp(now: number): boolean {
    return this.begun >= LEAST_BEGUN && now - this.began >= this.budgetMs;
  }

  private readonly end = (): void => {
    this.isTurn = false;
    if (this.isAwake && !this.draining) void this.drain();
  };

  private async drain(): Promise<void> {
    this.draining = true;
    this.isAwake = false;
    this.begin(performance.now());
    for (let level = this.next(); level; level = this.next()) {
      if (level.dispatch()) this.begun += 1;
      else this.blocked.add(level);
      // What the request does before it waits for something is part of the turn.
      await new Promise<void>((resolve) => process.nextTick(resolve));
      if (this.isUsedUp(performance.now())) {
        this.isAwake = true;
        break;
      }
    }
    this.blocked.clear();
    this.draining = false;
  }

  /** Levels take turns by their limits: who has had least for it is next. */
  private next(): QueueSet | undefined {
    let best: QueueSet | undefined;
    for (const level of this.levels) {
      if (!level.canDispatch || this.blocked.has(level)) continue;
      // Who had nothing to do saves nothing up.
      if (level.paced < this.paced) level.paced = this.paced;
      if (!best || level.paced < best.paced) best = level;
    }
    if (best) {
      this.paced = best.paced;
      best.paced += 1 / Math.max(1, best.limit);
    }
    return best;
  }
}
