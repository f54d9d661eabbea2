import { badRequest, decodeJson, deepCopy, JsonSyntaxError, type KubeObject, type Status } from '#apimachinery';
import { expectedKind, parseProtobuf } from '../../codec/body-decoder.js';
import { negotiateInput } from '../../codec/negotiation.js';
import { yamlOf } from '../../codec/yaml-body.js';
import { YamlError } from '../../codec/yaml-text.js';
import type { ApiRequest } from '../api-request.js';
import type { ApiResult } from '../api-result.js';
import type { RegistryContext } from '../registry-context.js';
import { type DeleteRequestOptions, parseDeleteOptions } from '../request-options.js';
import type { ResourceEntry } from '../resource-table.js';
import { planDeletion } from '../write/deletion-plan.js';
import { unmetPrecondition } from '../write/preconditions.js';
import { WriteCall } from '../write/write-call.js';
import { runWrite } from '../write/write-pipeline.js';
import type { WritePlan } from '../write/write-plan.js';
import { DELETION } from '../write/write-stages.js';

const DELETE_OPTIONS = expectedKind(
  'meta.k8s.io',
  'v1',
  'DeleteOptions',
  'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions',
);

export function readDeleteOptions(request: ApiRequest): DeleteRequestOptions {
  const { body } = request;
  let value: unknown;
  if (Buffer.isBuffer(body)) {
    if (body.length > 0) {
      try {
        const format = negotiateInput(request.contentType);
        if (format === 'yaml') value = yamlOf(request).value();
        else if (format === 'protobuf') value = parseProtobuf(body, DELETE_OPTIONS);
        else value = decodeJson(body, false).value;
        request.record?.sentDocument(value);
      } catch (error) {
        if (error instanceof YamlError) throw badRequest(error.message);
        if (error instanceof JsonSyntaxError) {
          throw badRequest(`couldn't get version/kind; json parse error: ${error.message}`);
        }
        throw error;
      }
    }
  } else {
    value = body;
    if (value !== undefined) request.record?.sentDocument(value);
  }
  return parseDeleteOptions(value, request.query);
}

export function deleteObject(
  context: RegistryContext,
  entry: ResourceEntry,
  request: ApiRequest,
  warnings: string[],
): Promise<ApiResult> {
  return runWrite(new WriteCall(context, entry, request, deletion(readDeleteOptions(request)), warnings));
}

/** Deletes, marks for deletion, or finds that nothing is to do. `mark` changes the object in the same write. */
export function deletion(options: DeleteRequestOptions, mark?: (object: KubeObject, now: Date) => void): WritePlan {
  return {
    operation: 'DELETE',
    stages: DELETION,
    options,
    code: options.orphanDependents === false ? 202 : 200,
    next: (old, call) => {
      const { deletion, strategy } = call.entry.definition;
      const object = deepCopy(old!);
      mark?.(object, call.now);
      call.removes = planDeletion(object, options, deletion, strategy, call.now) === 'remove';
      return object;
    },
    refusal: (call) => unmetPrecondition(call, options.preconditions ?? {}),
    removed: ({ entry, object }) => removedResult(entry, object),
  };
}

function removedResult({ definition: resource }: ResourceEntry, object: KubeObject): ApiResult {
  if (resource.deletion.returnsObject) return { kind: 'object', code: 200, resource, object };
  const { name, uid } = object.metadata;
  const status: Partial<Status> = {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: {
      name,
      ...(resource.group === '' ? undefined : { group: resource.group }),
      kind: resource.plural,
      uid,
    },
  };
  return { kind: 'object', code: 200, resource: undefined, object: status as Status };
}
