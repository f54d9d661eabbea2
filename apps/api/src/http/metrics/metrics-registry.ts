/** A small Prometheus registry: counters, gauges and histograms in the text format 0.0.4. */

export type Labels = Readonly<Record<string, string>>;

interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  lines(): string[];
}

export class MetricsRegistry {
  private readonly families: Family[] = [];
  private readonly collectors: (() => void)[] = [];

  counter(name: string, help: string, labels: readonly string[]): Counter {
    return this.add(new Counter(name, help, labels));
  }

  gauge(name: string, help: string, labels: readonly string[]): Gauge {
    return this.add(new Gauge(name, help, labels));
  }

  histogram(name: string, help: string, labels: readonly string[], buckets: readonly number[]): Histogram {
    return this.add(new Histogram(name, help, labels, buckets));
  }

  /** Called before each scrape: for values that are read rather than counted. */
  onCollect(collect: () => void): void {
    this.collectors.push(collect);
  }

  render(): string {
    for (const collect of this.collectors) collect();
    const out: string[] = [];
    for (const family of this.families) {
      const lines = family.lines();
      if (lines.length === 0) continue;
      out.push(`# HELP ${family.name} ${family.help}`, `# TYPE ${family.name} ${family.type}`, ...lines);
    }
    return `${out.join('\n')}\n`;
  }

  private add<T extends Family>(family: T): T {
    this.families.push(family);
    return family;
  }
}

function labelText(names: readonly string[], values: readonly string[]): string {
  return names
    .map((name, i) => `${name}="${(values[i] ?? '').replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`))}"`)
    .join(',');
}

/** Series of one family by their label values; the key is what they are found by on the hot path. */
class SeriesMap<T> {
  private readonly byKey = new Map<string, { labels: string; value: T }>();

  constructor(
    private readonly names: readonly string[],
    private readonly make: () => T,
  ) {}

  get(values: readonly string[]): T {
    const key = values.join('\0');
    let series = this.byKey.get(key);
    if (!series) {
      series = { labels: labelText(this.names, values), value: this.make() };
      this.byKey.set(key, series);
    }
    return series.value;
  }

  all(): Iterable<{ labels: string; value: T }> {
    return this.byKey.values();
  }
}

function seriesLine(name: string, labels: string, value: number): string {
  return labels === '' ? `${name} ${value}` : `${name}{${labels}} ${value}`;
}

/** A number that a caller keeps a hold of, so that counting costs no lookup. */
export interface Cell {
  value: number;
}

export class Counter implements Family {
  readonly type: 'counter' | 'gauge' = 'counter';
  private readonly series: SeriesMap<Cell>;

  constructor(
    readonly name: string,
    readonly help: string,
    labels: readonly string[],
  ) {
    this.series = new SeriesMap(labels, () => ({ value: 0 }));
  }

  cell(...values: string[]): Cell {
    return this.series.get(values);
  }

  lines(): string[] {
    return [...this.series.all()].map(({ labels, value }) => seriesLine(this.name, labels, value.value));
  }
}

export class Gauge extends Counter {
  override readonly type = 'gauge';
}

export interface Distribution {
  observe(value: number): void;
}

export class Histogram implements Family {
  readonly type = 'histogram';
  private readonly series: SeriesMap<HistogramCell>;

  constructor(
    readonly name: string,
    readonly help: string,
    labels: readonly string[],
    private readonly buckets: readonly number[],
  ) {
    this.series = new SeriesMap(labels, () => new HistogramCell(buckets));
  }

  cell(...values: string[]): Distribution {
    return this.series.get(values);
  }

  lines(): string[] {
    const out: string[] = [];
    for (const { labels, value } of this.series.all()) {
      const prefix = labels === '' ? '' : `${labels},`;
      let cumulated = 0;
      this.buckets.forEach((bound, i) => {
        cumulated += value.counts[i]!;
        out.push(seriesLine(`${this.name}_bucket`, `${prefix}le="${bound}"`, cumulated));
      });
      out.push(seriesLine(`${this.name}_bucket`, `${prefix}le="+Inf"`, value.count));
      out.push(
        seriesLine(`${this.name}_sum`, labels, value.sum),
        seriesLine(`${this.name}_count`, labels, value.count),
      );
    }
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

  observe(value: number): void {
    this.count += 1;
    this.sum += value;
    for (let i = 0; i < this.buckets.length; i += 1) {
      if (value <= this.buckets[i]!) {
        this.counts[i]! += 1;
        return;
      }
    }
  }
}
