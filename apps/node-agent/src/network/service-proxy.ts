import {
  type Clock,
  delay,
  type EventRecorder,
  type Informer,
  type Logger,
  objectKey,
  type SharedInformers,
} from '#client';
import { type EndpointSlice, gvr, type Node, type Service } from '#kinds';
import type { HealthChecks } from './health-checks.js';
import type { Family, RuleProxy, SyncResult } from './netfilter.js';
import type { ServiceProxyMetrics } from './service-proxy-metrics.js';
import { type ServiceRules, serviceRules } from './service-rules.js';

const SERVICE_NAME = 'kubernetes.io/service-name';
const ZONE = 'topology.kubernetes.io/zone';
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
  healthChecks: HealthChecks;
  events: EventRecorder;
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
  /** The kernel has not yet answered for what was set. */
  private syncing = false;
  /** They wait until the kernel has what is known. */
  private readonly waiting: (() => void)[] = [];
  /** The node's zone, which hints of endpoints name; '' without one. */
  private zone = '';
  /** What was said of each Service that the kernel refuses: it is said once. */
  private readonly refused = new Map<string, string>();

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
    this.followZone();
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
    signal.addEventListener('abort', () => this.options.healthChecks.close(), { once: true });
    await this.cleanUpOthers();
    let verifyAt = clock.now() + VERIFY;
    let pause = 0;
    while (!signal.aborted) {
      await delay(clock, pause, signal);
      if (signal.aborted) return;
      try {
        this.reopenIfBroken();
        const answered = this.waiting.length;
        this.set();
        const begun = performance.now();
        const result = await this.rules.sync();
        this.answer(this.dirty.size > 0 ? answered : this.waiting.length);
        metrics.synced(performance.now() - begun, clock.now(), result);
        this.options.healthChecks.setHealthy(true);
        this.report(result, begun);
        if (clock.now() >= verifyAt) {
          const repaired = await this.rules.verify();
          if (repaired?.full) logger.warn('service rules were missing and have been restored');
          if (repaired) this.report(repaired, performance.now());
          verifyAt = clock.now() + VERIFY;
        }
        if (this.dirty.size === 0) await this.sleepUntilTouched(verifyAt - clock.now());
        pause = GATHER;
      } catch (error) {
        metrics.failed();
        this.options.healthChecks.setHealthy(false);
        logger.error('service rules could not be written', { error });
        pause = RETRY;
      }
    }
  }

  /** Resolves when the kernel's rules follow all that is known now. */
  written(): Promise<void> {
    if (this.dirty.size === 0 && !this.syncing) return Promise.resolve();
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  private answer(count: number): void {
    this.syncing = false;
    for (const resolve of this.waiting.splice(0, count)) resolve();
  }

  private report({ full, written, refused, flowsProblem }: SyncResult, begun: number): void {
    const { logger } = this.options;
    if (full) {
      const { mode } = this.rules;
      logger.info('service rules written', { mode, written, ms: Math.round(performance.now() - begun) });
      this.refused.clear();
    }
    if (flowsProblem) logger.warn('flows to endpoints that are gone cannot be ended', { error: flowsProblem });
    for (const { service, family, message } of refused) this.reportRefused(service, family, message);
  }

  private reportRefused(key: string, family: string, message: string): void {
    const { events, logger, metrics } = this.options;
    metrics.refused(family);
    if (this.refused.get(`${key} ${family}`) === message) return;
    this.refused.set(`${key} ${family}`, message);
    logger.error('rules of a Service cannot be written; others are served', { service: key, family, message });
    const service = this.services.getByKey(key);
    if (service) events.event(service, 'Warning', 'FailedToWriteServiceRules', `${family}: ${message}`);
  }

  /** A mode that served this node before has left its rules, which would win or lose by chance. */
  private async cleanUpOthers(): Promise<void> {
    const { logger } = this.options;
    for (const { mode, why } of this.rules.passedOver()) logger.info('a proxy mode is skipped', { mode, why });
    for (const { mode, why } of await this.rules.cleanUpOthers()) {
      logger.warn('rules of another proxy mode cannot be removed', { mode, why });
    }
  }

  /** The hints of endpoints name zones; nodes seldom move. */
  private followZone(): void {
    const follow = (node: Node): void => {
      const zone = node.metadata.labels?.[ZONE] ?? '';
      if (zone === this.zone) return;
      this.zone = zone;
      for (const service of this.services.list()) this.touch(objectKey(service));
    };
    const { informers, nodeName } = this.options;
    informers.for<Node>(gvr.nodes, { fieldSelector: `metadata.name=${nodeName}` }).addHandler({
      add: follow,
      update: (_old, node) => follow(node),
    });
  }

  /** Nobody knows what a panic left: another one starts from all Services, and from what the kernel has. */
  private reopenIfBroken(): void {
    if (!this.rules.broken) return;
    this.rules = this.options.open();
    for (const service of this.services.list()) this.dirty.add(objectKey(service));
  }

  private set(): void {
    const { nodeName, families, logger, healthChecks, metrics } = this.options;
    const place = { nodeName, zone: this.zone };
    for (const key of this.dirty) {
      const service = this.services.getByKey(key);
      const slices = this.slices.byIndex(BY_SERVICE, key);
      const views = service ? serviceRules(service, slices, place, families) : [];
      healthChecks.set(key, views.length > 0 ? service : undefined, localEndpoints(views));
      for (const { family } of views) this.refused.delete(`${key} ${family}`);
      try {
        this.rules.setService(key, JSON.stringify(views));
      } catch (error) {
        metrics.refused(families[0]!);
        logger.error('no rules can be made of a Service; others are served', { service: key, error });
      }
    }
    this.dirty.clear();
    this.syncing = true;
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

/** Endpoints on this node that get traffic from outside; by the family that has most. */
function localEndpoints(views: readonly ServiceRules[]): number {
  const counts = views.map(({ ports }) => {
    const local = ports.flatMap(({ endpoints }) => endpoints.filter((endpoint) => endpoint.local));
    return new Set(local.map(({ ip }) => ip)).size;
  });
  return Math.max(0, ...counts);
}
