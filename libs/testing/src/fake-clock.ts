import type { Clock, Timer } from '#client';

interface Pending {
  due: number;
  order: number;
  callback: () => void;
}

/** A clock that moves only when told to. */
export class FakeClock implements Clock {
  private time: number;
  private order = 0;
  private readonly pending = new Set<Pending>();

  /** Milliseconds since the epoch; a whole second by default. */
  constructor(now = Date.UTC(2030, 0, 1)) {
    this.time = now;
  }

  readonly now = (): number => this.time;

  /** Timers that wait. */
  get waiting(): number {
    return this.pending.size;
  }

  setTimeout(callback: () => void, ms: number): Timer {
    const pending = { due: this.time + Math.max(0, ms), order: this.order++, callback };
    this.pending.add(pending);
    return { cancel: () => this.pending.delete(pending) };
  }

  /** Moves on by `ms`; timers fire in order, each at its own time, and what they resolve runs before the next. */
  async advance(ms: number): Promise<void> {
    const end = this.time + ms;
    await settle();
    for (;;) {
      const next = this.first();
      if (!next || next.due > end) break;
      this.pending.delete(next);
      this.time = Math.max(this.time, next.due);
      next.callback();
      await settle();
    }
    this.time = end;
    await settle();
  }

  private first(): Pending | undefined {
    let first: Pending | undefined;
    for (const pending of this.pending) {
      if (!first || pending.due < first.due || (pending.due === first.due && pending.order < first.order))
        first = pending;
    }
    return first;
  }
}

/** Lets promises that are ready run their course. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}
