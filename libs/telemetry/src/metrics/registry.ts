import { type Metric, Registry } from 'prom-client';
import {
  CellFamily,
  type Family,
  type FamilyDeclaration,
  type FamilyType,
  HistogramFamily,
  type Sample,
} from './family.js';

export const PROMETHEUS_CONTENT_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

/** Where it is said, once a label, that its values exceed its bound. */
export interface OverflowLog {
  warn(message: string, fields: Record<string, unknown>): void;
}

/**
 * The metrics of one process, on a prom-client registry. Cells are ours: prom-client looks a series up by its labels at each
 * count, which the API server's request path cannot afford. A family that is declared again is the same family.
 */
export class MetricsRegistry {
  private readonly registry = new Registry();
  private readonly families = new Map<string, Family<unknown>>();
  private readonly collectors: (() => void | Promise<void>)[] = [];
  private readonly overflowed = new Set<string>();

  constructor(private readonly log: OverflowLog = { warn: () => {} }) {}

  counter(declaration: FamilyDeclaration): CellFamily {
    return this.declare(
      'counter',
      declaration,
      () => new CellFamily('counter', declaration, this.onOverflow(declaration)),
    );
  }

  gauge(declaration: FamilyDeclaration): CellFamily {
    return this.declare('gauge', declaration, () => new CellFamily('gauge', declaration, this.onOverflow(declaration)));
  }

  /** @param buckets - upper bounds, ascending, without +Inf. */
  histogram(declaration: FamilyDeclaration, buckets: readonly number[]): HistogramFamily {
    const make = () => new HistogramFamily(declaration, buckets, this.onOverflow(declaration));
    return this.declare('histogram', declaration, make);
  }

  /** Of the metrics that were declared. */
  names(): Iterable<string> {
    return this.families.keys();
  }

  /** Calls back before each scrape: for values that are read rather than counted. Returns the way to end that. */
  onCollect(collect: () => void | Promise<void>): () => void {
    this.collectors.push(collect);
    return () => {
      const at = this.collectors.indexOf(collect);
      if (at !== -1) this.collectors.splice(at, 1);
    };
  }

  /** All series as they are now; collectors that wait are not waited for. */
  samples(): Sample[] {
    void this.collect();
    return [...this.families.values()].flatMap((family) => family.samples());
  }

  /** Prometheus' text format 0.0.4. */
  async render(): Promise<string> {
    await this.collect();
    return this.registry.metrics();
  }

  private async collect(): Promise<void> {
    await Promise.all(this.collectors.map((collect) => collect()));
  }

  private declare<F extends Family<any>>(type: FamilyType, { name, labels = {} }: FamilyDeclaration, make: () => F): F {
    const known = this.families.get(name);
    if (known) {
      if (known.type !== type || known.labelNames.join() !== Object.keys(labels).join()) {
        throw new Error(`metric ${name} is declared twice, and differently`);
      }
      return known as F;
    }
    const family = make();
    this.families.set(name, family);
    // The registry calls `name` and `get` of a metric, nothing else.
    this.registry.registerMetric(family as unknown as Metric);
    return family;
  }

  private onOverflow({ name }: FamilyDeclaration): (label: string, value: string) => void {
    return (label, value) => {
      const key = `${name}|${label}`;
      if (this.overflowed.has(key)) return;
      this.overflowed.add(key);
      this.log.warn('a metric has more label values than its bound; the rest is counted as "other"', {
        metric: name,
        label,
        value,
      });
    };
  }
}
