import {
  deepCopy,
  type GroupVersionResource,
  isAlreadyExists,
  isConflict,
  isNotFound,
  type KubeObject,
  ownValue,
  setOwn,
} from '#apimachinery';
import type { Client } from '#client';

/** Conflicting writers are rare here: other replicas that start at the same time. */
const ATTEMPTS = 5;

/**
 * Creates the object, or, when it is there, lets `amend` change a copy of what is stored and writes that if it changed
 * anything. Without `amend` whatever is there is left alone. Gives what is stored in the end.
 */
export async function ensureObject<T extends KubeObject>(
  client: Client,
  gvr: GroupVersionResource,
  wanted: T,
  amend?: (stored: KubeObject) => boolean,
  known?: KubeObject,
): Promise<KubeObject> {
  const { namespace = '', name = '' } = wanted.metadata;
  let stored = known;
  for (let attempt = 1; ; attempt++) {
    try {
      stored ??= await client.get(gvr, namespace, name).catch((error) => {
        if (isNotFound(error)) return undefined;
        throw error;
      });
      if (!stored) return await client.create(gvr, namespace, wanted);
      if (!amend) return stored;
      const copy = deepCopy(stored);
      return amend(copy) ? await client.update(gvr, namespace, copy) : stored;
    } catch (error) {
      const raced = isAlreadyExists(error) || isConflict(error) || isNotFound(error);
      if (!raced || attempt === ATTEMPTS) throw error;
      stored = undefined;
    }
  }
}

/** Adds what is missing or different of `wanted` to the map that `owner[field]` is. True when something changed. */
export function mergeMap(
  owner: Record<string, any>,
  field: 'labels' | 'annotations' | 'data',
  wanted: Record<string, string> | undefined,
): boolean {
  let changed = false;
  for (const [key, value] of Object.entries(wanted ?? {})) {
    if (ownValue(owner[field], key) === value) continue;
    setOwn((owner[field] ??= {}), key, value);
    changed = true;
  }
  return changed;
}
