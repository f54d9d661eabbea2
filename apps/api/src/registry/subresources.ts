import {
  badRequest,
  deepCopy,
  formatLabelSelector,
  type KubeObject,
  LabelMatcher,
  methodNotAllowed,
} from '#apimachinery';
import { decodeBody, subresourceKind } from '../codec/body-decoder.js';
import type { ApiRequest, ApiResult } from './api-request.js';
import type { RegistryContext } from './registry-context.js';
import { parseWriteOptions } from './request-options.js';
import type { ResourceEntry } from './resource-table.js';
import { answerVirtual } from './verbs/create-virtual.js';
import { getObject } from './verbs/list.js';
import { patchDocument, patchObject } from './verbs/patch.js';
import { updateObject, updateWith } from './verbs/update.js';
import { servedObject } from './write/write-attempt.js';

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
  if (sub.kind === 'Scale') return scale(context, entry, inScope, warnings);
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

async function scale(
  context: RegistryContext,
  entry: ResourceEntry,
  request: ApiRequest,
  warnings: string[],
): Promise<ApiResult> {
  if (request.verb === 'get') {
    const object = await getObject(context, entry, request.namespace, request.name, '');
    return { kind: 'object', code: 200, resource: undefined, object: scaleOf(servedObject(entry, object)) };
  }
  const expected = subresourceKind(entry.subresources.get('scale')!);
  const isPatch = request.verb === 'patch';
  const options = parseWriteOptions(request.query, isPatch ? 'PatchOptions' : 'UpdateOptions');
  const sent = isPatch ? undefined : decodeBody(request, expected, options.fieldValidation, warnings);
  if (sent && sent.metadata.name !== request.name) {
    throw badRequest(
      `the name of the object (${sent.metadata.name ?? ''}) does not match the name on the URL (${request.name})`,
    );
  }
  const result = await updateWith(context, entry, request, warnings, {
    options,
    subresource: 'scale',
    repeatable: isPatch || !sent?.metadata.resourceVersion,
    next: (old) => {
      const wanted = sent ?? patchDocument(entry, request, scaleOf(old), expected, options, warnings);
      const object = deepCopy(old);
      object.spec = { ...object.spec, replicas: wanted.spec?.replicas ?? 0 };
      if (wanted.metadata.resourceVersion) object.metadata.resourceVersion = wanted.metadata.resourceVersion;
      return object;
    },
  });
  const object =
    result.kind === 'cached'
      ? servedObject(entry, result.object)
      : result.kind === 'object'
        ? result.object
        : undefined;
  return { kind: 'object', code: 200, resource: undefined, object: scaleOf(object as KubeObject) };
}

/** autoscaling/v1 Scale of anything with spec.replicas and a selector. */
function scaleOf(object: KubeObject): KubeObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector = object.spec?.selector;
  const text =
    selector === undefined
      ? ''
      : isLabelSelector(selector)
        ? formatLabelSelector(selector)
        : LabelMatcher.ofSet(selector).toString();
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: object.spec?.replicas ?? 0 },
    status: { replicas: object.status?.replicas ?? 0, ...(text === '' ? undefined : { selector: text }) },
  };
}

function isLabelSelector(selector: Record<string, unknown>): boolean {
  return typeof selector.matchLabels === 'object' || Array.isArray(selector.matchExpressions);
}
