/** Work that may pause: each `yield` is a place where others may have their turn. */
export type Steps<T> = Generator<undefined, T>;

/** Runs to the end without a pause. */
export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** Says when work on many small things should pause. */
export class Pace {
  private done = 0;

  /** @param limit things between pauses, of about a microsecond each */
  constructor(private readonly limit = 10_000) {}

  isDue(more = 1): boolean {
    this.done += more;
    if (this.done < this.limit) return false;
    this.done = 0;
    return true;
  }
}
