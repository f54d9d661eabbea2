import { setMaxListeners } from 'node:events';
import type { GroupVersionResource, KubeObject } from '#apimachinery';
import type { Client } from './client.js';
import { type Clock, realClock } from './clock.js';
import { Informer, type InformerContext, type InformerOptions } from './informer.js';
import { type Logger, stderrLogger } from './logger.js';

export interface SharedInformersOptions {
  clock?: Clock;
  random?: () => number;
  logger?: Logger;
}

/** One informer a resource and selection, shared by everything in a process: one watch, one parsed copy. */
export class SharedInformers {
  private readonly informers = new Map<string, Informer<any>>();
  private readonly context: InformerContext;
  private signal: AbortSignal | undefined;

  constructor(client: Client, options: SharedInformersOptions = {}) {
    this.context = {
      client,
      clock: options.clock ?? realClock,
      random: options.random ?? Math.random,
      logger: options.logger ?? stderrLogger('informer'),
    };
  }

  /**
   * The informer of a selection, made on first use. It runs from `start` on; one that is asked for later runs at once.
   * `transform` counts only for the first to ask.
   */
  for<T extends KubeObject = KubeObject>(gvr: GroupVersionResource, options: InformerOptions<T> = {}): Informer<T> {
    const key = selectionKey(gvr, options);
    let informer = this.informers.get(key);
    if (!informer) {
      informer = new Informer<T>(gvr, this.context, options);
      this.informers.set(key, informer);
      if (this.signal && !this.signal.aborted) void informer.run(this.signal);
    }
    return informer;
  }

  /** The informer over the whole resource, if somebody has asked for it. */
  existing<T extends KubeObject = KubeObject>(gvr: GroupVersionResource): Informer<T> | undefined {
    return this.informers.get(selectionKey(gvr, {}));
  }

  /** Runs all informers until the signal fires. */
  start(signal: AbortSignal): void {
    if (this.signal) return;
    this.signal = signal;
    // Each informer and each of its waits listens: many listeners are no leak here.
    setMaxListeners(0, signal);
    for (const informer of this.informers.values()) void informer.run(signal);
  }

  /** Resolves when all that were asked for so far have synced; rejects when the signal fires first. */
  async whenSynced(signal?: AbortSignal): Promise<void> {
    await Promise.all([...this.informers.values()].map((informer) => informer.whenSynced(signal)));
  }
}

function selectionKey(gvr: GroupVersionResource, options: InformerOptions<any>): string {
  return [
    gvr.group,
    gvr.version,
    gvr.resource,
    options.namespace ?? '',
    options.labelSelector ?? '',
    options.fieldSelector ?? '',
  ].join('|');
}
