import { deepCopy, formatTime, isConflict, isNotFound } from '#apimachinery';
import { type Client, type Clock, ControlLoop, type Logger, type Requeue } from '#client';
import { CLEANUP_FINALIZER, type CustomResourceDefinition, gvr, type ResourceCatalog } from '#kinds';
import type { MetricsRegistry } from '#telemetry';
import { acceptNames, wantsNames } from './definition-names.js';
import { establish, reviewDefinition } from './definition-status.js';
import type { InstanceCleanup } from './instance-cleanup.js';
import type { NameClaims } from './name-claims.js';
import { NameIndex } from './name-index.js';
import type { ServedDefinitions } from './served-definitions.js';

export interface DefinitionLoopOptions {
  readonly definitions: ServedDefinitions;
  readonly catalog: ResourceCatalog;
  readonly cleanup: Pick<InstanceCleanup, 'step' | 'forget'>;
  readonly claims: Pick<NameClaims, 'decisions' | 'write'>;
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: MetricsRegistry;
}

const RESOURCE = gvr.customresourcedefinitions;
/** After another server was faster. Milliseconds. */
const DECIDE_AGAIN_MS = 10;

/**
 * Writes the status of CustomResourceDefinitions, and empties those that are being deleted. It runs in every server, as in the
 * reference: a server alone establishes what it is given. Of several, one is first, and the others find nothing left to do.
 */
export class DefinitionLoop {
  /** Two definitions that want one name are looked at one after the other. */
  private readonly establishing: ControlLoop;
  private readonly names: NameIndex;
  /** Deleting objects may take as long as somebody's webhook. */
  private readonly finalizing: ControlLoop;

  constructor(private readonly options: DefinitionLoopOptions) {
    const { clock, logger, metrics } = options;
    const common = { clock, logger, metrics };
    this.names = new NameIndex(options.catalog.list());
    this.establishing = new ControlLoop({
      ...{ name: 'crd_establishing', concurrency: 1, ...common },
      reconcile: (name) => this.establish(name),
    });
    this.finalizing = new ControlLoop({
      ...{ name: 'crd_finalizer', ...common },
      reconcile: (name) => this.finalize(name),
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    this.options.definitions.follow(signal, (name) => {
      this.establishing.add(name);
      this.finalizing.add(name);
    });
    await Promise.all([this.establishing.run(signal), this.finalizing.run(signal)]);
  }

  private async finalize(name: string): Promise<Requeue | undefined> {
    const { cleanup } = this.options;
    const crd = this.copyOf(name);
    if (crd === undefined) {
      cleanup.forget(name);
      return undefined;
    }
    const { deletionTimestamp, finalizers = [] } = crd.metadata;
    if (deletionTimestamp === undefined || !finalizers.includes(CLEANUP_FINALIZER)) return undefined;
    return cleanup.step(crd, this.now(), (changed) => this.writeStatus(changed));
  }

  private copyOf(name: string): CustomResourceDefinition | undefined {
    const stored = this.options.definitions.cache.get('', name)?.parse();
    return stored && deepCopy(stored);
  }

  private now(): string {
    return formatTime(new Date(this.options.clock.now()));
  }

  private async establish(name: string): Promise<Requeue | undefined> {
    const crd = this.copyOf(name);
    if (crd === undefined) return this.wakeWaiting(name.slice(name.indexOf('.') + 1));
    return wantsNames(crd) ? this.decideNames(name) : this.review(crd);
  }

  private async review(crd: CustomResourceDefinition): Promise<undefined> {
    const now = this.now();
    const reviewed = reviewDefinition(crd, now);
    // Whoever reads that it is established finds it served.
    this.options.definitions.settle(crd.metadata.name!);
    if (establish(crd, now) || reviewed) await this.writeStatus(crd);
  }

  /** Another server may be deciding at the same time: of two decisions on the same state one is refused, and made again. */
  private async decideNames(name: string): Promise<Requeue | undefined> {
    const { claims, definitions } = this.options;
    const seen = await claims.decisions();
    this.names.follow(definitions.cache);
    const crd = this.copyOf(name);
    if (crd === undefined) return undefined;
    const { group } = crd.spec;
    const now = this.now();
    if (!acceptNames(crd, this.names.taken(group), now)) return this.review(crd);
    reviewDefinition(crd, now);
    try {
      await claims.write(crd, seen);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      if (isConflict(error)) return { requeueAfter: DECIDE_AGAIN_MS };
      throw error;
    }
    // A name that it had may be free now.
    return this.wakeWaiting(group, name);
  }

  /** Of a group whose names have changed: those that were not given all of theirs. */
  private wakeWaiting(group: string, except?: string): undefined {
    this.names.follow(this.options.definitions.cache);
    for (const name of this.names.waiting(group)) if (name !== except) this.establishing.add(name);
  }

  /** Undefined when somebody else was faster: the event of that wakes the loop again. */
  private async writeStatus(crd: CustomResourceDefinition): Promise<CustomResourceDefinition | undefined> {
    try {
      return await this.options.client.update<CustomResourceDefinition>(RESOURCE, '', crd, { subresource: 'status' });
    } catch (error) {
      if (isConflict(error) || isNotFound(error)) return undefined;
      throw error;
    }
  }
}
