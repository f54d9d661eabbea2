/** The value that a label gets in place of one beyond its bound. */
export const OVERFLOW = 'other';

/** What a label may be: one of these values, or any of the first so many distinct ones. */
export type LabelBound = readonly string[] | number;

/** The labels of a family in their order, each with its bound: what clients write never makes series without limit. */
export type LabelBounds = Readonly<Record<string, LabelBound>>;

/** Keeps the values of one label within its bound. */
export class BoundedLabel {
  private readonly known: Set<string>;
  private readonly limit: number;

  constructor(
    bound: LabelBound,
    private readonly overflowed: (value: string) => void,
  ) {
    this.known = new Set(typeof bound === 'number' ? [] : bound);
    this.limit = typeof bound === 'number' ? bound : 0;
  }

  /** Of the first so many values, those that are used no more: others may come in their place. */
  forgetAllBut(used: ReadonlySet<string>): void {
    if (this.limit === 0) return;
    for (const value of this.known) if (!used.has(value)) this.known.delete(value);
  }

  /** The value itself, or `OVERFLOW`. */
  admit(value: string): string {
    if (value === OVERFLOW || this.known.has(value)) return value;
    if (this.known.size >= this.limit) {
      this.overflowed(value);
      return OVERFLOW;
    }
    this.known.add(value);
    return value;
  }
}
