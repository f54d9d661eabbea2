import { BoundedLabel, type LabelBounds } from './labels.js';

/** A number that a caller keeps hold of: counting costs an addition, no lookup. */
export interface Cell {
  value: number;
}

/** Observations of one series; values are in the unit that the family's name ends with. */
export interface Distribution {
  /** `times` observations of one value; one without it. */
  observe(value: number, times?: number): void;
}

export type FamilyType = 'counter' | 'gauge' | 'histogram';

export interface FamilyDeclaration {
  name: string;
  help: string;
  labels?: LabelBounds;
}

/** One line of a scrape. */
export interface Sample {
  metricName: string;
  labels: Record<string, string>;
  value: number;
}

/** The series of one metric, as prom-client's registry collects them. `S` is what a caller counts in. */
export abstract class Family<S> {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  private readonly labels: readonly BoundedLabel[];
  private readonly series = new Map<string, { labels: Record<string, string>; cell: S }>();

  constructor(
    readonly type: FamilyType,
    { name, help, labels = {} }: FamilyDeclaration,
    overflowed: (label: string, value: string) => void,
  ) {
    this.name = name;
    this.help = help;
    this.labelNames = Object.keys(labels);
    this.labels = Object.entries(labels).map(
      ([label, bound]) => new BoundedLabel(bound, (value) => overflowed(label, value)),
    );
  }

  /** The series with these label values, in the order of the declaration. Made on first use; to be kept where it is hot. */
  cell(...values: string[]): S {
    if (values.length !== this.labels.length) {
      throw new Error(`${this.name} has the labels ${this.labelNames.join(', ')}: got ${values.length} values`);
    }
    const admitted = values.map((value, i) => this.labels[i]!.admit(value));
    const key = admitted.join('\0');
    let series = this.series.get(key);
    if (!series) {
      series = {
        labels: Object.fromEntries(this.labelNames.map((label, i) => [label, admitted[i]!])),
        cell: this.make(),
      };
      this.series.set(key, series);
    }
    return series.cell;
  }

  /** Drops all series: for those that are made anew at each scrape. */
  clear(): void {
    this.series.clear();
    this.forgetValues();
  }

  /** Drops the series that have all of these labels, of what is there no more. Who holds a cell of one counts on, and nobody sees it. */
  drop(labels: Readonly<Record<string, string>>): void {
    const wanted = Object.entries(labels);
    for (const [key, series] of this.series) {
      // own-lookup: a label of the declaration
      const has = ([label, value]: [string, string]) => series.labels[label] === value;
      if (wanted.every(has)) this.series.delete(key);
    }
    this.forgetValues();
  }

  private forgetValues(): void {
    this.labels.forEach((label, at) => {
      const used = new Set<string>();
      // own-lookup: a label of the declaration
      for (const { labels } of this.series.values()) used.add(labels[this.labelNames[at]!]!);
      label.forgetAllBut(used);
    });
  }

  /** prom-client's contract of a metric. */
  get(): Promise<{ name: string; help: string; type: FamilyType; values: Sample[] }> {
    return Promise.resolve({ name: this.name, help: this.help, type: this.type, values: this.samples() });
  }

  samples(): Sample[] {
    return [...this.series.values()].flatMap(({ labels, cell }) => this.samplesOf(labels, cell));
  }

  protected abstract make(): S;
  protected abstract samplesOf(labels: Record<string, string>, cell: S): Sample[];
}

/** Counters and gauges. */
export class CellFamily extends Family<Cell> {
  protected make(): Cell {
    return { value: 0 };
  }

  protected samplesOf(labels: Record<string, string>, { value }: Cell): Sample[] {
    return [{ metricName: this.name, labels, value }];
  }
}

export class HistogramFamily extends Family<Distribution> {
  /** @param buckets - upper bounds, ascending, without +Inf. */
  constructor(
    declaration: FamilyDeclaration,
    readonly buckets: readonly number[],
    overflowed: (label: string, value: string) => void,
  ) {
    super('histogram', declaration, overflowed);
  }

  protected make(): HistogramCell {
    return new HistogramCell(this.buckets);
  }

  protected samplesOf(labels: Record<string, string>, cell: HistogramCell): Sample[] {
    const out: Sample[] = [];
    let cumulated = 0;
    for (const [i, le] of this.buckets.entries()) {
      cumulated += cell.counts[i]!;
      out.push({ metricName: `${this.name}_bucket`, labels: { ...labels, le: String(le) }, value: cumulated });
    }
    out.push(
      { metricName: `${this.name}_bucket`, labels: { ...labels, le: '+Inf' }, value: cell.count },
      { metricName: `${this.name}_sum`, labels, value: cell.sum },
      { metricName: `${this.name}_count`, labels, value: cell.count },
    );
    return out;
  }
}

class HistogramCell implements Distribution {
  readonly counts: number[];
  count = 0;
  sum = 0;

  constructor(private readonly buckets: readonly number[]) {
    this.counts = buckets.map(() => 0);
  }

  observe(value: number, times = 1): void {
    this.count += times;
    this.sum += value * times;
    for (let i = 0; i < this.buckets.length; i += 1) {
      if (value <= this.buckets[i]!) {
        this.counts[i]! += times;
        return;
      }
    }
  }
}
