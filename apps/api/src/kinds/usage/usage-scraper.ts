import { setMaxListeners } from 'node:events';
import type { KubeObject } from '#apimachinery';
import { type Clock, delay, type Logger } from '#client';
import type { Lister } from '../../storage/lister.js';
import { UsagePoints } from './usage-points.js';
import { readUsage } from './usage-text.js';

/** Milliseconds between two scrapes of a node: those of metrics-server. */
const INTERVAL_MS = 15_000;
/** Between the first two: agents share what they measured for a second. */
const FIRST_INTERVAL_MS = 1_500;
/** Nodes are scraped for this long after somebody has asked. */
const ASKED_MS = 150_000;
/** A request waits this long for the first two scrapes, at most. */
const PATIENCE_MS = 5_000;
/** Nodes that are scraped at a time. */
const CONCURRENCY = 32;

/** Reads `/metrics/resource` of a node's server. */
export type ReadNodeUsage = (node: KubeObject, signal: AbortSignal) => Promise<string>;

export interface UsageScraperOptions {
  lister: Pick<Lister, 'list'>;
  read: ReadNodeUsage;
  clock: Clock;
  logger: Logger;
  /** Ends the scrapes. */
  signal: AbortSignal;
}

/**
 * Scrapes the nodes as long as somebody asks for their usage: a cluster in which nobody does pays nothing. Whoever asks first
 * waits until two scrapes have given a rate.
 */
export class UsageScraper {
  readonly points = new UsagePoints(INTERVAL_MS);
  private asked = 0;
  /** Resolves when there are rates, or nobody wants to wait longer; undefined while nothing is scraped. */
  private first: Promise<void> | undefined;
  private readonly unreachable = new Set<string>();

  constructor(private readonly options: UsageScraperOptions) {
    // Each request to a node listens: many listeners are no leak here.
    setMaxListeners(0, options.signal);
  }

  /** Resolves when `points` are as new as they get. */
  async current(): Promise<void> {
    const { clock, signal } = this.options;
    this.asked = clock.now();
    if (!this.first) {
      const begun = this.begin();
      this.first = Promise.race([begun, delay(clock, PATIENCE_MS, signal)]);
      void begun.then(() => this.goOn());
    }
    await this.first;
  }

  private async begin(): Promise<void> {
    const { clock, signal } = this.options;
    await this.scrape();
    await delay(clock, FIRST_INTERVAL_MS, signal);
    await this.scrape();
  }

  private async goOn(): Promise<void> {
    const { clock, signal } = this.options;
    while (!signal.aborted && clock.now() - this.asked < ASKED_MS) {
      await delay(clock, INTERVAL_MS, signal);
      await this.scrape();
    }
    this.first = undefined;
    this.points.clear();
  }

  /** Never rejects: a node that does not answer has no usage. */
  private async scrape(): Promise<void> {
    const { lister, signal } = this.options;
    if (signal.aborted) return;
    const nodes = lister.list('nodes');
    this.points.keep(new Set(nodes.map(({ metadata }) => metadata.name!)));
    const left = nodes.values();
    const work = async () => {
      for (const node of left) await this.scrapeNode(node);
    };
    await Promise.all(Array.from({ length: Math.min(CONCURRENCY, nodes.length) }, work));
  }

  private async scrapeNode(node: KubeObject): Promise<void> {
    const { read, logger, signal } = this.options;
    const name = node.metadata.name!;
    try {
      const sample = readUsage(await read(node, signal));
      this.points.store(name, sample);
      this.unreachable.delete(name);
    } catch (error) {
      // Once, until it answers again.
      if (!this.unreachable.has(name) && !signal.aborted) {
        logger.warn('the usage of a node cannot be read', { node: name, error });
      }
      this.unreachable.add(name);
    }
  }
}
