import { methodNotAllowed } from '#apimachinery';
import type { ApiRequest } from './api-request.js';
import type { ApiResult } from './api-result.js';
import type { RegistryContext } from './registry-context.js';
import type { ResourceEntry } from './resource-table.js';
import { answerVirtual } from './verbs/create-virtual.js';
import { getObject } from './verbs/get.js';
import { patchObject } from './verbs/patch.js';
import { scaleObject } from './verbs/scale.js';
import { updateObject } from './verbs/update.js';

/** Subresources of the object path. Streams and proxies (log, exec, ...) end at the HTTP layer before they come here. */
export async function handleSubresource(
  context: RegistryContext,
  entry: ResourceEntry,
  request: ApiRequest,
  warnings: string[],
): Promise<ApiResult> {
  const sub = entry.subresources.get(request.subresource)!;
  const virtual = entry.virtual.get(sub.name);
  if (virtual && request.verb === 'create') return answerVirtual(context, entry, virtual, request, warnings);
  if (!sub.verbs.includes(request.verb)) throw methodNotAllowed();
  const inScope = entry.definition.namespaced ? request : { ...request, namespace: '' };
  if (sub.kind === entry.definition.kind) return viewOfParent(context, entry, inScope, warnings);
  if (sub.kind === 'Scale') return scaleObject(context, entry, inScope, warnings);
  throw methodNotAllowed();
}

/** The subresource is the whole object, of which it may change a part: status, finalize, resize, approval. */
async function viewOfParent(
  context: RegistryContext,
  entry: ResourceEntry,
  request: ApiRequest,
  warnings: string[],
): Promise<ApiResult> {
  switch (request.verb) {
    case 'get': {
      const revision = request.query.get('resourceVersion') ?? '';
      const object = await getObject(context, entry, request.namespace, request.name, revision);
      return { kind: 'cached', code: 200, resource: entry.definition, object };
    }
    case 'update':
      return updateObject(context, entry, request, warnings);
    case 'patch':
      return patchObject(context, entry, request, warnings);
    default:
      throw methodNotAllowed();
  }
}
