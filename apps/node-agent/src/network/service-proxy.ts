import { type Clock, delay, type Informer, type Logger, objectKey, type SharedInformers } from '#client';
import { type EndpointSlice, gvr, type Service } from '#kinds';
import type { Family, RuleProxy, SyncResult } from './netfilter.js';
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
  /** Another one, for when the first is broken. */
  open(): RuleProxy;
  /** Families that the node carries. */
  families: readonly Family[];
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
  private rules: RuleProxy;
  private wake: (() => void) | undefined;

  constructor(private readonly options: ServiceProxyOptions) {
    this.rules = options.rules;
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

  /** Runs until the signal fires. Rules stay in the kernel then, and go on serving. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger, metrics } = this.options;
    // A sync before everything is known would take rules away that are still needed.
    await Promise.all([this.services.whenSynced(signal), this.slices.whenSynced(signal)]);
    signal.addEventListener('abort', () => this.wake?.(), { once: true });
    let verifyAt = clock.now() + VERIFY;
    let pause = 0;
    while (!signal.aborted) {
      await delay(clock, pause, signal);
      if (signal.aborted) return;
      try {
        this.reopenIfBroken();
        this.set();
        const begun = performance.now();
        const result = await this.rules.sync();
        metrics.synced(performance.now() - begun, clock.now());
        this.report(result, begun);
        if (clock.now() >= verifyAt) {
          const repaired = await this.rules.verify();
          if (repaired?.full) logger.warn('service rules were gone and have been written anew');
          if (repaired) this.report(repaired, performance.now());
          verifyAt = clock.now() + VERIFY;
        }
        if (this.dirty.size === 0) await this.sleepUntilTouched(verifyAt - clock.now());
        pause = GATHER;
      } catch (error) {
        metrics.failed();
        logger.error('service rules could not be written', { error });
        pause = RETRY;
      }
    }
  }

  private report({ full, chainsWritten, refused }: SyncResult, begun: number): void {
    const { logger } = this.options;
    if (full)
      logger.info('service rules written', { chains: chainsWritten, ms: Math.round(performance.now() - begun) });
    for (const { service, family, message } of refused) {
      logger.error('the kernel refuses the rules of a Service; others are served', { service, family, message });
    }
  }

  /** Nobody knows what a panic left: another one starts from all Services, and from what the kernel has. */
  private reopenIfBroken(): void {
    if (!this.rules.broken) return;
    this.rules = this.options.open();
    for (const service of this.services.list()) this.dirty.add(objectKey(service));
  }

  private set(): void {
    const { nodeName, families, logger } = this.options;
    for (const key of this.dirty) {
      const service = this.services.getByKey(key);
      const views = service ? serviceRules(service, this.slices.byIndex(BY_SERVICE, key), nodeName, families) : [];
      try {
        this.rules.setService(key, JSON.stringify(views));
      } catch (error) {
        logger.error('no rules can be made of a Service; others are served', { service: key, error });
      }
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
