import type { Pod } from '#kinds';

export const COMPLETION_INDEX = 'batch.kubernetes.io/job-completion-index';

/** Which completion of an Indexed Job the pod works on. */
export function indexOf(pod: Pod): number | undefined {
  const text = pod.metadata.annotations?.[COMPLETION_INDEX];
  return text !== undefined && /^\+?\d+$/.test(text) ? Number(text) : undefined;
}

interface Range {
  first: number;
  last: number;
}

/** A set of completion indexes, kept as ranges: a Job may have as many indexes as an integer goes. */
export class IndexSet {
  private constructor(private readonly ranges: readonly Range[]) {}

  static readonly empty = new IndexSet([]);

  /** Reads `0,2-4`. What is not below `completions` is left out, and so is what is no number. */
  static parse(text: string | undefined, completions: number): IndexSet {
    const ranges: Range[] = [];
    for (const part of text ? text.split(',') : []) {
      const [first, last = first] = part.split('-').map((end) => (/^\d+$/.test(end) ? Number(end) : Number.NaN));
      if (Number.isNaN(first) || Number.isNaN(last)) continue;
      if (first! >= completions) break;
      ranges.push({ first: first!, last: Math.min(last!, completions - 1) });
    }
    return new IndexSet(joined(ranges));
  }

  static of(indexes: Iterable<number>): IndexSet {
    return new IndexSet(joined([...indexes].map((index) => ({ first: index, last: index }))));
  }

  get size(): number {
    return this.ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  }

  has(index: number): boolean {
    let low = 0;
    let high = this.ranges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.ranges[middle]!.last < index) low = middle + 1;
      else high = middle;
    }
    return low < this.ranges.length && this.ranges[low]!.first <= index;
  }

  union(other: IndexSet): IndexSet {
    return new IndexSet(joined([...this.ranges, ...other.ranges]));
  }

  /** How many indexes both sets have. */
  overlap(other: IndexSet): number {
    let common = 0;
    for (let a = 0, b = 0; a < this.ranges.length && b < other.ranges.length; ) {
      const one = this.ranges[a]!;
      const two = other.ranges[b]!;
      common += Math.max(0, Math.min(one.last, two.last) - Math.max(one.first, two.first) + 1);
      if (one.last <= two.last) a++;
      if (two.last <= one.last) b++;
    }
    return common;
  }

  /** The lowest indexes below `completions` that are not in the set, `count` of them at most. */
  missing(count: number, completions: number): number[] {
    const found: number[] = [];
    let candidate = 0;
    for (const { first, last } of [...this.ranges, { first: completions, last: completions }]) {
      for (; candidate < Math.min(first, completions) && found.length < count; candidate++) found.push(candidate);
      candidate = Math.max(candidate, last + 1);
    }
    return found;
  }

  /** `0,2-4`: two neighbours are written one by one, three and more as a range. */
  toString(): string {
    const text = ({ first, last }: Range) =>
      last === first ? `${first}` : `${first}${last === first + 1 ? ',' : '-'}${last}`;
    return this.ranges.map(text).join(',');
  }
}

function joined(ranges: readonly Range[]): Range[] {
  const out: Range[] = [];
  for (const { first, last } of [...ranges].sort((a, b) => a.first - b.first)) {
    const before = out.at(-1);
    if (before && first <= before.last + 1) before.last = Math.max(before.last, last);
    else out.push({ first, last });
  }
  return out;
}
