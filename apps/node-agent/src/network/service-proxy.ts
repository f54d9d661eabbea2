import { type Clock, delay, type Informer, type Logger, objectKey, type SharedInformers } from '#client';
import { type EndpointSlice, gvr, type Service } from '#kinds';
import type { RuleProxy } from './netfilter.js';
import type { ServiceProxyMetrics } from './service-proxy-metrics.js';
import { serviceRules } from './service-rules.js';

const SERVICE_NAME = 'kubernetes.io/service-name';
const BY_SERVICE = 'service';
/** Milliseconds in which changes are gathered: a rollout changes one slice several times in a row. */
const GATHER = 20;
const RETRY = 1000;
/** How often somebody else's flush would go unnoticed at most. */
const VERIFY = 30_000;

export interface ServiceProxyOptions {
  informers: SharedInformers;
  rules: RuleProxy;
  nodeName: string;
  clock: Clock;
  logger: Logger;
  metrics: ServiceProxyMetrics;
}

/** Turns watched Services and EndpointSlices into kernel rules: what changed is set, then everything set is synced at once. */
export class ServiceProxy {
  private readonly services: Informer<Service>;
  private readonly slices: Informer<EndpointSlice>;
  private readonly dirty = new Set<string>();
  private wake: (() => void) | undefined;
  private hasSynced = false;
  private syncRequested = false;

  constructor(private readonly options: ServiceProxyOptions) {
    this.services = options.informers.for<Service>(gvr.services);
    this.slices = options.informers.for<EndpointSlice>(gvr.endpointslices);
    this.slices.addIndex(BY_SERVICE, (slice) => {
      const name = slice.metadata.labels?.[SERVICE_NAME];
      return name ? [`${slice.metadata.namespace}/${name}`] : [];
    });
    this.services.addHandler({
      add: (service) => this.touch(objectKey(service)),
      update: (_old, service) => this.touch(objectKey(service)),
      delete: (service) => this.touch(objectKey(service)),
    });
    const touchSlice = (slice: EndpointSlice) => {
      const name = slice.metadata.labels?.[SERVICE_NAME];
      if (name) this.touch(`${slice.metadata.namespace}/${name}`);
    };
    this.slices.addHandler({
      add: touchSlice,
      update: (old, slice) => {
        touchSlice(old);
        touchSlice(slice);
      },
      delete: touchSlice,
    });
  }

  /** Whether the kernel has had the whole state once. */
  get synced(): boolean {
    return this.hasSynced;
  }

  /** Syncs soon although no Service changed: the node's own settings did. */
  requestSync(): void {
    this.syncRequested = true;
    this.wake?.();
  }

  /** Runs until the signal fires. Rules stay in the kernel then, and go on serving. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger, metrics, rules } = this.options;
    // A sync before everything is known would take rules away that are still needed.
    await Promise.all([this.services.whenSynced(signal), this.slices.whenSynced(signal)]);
    signal.addEventListener('abort', () => this.wake?.(), { once: true });
    let verifyAt = clock.now() + VERIFY;
    let pause = 0;
    while (!signal.aborted) {
      await delay(clock, pause, signal);
      if (signal.aborted) return;
      this.set();
      this.syncRequested = false;
      try {
        const begun = performance.now();
        const result = await rules.sync();
        metrics.synced(performance.now() - begun, clock.now());
        if (result.full)
          logger.info('service rules written', {
            chains: result.chainsWritten,
            ms: Math.round(performance.now() - begun),
          });
        this.hasSynced = true;
        if (clock.now() >= verifyAt) {
          if (await rules.verify()) logger.warn('service rules were gone and have been written anew');
          verifyAt = clock.now() + VERIFY;
        }
        if (this.dirty.size === 0 && !this.syncRequested) await this.sleepUntilTouched(verifyAt - clock.now());
        pause = GATHER;
      } catch (error) {
        metrics.failed();
        logger.error('service rules could not be written', { error });
        pause = RETRY;
      }
    }
  }

  private set(): void {
    for (const key of this.dirty) {
      const service = this.services.getByKey(key);
      const state = service && serviceRules(service, this.slices.byIndex(BY_SERVICE, key), this.options.nodeName);
      this.options.rules.setService(key, state ? JSON.stringify(state) : null);
    }
    this.dirty.clear();
  }

  private touch(key: string): void {
    this.dirty.add(key);
    this.options.metrics.touched(this.options.clock.now());
    this.wake?.();
  }

  private async sleepUntilTouched(milliseconds: number): Promise<void> {
    const touched = new AbortController();
    this.wake = () => touched.abort();
    await delay(this.options.clock, Math.max(milliseconds, 1), touched.signal);
    this.wake = undefined;
  }
}
