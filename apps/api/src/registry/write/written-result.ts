import type { KubeObject } from '#apimachinery';
import type { ObjectKey, Revision } from '../../storage/store.js';
import type { ApiResult } from '../api-result.js';
import type { ResourceEntry } from '../resource-table.js';

/** The written object: the cache's ready bytes when they are still of this write, else what was sent to the store. */
export function writtenResult(
  entry: ResourceEntry,
  key: ObjectKey,
  object: KubeObject,
  revision: Revision,
  code: number,
): ApiResult {
  const cached = entry.cache.get(key.namespace, key.name);
  if (cached?.revision === revision) return { kind: 'cached', code, resource: entry.definition, object: cached };
  const metadata = { ...object.metadata, resourceVersion: String(revision) };
  return { kind: 'object', code, resource: entry.definition, object: { ...object, metadata } };
}
