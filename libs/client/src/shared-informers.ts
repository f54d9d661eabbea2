import { setMaxListeners } from 'node:events';
import type { GroupVersionResource, KubeObject } from '#apimachinery';
import type { MetricsRegistry } from '#telemetry';
import type { Client } from './client.js';
import { type Clock, realClock } from './clock.js';
import { Informer, type InformerContext, type InformerOptions } from './informer.js';
import type { Logger } from './logger.js';

export interface SharedInformersOptions {
  clock?: Clock;
  random?: () => number;
  logger: Logger;
  /** Where the informers are shown, and the name of them all there; absent: nowhere. */
  shown?: { metrics: MetricsRegistry; name: string };
}

/** Groups, versions or resources that one process follows, at most. */
const RESOURCES = 500;

/** One informer a resource and selection, shared by everything in a process: one watch, one parsed copy. */
export class SharedInformers {
  private readonly informers = new Map<string, Informer<any>>();
  /** Over metadata alone, by resource, and what ends each of them. */
  private readonly metadata = new Map<string, { informer: Informer; end: AbortController }>();
  private readonly context: InformerContext;
  private signal: AbortSignal | undefined;
  private readonly shown: SharedInformersOptions['shown'];

  constructor(client: Client, options: SharedInformersOptions) {
    this.shown = options.shown;
    this.context = {
      client,
      clock: options.clock ?? realClock,
      random: options.random ?? Math.random,
      logger: options.logger,
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

  /**
   * For who needs no more than metadata, of all these resources: the informer over the whole resource where somebody has asked
   * for it by now, else one that keeps of each object what owners and finalizers are told by. Those over resources that are not
   * among these any more end.
   */
  metadataOf(resources: readonly GroupVersionResource[]): Informer[] {
    const keys = resources.map((gvr) => selectionKey(gvr, {}));
    const named = new Set(keys);
    for (const [key, { end }] of this.metadata) {
      if (named.has(key)) continue;
      end.abort();
      this.metadata.delete(key);
    }
    return resources.map((gvr, i) => this.metadata.get(keys[i]!)?.informer ?? this.light(gvr, keys[i]!));
  }

  private light(gvr: GroupVersionResource, key: string): Informer {
    const whole = this.informers.get(key);
    if (whole) return whole;
    const informer = new Informer(gvr, this.context, { transform: metadataOnly });
    const end = new AbortController();
    this.metadata.set(key, { informer, end });
    if (this.signal && !this.signal.aborted) void informer.run(AbortSignal.any([this.signal, end.signal]));
    return informer;
  }

  private *all(): Iterable<Informer<any>> {
    yield* this.informers.values();
    for (const { informer } of this.metadata.values()) yield informer;
  }

  /** Runs all informers until the signal fires. */
  start(signal: AbortSignal): void {
    if (this.signal) return;
    this.signal = signal;
    // Each informer and each of its waits listens: many listeners are no leak here.
    setMaxListeners(0, signal);
    if (this.shown) this.show(this.shown, signal);
    for (const informer of this.informers.values()) void informer.run(signal);
    for (const { informer, end } of this.metadata.values()) void informer.run(AbortSignal.any([signal, end.signal]));
  }

  private show({ metrics, name }: NonNullable<SharedInformersOptions['shown']>, signal: AbortSignal): void {
    const revisions = metrics.gauge({
      name: 'informer_store_resource_version',
      help: 'The revision up to which an informer is complete.',
      labels: { name: 20, group: RESOURCES, version: RESOURCES, resource: RESOURCES },
    });
    const end = metrics.onCollect(() => {
      for (const { gvr, resourceVersion } of this.all()) {
        revisions.cell(name, gvr.group, gvr.version, gvr.resource).value = Number(resourceVersion);
      }
    });
    signal.addEventListener('abort', end, { once: true });
  }

  /** Resolves when all that were asked for so far have synced; rejects when the signal fires first. */
  async whenSynced(signal?: AbortSignal): Promise<void> {
    await Promise.all([...this.all()].map((informer) => informer.whenSynced(signal)));
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

function metadataOnly(object: KubeObject): KubeObject {
  const { namespace, name, uid, resourceVersion, ownerReferences, finalizers, deletionTimestamp } = object.metadata;
  const metadata = { namespace, name, uid, resourceVersion, ownerReferences, finalizers, deletionTimestamp };
  return { apiVersion: object.apiVersion, kind: object.kind, metadata };
}
