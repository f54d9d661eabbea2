import { badRequest, deepCopy, formatLabelSelector, type KubeObject, LabelMatcher } from '#apimachinery';
import { decodeBody, subresourceKind } from '../../codec/body-decoder.js';
import { isLarge } from '../../codec/large-bodies.js';
import type { ApiRequest } from '../api-request.js';
import type { ApiResult } from '../api-result.js';
import type { RegistryContext } from '../registry-context.js';
import { parseWriteOptions } from '../request-options.js';
import { type ResourceEntry, servedObject } from '../resource-table.js';
import { updateRefusal } from '../write/preconditions.js';
import { WriteCall } from '../write/write-call.js';
import { runWrite } from '../write/write-pipeline.js';
import type { WritePlan } from '../write/write-plan.js';
import { SCALE } from '../write/write-stages.js';
import { getObject } from './get.js';
import { patchDocument } from './patch.js';

/** Reads and changes spec.replicas through autoscaling/v1 Scale. */
export async function scaleObject(
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
  let sent: KubeObject | undefined;
  const plan: WritePlan = {
    operation: 'UPDATE',
    stages: SCALE,
    options,
    optionsKind: isPatch ? 'PatchOptions' : undefined,
    code: 200,
    decode: () => {
      if (isPatch) return;
      sent = decodeBody(request, expected, options.fieldValidation, warnings);
      if (sent.metadata.name !== request.name) {
        throw badRequest(
          `the name of the object (${sent.metadata.name ?? ''}) does not match the name on the URL (${request.name})`,
        );
      }
    },
    next: (old) => {
      const wanted = sent ?? patchDocument(context, entry, request, scaleOf(old!), expected, options, warnings);
      const object = deepCopy(old!);
      object.spec = { ...object.spec, replicas: wanted.spec?.replicas ?? 0 };
      if (wanted.metadata.resourceVersion) object.metadata.resourceVersion = wanted.metadata.resourceVersion;
      return object;
    },
    refusal: updateRefusal,
    repeatable: () => !sent?.metadata.resourceVersion,
  };
  const result = await runWrite(new WriteCall(context, entry, request, plan, warnings, isLarge(request)));
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
