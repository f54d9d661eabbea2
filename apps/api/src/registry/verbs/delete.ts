import {
  badRequest,
  conflict,
  decodeJson,
  deepCopy,
  deepEqual,
  JsonSyntaxError,
  type KubeObject,
  notFound,
  type Status,
  type StatusError,
} from '#apimachinery';
import { type DeletionPolicy, toStorage } from '#kinds';
import { expectedKind, parseProtobuf } from '../../codec/body-decoder.js';
import { negotiateInput } from '../../codec/negotiation.js';
import { encodeDeleted } from '../../codec/object-codec.js';
import { yamlOf } from '../../codec/yaml-body.js';
import { YamlError } from '../../codec/yaml-text.js';
import type { CachedObject } from '../../storage/store.js';
import type { ApiRequest } from '../api-request.js';
import type { ApiResult } from '../api-result.js';
import { isNewest } from '../freshness.js';
import { keyOf } from '../object-key.js';
import type { RegistryContext } from '../registry-context.js';
import { type DeleteRequestOptions, parseDeleteOptions } from '../request-options.js';
import type { ResourceEntry } from '../resource-table.js';
import { servedObject } from '../resource-table.js';
import { planDeletion } from '../write/deletion-plan.js';
import { admissionAttributes, NO_CONTRIBUTION } from '../write/write-attempt.js';
import { commitError } from '../write/write-errors.js';
import { writtenResult } from '../write/written-result.js';

const DELETE_OPTIONS = expectedKind(
  'meta.k8s.io',
  'v1',
  'DeleteOptions',
  'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions',
);
const ATTEMPTS = 20;

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
  }
  return parseDeleteOptions(value, request.query);
}

export async function deleteObject(
  context: RegistryContext,
  entry: ResourceEntry,
  request: ApiRequest,
  warnings: string[],
): Promise<ApiResult> {
  return deleteNamed(context, entry, request, readDeleteOptions(request), warnings);
}

/** What is different in a deletion that stands for another request. */
export interface DeletionTerms {
  /** The other request was admitted: this one is not asked about. */
  admitted?: boolean;
  /** A change of the object in the same write. */
  mark?(object: KubeObject): void;
}

/** Deletes, marks for deletion, or finds that nothing is to do; again from the start when the object changed meanwhile. */
export async function deleteNamed(
  context: RegistryContext,
  entry: ResourceEntry,
  request: Pick<ApiRequest, 'namespace' | 'name' | 'subresource' | 'user'>,
  options: DeleteRequestOptions,
  warnings: string[],
  terms: DeletionTerms = {},
): Promise<ApiResult> {
  const key = keyOf(entry, request.namespace, request.name);
  for (let attempt = 1; ; attempt += 1) {
    let current = entry.cache.get(key.namespace, key.name);
    if (!current) {
      await context.store.readBarrier();
      current = entry.cache.get(key.namespace, key.name);
      if (!current) throw notFound(entry.groupResource, request.name);
    }
    const result = await attemptDelete(context, entry, request, options, warnings, current, terms);
    if (result !== 'conflict') return result;
    if (attempt >= ATTEMPTS) throw conflict(entry.groupResource, request.name);
    await context.store.readBarrier();
  }
}

async function attemptDelete(
  context: RegistryContext,
  entry: ResourceEntry,
  request: Pick<ApiRequest, 'namespace' | 'name' | 'subresource' | 'user'>,
  options: DeleteRequestOptions,
  warnings: string[],
  current: CachedObject,
  terms: DeletionTerms,
): Promise<ApiResult | 'conflict'> {
  const { definition } = entry;
  const old = servedObject(entry, current);
  const unmet = unmetPrecondition(entry, options, current);
  if (unmet) {
    if (!(await isNewest(context, entry, current))) return 'conflict';
    throw unmet;
  }
  if (!terms.admitted) {
    const attributes = admissionAttributes(entry, request, 'DELETE', undefined, old, { ...options }, warnings);
    attributes.name = current.name;
    const mutated = context.admission.admit(attributes);
    if (mutated) await mutated;
    const admitted = context.admission.validate(attributes);
    if (admitted) await admitted;
  }

  const policy = definition.deletion;
  const object = deepCopy(old);
  terms.mark?.(object);
  const step = planDeletion(object, options, policy, definition.strategy, context.now());
  if (step !== 'remove' && deepEqual(object, old)) {
    if (!(await isNewest(context, entry, current))) return 'conflict';
    return { kind: 'cached', code: 200, resource: definition, object: current };
  }
  if (options.dryRun) {
    if (step !== 'remove') return { kind: 'object', code: 200, resource: definition, object };
    return removedResult(entry, policy, object);
  }
  const key = keyOf(entry, current.namespace, current.name);
  const removing = step === 'remove';
  const contributor = removing ? context.contributors.get(definition.storageResource) : undefined;
  const contribution = contributor?.contribute(undefined, object) ?? NO_CONTRIBUTION;
  const stored = toStorage(definition, object);
  const result = await context.store.commit({
    writes: [
      {
        op: removing ? 'delete' : 'update',
        key,
        uid: current.uid,
        body: encodeDeleted(stored),
        object: stored,
        ifRevision: current.revision,
      },
      ...contribution.writes,
    ],
    guards: contribution.guards,
  });
  if (!result.ok) {
    if (result.failure.reason === 'conflict') return 'conflict';
    throw commitError(entry, current.name, result.failure);
  }
  if (!removing) {
    const cascading = options.orphanDependents === false ? 202 : 200;
    return writtenResult(entry, key, object, result.revisions[0]!, cascading);
  }
  object.metadata.resourceVersion = String(result.revisions[0]);
  return removedResult(entry, policy, object);
}

function removedResult(entry: ResourceEntry, policy: DeletionPolicy, object: KubeObject): ApiResult {
  const resource = entry.definition;
  if (policy.returnsObject) return { kind: 'object', code: 200, resource, object };
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

export function unmetPrecondition(
  entry: ResourceEntry,
  options: DeleteRequestOptions,
  current: CachedObject,
): StatusError | undefined {
  const { uid, resourceVersion } = options.preconditions ?? {};
  const { name } = current;
  if (uid !== undefined && uid !== current.uid) {
    return conflict(
      entry.groupResource,
      name,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${current.uid}`,
    );
  }
  const revision = String(current.revision);
  if (resourceVersion !== undefined && resourceVersion !== revision) {
    return conflict(
      entry.groupResource,
      name,
      `Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${revision}`,
    );
  }
  return undefined;
}
