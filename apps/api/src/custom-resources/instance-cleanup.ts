import { aggregateMessages, isConflict, isNotFound } from '#apimachinery';
import type { Client, Requeue } from '#client';
import { CLEANUP_FINALIZER, type CustomResourceDefinition, conditionHolds, gvr, putCondition } from '#kinds';
import type { ApiRequest } from '../registry/api-request.js';
import type { RegistryContext } from '../registry/registry-context.js';
import { ENDLESS } from '../registry/request-lifetime.js';
import { type ResourceEntry, resourceEntry } from '../registry/resource-table.js';
import { deleteCollection } from '../registry/verbs/delete-collection.js';
import { DEFINITIONS } from '../registry/write/definition-guard.js';
import type { ServedDefinitions } from './served-definitions.js';

export interface InstanceCleanupOptions {
  readonly context: RegistryContext;
  readonly definitions: Pick<ServedDefinitions, 'storedResource'>;
  /** Removes the finalizer. */
  readonly client: Client;
  /** On whose behalf objects are deleted. */
  readonly user: ApiRequest['user'];
}

type WriteStatus = (crd: CustomResourceDefinition) => Promise<CustomResourceDefinition | undefined>;

/** Objects with finalizers are looked for again after this. Milliseconds. */
const POLL_MS = 200;
/** After this the status says that some are left, and all are deleted again. Milliseconds. */
const PATIENCE_MS = 60_000;

/** Deletes the objects of definitions that are being deleted, and then lets the definitions go. */
export class InstanceCleanup {
  /** When the deletes of a definition's objects were made; by its name. */
  private readonly deleted = new Map<string, number>();

  constructor(private readonly options: InstanceCleanupOptions) {}

  forget(name: string): void {
    this.deleted.delete(name);
  }

  /** One step; `now` is its time as conditions have it. */
  async step(given: CustomResourceDefinition, now: string, write: WriteStatus): Promise<Requeue | undefined> {
    const name = given.metadata.name!;
    const say = async (crd: CustomResourceDefinition, reason: string, message: string, isOver = false) => {
      const condition = { type: 'Terminating', status: isOver ? 'False' : 'True', reason, message };
      return putCondition(crd, condition, now) ? write(crd) : crd;
    };
    // One with accepted names has been served, whatever became of it since: it may have objects.
    if (!conditionHolds(given, 'Established') && !conditionHolds(given, 'NamesAccepted')) {
      const crd = await say(given, 'NeverEstablished', 'resource was never established', true);
      return crd && this.release(crd);
    }
    const entry = resourceEntry(this.options.definitions.storedResource(given), this.options.context.store);
    if (!this.deleted.has(name)) {
      const crd = await say(given, 'InstanceDeletionInProgress', 'CustomResource deletion is in progress');
      if (crd === undefined) return undefined;
      const errors = await this.deleteAll(entry, given);
      if (errors.length > 0) {
        const text = aggregateMessages(errors);
        await say(crd, 'InstanceDeletionFailed', `could not issue all deletes: ${text}`);
        throw new Error(text);
      }
      this.deleted.set(name, performance.now());
      return { requeueAfter: 0 };
    }
    await this.options.context.store.readBarrier();
    if (entry.cache.size === 0) {
      this.deleted.delete(name);
      const crd = await say(given, 'InstanceDeletionCompleted', 'removed all instances', true);
      return crd && this.release(crd);
    }
    if (performance.now() - this.deleted.get(name)! < PATIENCE_MS) return { requeueAfter: POLL_MS };
    this.deleted.delete(name);
    const late = 'could not confirm zero CustomResources remaining: context deadline exceeded';
    await say(given, 'InstanceDeletionCheck', late);
    return { requeueAfter: POLL_MS };
  }

  /** One collection for each namespace that has some; what went wrong, by namespace. */
  private async deleteAll(entry: ResourceEntry, given: CustomResourceDefinition): Promise<string[]> {
    const { context } = this.options;
    await context.store.readBarrier();
    const namespaces = new Set(entry.cache.list({})!.items.map(({ namespace }) => namespace));
    const errors: string[] = [];
    for (const namespace of namespaces) {
      // Another server may have let it go meanwhile, and somebody may have made it anew, with other objects.
      if (!this.isTerminating(given)) return errors;
      try {
        await deleteCollection(context, entry, this.request(entry, namespace), []);
      } catch (error) {
        errors.push((error as Error).message);
      }
    }
    return errors;
  }

  private isTerminating({ metadata }: CustomResourceDefinition): boolean {
    const crd = this.options.context.store.cache(DEFINITIONS).get('', metadata.name!)?.parse();
    return crd?.metadata.uid === metadata.uid && crd?.metadata.deletionTimestamp !== undefined;
  }

  private request({ definition }: ResourceEntry, namespace: string): ApiRequest {
    const { group, version, plural: resource } = definition;
    return {
      ...{ verb: 'deletecollection', group, version, resource, subresource: '', namespace, name: '', path: '' },
      ...{ query: new URLSearchParams(), body: undefined, contentType: '', lifetime: ENDLESS },
      ...{ user: this.options.user, userAgent: this.options.user.name },
    };
  }

  private async release({ metadata }: CustomResourceDefinition): Promise<undefined> {
    const { uid, resourceVersion, finalizers = [] } = metadata;
    const left = finalizers.filter((finalizer) => finalizer !== CLEANUP_FINALIZER);
    const patch = { metadata: { uid, resourceVersion, finalizers: left } };
    try {
      const { client } = this.options;
      await client.patch(gvr.customresourcedefinitions, '', metadata.name!, 'application/merge-patch+json', patch);
    } catch (error) {
      if (!isConflict(error) && !isNotFound(error)) throw error;
    }
  }
}
