import { deepCopy, formatTime, isConflict, isNotFound } from '#apimachinery';
import { type Client, type Clock, ControlLoop, type Logger, type Requeue } from '#client';
import { CLEANUP_FINALIZER, type CustomResourceDefinition, gvr, type ResourceCatalog } from '#kinds';
import type { MetricsRegistry } from '#telemetry';
import { acceptNames, takenNames } from './definition-names.js';
import { establish, reviewDefinition } from './definition-status.js';
import type { InstanceCleanup } from './instance-cleanup.js';
import type { ServedDefinitions } from './served-definitions.js';

export interface DefinitionLoopOptions {
  readonly definitions: ServedDefinitions;
  readonly catalog: ResourceCatalog;
  readonly cleanup: Pick<InstanceCleanup, 'step' | 'forget'>;
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: MetricsRegistry;
}

const RESOURCE = gvr.customresourcedefinitions;

/**
 * Writes the status of CustomResourceDefinitions, and empties those that are being deleted. It runs in every server, as in the
 * reference: a server alone establishes what it is given. Of several, one is first, and the others find nothing left to do.
 */
export class DefinitionLoop {
  /** Two definitions that want one name are looked at one after the other. */
  private readonly establishing: ControlLoop;
  /** Deleting objects may take as long as somebody's webhook. */
  private readonly finalizing: ControlLoop;

  constructor(private readonly options: DefinitionLoopOptions) {
    const { clock, logger, metrics } = options;
    const common = { clock, logger, metrics };
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
    const following = this.options.definitions.follow(signal, (name) => {
      this.establishing.add(name);
      this.finalizing.add(name);
    });
    await Promise.all([following, this.establishing.run(signal), this.finalizing.run(signal)]);
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

  private async establish(name: string): Promise<undefined> {
    const crd = this.copyOf(name);
    if (crd === undefined) return this.wakeGroup(name, name.slice(name.indexOf('.') + 1));
    const now = this.now();
    const named = acceptNames(crd, this.taken(crd.spec.group), now);
    const reviewed = reviewDefinition(crd, now);
    // Whoever reads that it is established finds it served.
    if (!named) this.options.definitions.settle(name);
    const established = !named && establish(crd, now);
    if (!(named || reviewed || established)) return undefined;
    await this.writeStatus(crd);
    // A name that it had may be free now.
    if (named) this.wakeGroup(name, crd.spec.group);
    return undefined;
  }

  private taken(group: string) {
    const { catalog, definitions } = this.options;
    const all = definitions.cache.list({})!.items.filter(({ name }) => name.endsWith(`.${group}`));
    return takenNames(
      group,
      all.map((object) => object.parse()),
      catalog.list().filter(({ custom }) => custom === undefined),
    );
  }

  private wakeGroup(name: string, group: string): undefined {
    for (const other of this.options.definitions.cache.list({})!.items) {
      if (other.name !== name && other.name.endsWith(`.${group}`)) this.establishing.add(other.name);
    }
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
