import { notFound } from '#apimachinery';
import { convertAhead } from '../../storage/converted-objects.js';
import type { CachedObject } from '../../storage/store.js';
import { freshenResource } from '../freshness.js';
import type { RegistryContext } from '../registry-context.js';
import type { ResourceEntry } from '../resource-table.js';

/** Reads one object; `resourceVersion` '' is linearizable, '0' whatever is here, else at least as new. */
export async function getObject(
  context: RegistryContext,
  entry: ResourceEntry,
  namespace: string,
  name: string,
  resourceVersion: string,
): Promise<CachedObject> {
  await freshenResource(context, entry, namespace, resourceVersion);
  const object = entry.cache.get(namespace, name);
  if (!object) throw notFound(entry.groupResource, name);
  const converting = convertAhead(entry.served, [object]);
  if (converting) await converting;
  return object;
}
