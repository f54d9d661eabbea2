import { badRequest, type StatusError, timeout } from '#apimachinery';
import type { CachedObject, Revision } from '../storage/store.js';
import type { RegistryContext } from './registry-context.js';
import type { ResourceEntry } from './resource-table.js';

/** How long a read waits for a revision that this replica has not seen yet; the reference gives up after as long. */
const FRESHNESS_WAIT_MS = 3000;
const FRESHNESS_POLL_MS = 25;

/** Makes this replica's caches as new as `resourceVersion` asks. */
export async function freshen(context: RegistryContext, resourceVersion: string): Promise<void> {
  if (resourceVersion === '') {
    await context.store.readBarrier();
  } else if (resourceVersion !== '0') {
    await waitForRevision(context, parseRevision(resourceVersion));
  }
}

/** The same for a read that wants the newest state of a resource, of which some objects show counters. */
export async function freshenResource(
  context: RegistryContext,
  entry: ResourceEntry,
  namespace: string,
  resourceVersion: string,
): Promise<void> {
  const settling = resourceVersion === '' && context.meter?.settled(entry.definition.storageResource, namespace);
  if (settling) await settling;
  await freshen(context, resourceVersion);
}

export function parseRevision(resourceVersion: string): Revision {
  if (!/^\d+$/.test(resourceVersion)) {
    throw badRequest(
      `Invalid value: ${JSON.stringify(resourceVersion)}: strconv.ParseUint: parsing ${JSON.stringify(resourceVersion)}: invalid syntax`,
    );
  }
  return Number(resourceVersion);
}

export async function waitForRevision({ store }: RegistryContext, revision: Revision): Promise<void> {
  if (store.currentRevision() >= revision) return;
  await store.readBarrier();
  const deadline = Date.now() + FRESHNESS_WAIT_MS;
  while (store.currentRevision() < revision) {
    if (Date.now() >= deadline) throw tooLargeRevision(revision, store.currentRevision());
    await new Promise((resolve) => setTimeout(resolve, FRESHNESS_POLL_MS));
  }
}

function tooLargeRevision(wanted: Revision, current: Revision): StatusError {
  const text = `Too large resource version: ${wanted}, current: ${current}`;
  const error = timeout(text, 1);
  error.status.details!.causes = [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }];
  return error;
}

/** Whether this is the object's newest state; another replica may have written one that the cache learns of just now. */
export async function isNewest(
  { store }: RegistryContext,
  entry: ResourceEntry,
  object: CachedObject,
): Promise<boolean> {
  await store.readBarrier();
  return entry.cache.get(object.namespace, object.name)?.revision === object.revision;
}
