/**
 * Bounds, in milliseconds, of the pause between two writes to one watcher. What happens meanwhile waits in the cache's ring and goes
 * out together: under load a write (a TLS record, a wake-up of the client) costs more than the events in it. A watcher that
 * was quiet gets its event at once.
 */
const MIN_PAUSE_MS = 2;
const MAX_PAUSE_MS = 25;

/** Pauses are this many times as long as the writing to all busy watchers, which leaves most of the time to others. */
const PAUSE_SHARE = 12;

/** How much the latest write counts: one that the machine held up says little of the next. */
const LATEST_WEIGHT = 0.1;

/**
 * Watchers, and milliseconds of writing, after which the event loop looks at requests again: some 3 ms when each has a few events. The
 * time is for those that begin with many objects; a shorter one would split turns for good whenever the machine holds up a write.
 */
const WATCHERS_A_TURN = 64;
const TURN_MS = 20;

interface Pause {
  /** Watchers in it. */
  size: number;
  over: Promise<void>;
  end(): void;
}

/**
 * Says when watchers may be written to. Those that were written to in one turn go on together: their writes take less time when they
 * follow each other, and their clients decode side by side.
 */
export class WatchPacer {
  private waiting: (() => void)[] = [];
  private turning = false;
  /** Milliseconds that a write takes. */
  private writeMs = 0;
  /** Watchers that pause now. */
  private pausing = 0;
  /** Of those that were written to in this turn. */
  private current: Pause | undefined;

  /** `now`: milliseconds. */
  constructor(private readonly now: () => number = () => performance.now()) {}

  /**
   * Resolves when the watcher may write, which it has to do before it waits for anything else. That is after what the event loop is at:
   * whoever made the change gets an answer before the watchers are told.
   */
  turn(): Promise<void> {
    return new Promise((resolve) => {
      this.waiting.push(resolve);
      if (this.turning) return;
      this.turning = true;
      setImmediate(() => this.take());
    });
  }

  /** Called in a turn, after writing. Resolves when the watcher may ask for another. */
  pause(): Promise<void> {
    this.current ??= startPause();
    this.current.size += 1;
    this.pausing += 1;
    return this.current.over;
  }

  private take(): void {
    const started = this.now();
    let writers = 0;
    const next = () => {
      const ms = this.now() - started;
      const resolve = ms < TURN_MS && writers < WATCHERS_A_TURN ? this.waiting[writers] : undefined;
      if (!resolve) {
        this.waiting = this.waiting.slice(writers);
        this.endTurn(ms / writers);
        return;
      }
      writers += 1;
      resolve();
      // Comes after the writing of the one that waited.
      queueMicrotask(next);
    };
    next();
  }

  private endTurn(writeMs: number): void {
    this.writeMs += LATEST_WEIGHT * (writeMs - this.writeMs);
    this.turning = this.waiting.length > 0;
    if (this.turning) setImmediate(() => this.take());
    const pause = this.current;
    if (!pause) return;
    this.current = undefined;
    const ms = Math.min(MAX_PAUSE_MS, Math.max(MIN_PAUSE_MS, PAUSE_SHARE * this.writeMs * this.pausing));
    setTimeout(() => {
      this.pausing -= pause.size;
      pause.end();
    }, ms);
  }
}

function startPause(): Pause {
  let end!: () => void;
  const over = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { size: 0, over, end };
}
