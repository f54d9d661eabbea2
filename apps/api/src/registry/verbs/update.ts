import { badRequest, conflict, deepEqual, type KubeObject, notFound } from '#apimachinery';
import { toStorage, type WriteContext } from '#kinds';
import { readAhead } from '../../codec/body-ahead.js';
import { decodeBody } from '../../codec/body-decoder.js';
import { breath, isLarge } from '../../codec/large-bodies.js';
import { encodeDeleted, encodeWritten } from '../../codec/object-codec.js';
import type { ApiRequest } from '../api-request.js';
import type { ApiResult } from '../api-result.js';
import { isNewest } from '../freshness.js';
import { keyOf } from '../object-key.js';
import type { RegistryContext } from '../registry-context.js';
import { authorizeOrThrow } from '../request-authorization.js';
import { parseWriteOptions, type WriteRequestOptions } from '../request-options.js';
import type { ResourceEntry } from '../resource-table.js';
import { servedObject } from '../resource-table.js';
import { managerOf, type TrackedWrite, trackLargeUpdate, trackUpdate } from '../write/field-managers.js';
import { dropRepeatedOwners, settleNamespace } from '../write/object-metadata.js';
import { admissionAttributes, NO_CONTRIBUTION } from '../write/write-attempt.js';
import { commitError, throwInvalid } from '../write/write-errors.js';
import { writtenResult } from '../write/written-result.js';
import { createDecoded } from './create.js';

/** Writers that gave no resourceVersion are retried this often when others are faster. */
const ATTEMPTS = 20;

/** How a write comes to its new object; everything after that is the same for PUT, PATCH and the subresources. */
export interface UpdatePlan {
  options: WriteRequestOptions;
  /** As admission sees it: UpdateOptions of PUT, PatchOptions of PATCH. */
  subresource: string;
  /** Makes the new object from the current one, which is frozen. Called again when the object changed in between. */
  next(old: KubeObject): KubeObject | Promise<KubeObject>;
  /** True when the result of `next` rests on the current object and may be made again after a conflict. */
  repeatable: boolean;
  /** Undefined: a missing object is a 404. */
  create?(): Promise<ApiResult>;
  /** The write says by itself who owns which fields (apply). */
  ownsManagedFields?: boolean;
  /** Skips admission: writes that the server makes on behalf of a request that was admitted as something else. */
  admitted?: boolean;
}

export async function updateObject(
  context: RegistryContext,
  entry: ResourceEntry,
  request: ApiRequest,
  warnings: string[],
): Promise<ApiResult> {
  const options = parseWriteOptions(request.query, 'UpdateOptions');
  const sent = decodeBody(request, entry.definition, options.fieldValidation, warnings);
  settleNamespace(entry, sent.metadata, request.namespace);
  if (sent.metadata.name !== request.name) {
    if (!sent.metadata.name) {
      throw badRequest(
        `the name of the object (${request.name} based on URL) was undeterminable: name must be provided`,
      );
    }
    throw badRequest(
      `the name of the object (${sent.metadata.name}) does not match the name on the URL (${request.name})`,
    );
  }
  if (isLarge(request)) await breath();
  entry.definition.strategy.applyDefaults(sent);
  const unconditional = !sent.metadata.resourceVersion || sent.metadata.resourceVersion === '0';
  const { strategy } = entry.definition;
  const mayCreate = strategy.allowCreateOnUpdate && request.subresource === '' && !sent.metadata.resourceVersion;
  const again = (): KubeObject => {
    const object = decodeBody(request, entry.definition, 'Ignore', []);
    settleNamespace(entry, object.metadata, request.namespace);
    strategy.applyDefaults(object);
    return object;
  };
  const settled = (object: KubeObject, old: KubeObject): KubeObject => {
    if (unconditional && strategy.allowUnconditionalUpdate) {
      object.metadata.resourceVersion = old.metadata.resourceVersion;
    } else if (unconditional) {
      delete object.metadata.resourceVersion;
    }
    return object;
  };
  let first = true;
  return updateWith(context, entry, request, warnings, {
    options,
    subresource: request.subresource,
    repeatable: unconditional && strategy.allowUnconditionalUpdate,
    next: (old) => {
      if (first) {
        first = false;
        return settled(sent, old);
      }
      if (isLarge(request)) return readAhead(request, entry.definition.schemaName).then(() => settled(again(), old));
      return settled(again(), old);
    },
    create: mayCreate
      ? async () => {
          await authorizeOrThrow(context, { ...request, verb: 'create' });
          return createDecoded(context, entry, request, sent, options, warnings);
        }
      : undefined,
  });
}

/** Reads, changes, admits, validates and commits; again from the start when somebody else was faster and the plan allows. */
export async function updateWith(
  context: RegistryContext,
  entry: ResourceEntry,
  request: ApiRequest,
  warnings: string[],
  plan: UpdatePlan,
): Promise<ApiResult> {
  const key = keyOf(entry, request.namespace, request.name);
  for (let attempt = 1; ; attempt += 1) {
    const result = await attemptUpdate(context, entry, request, warnings, plan, key);
    if (result !== 'conflict') return result;
    if (!plan.repeatable || attempt >= ATTEMPTS) throw conflict(entry.groupResource, request.name);
    await context.store.readBarrier();
  }
}

async function attemptUpdate(
  context: RegistryContext,
  entry: ResourceEntry,
  request: ApiRequest,
  warnings: string[],
  plan: UpdatePlan,
  key: ReturnType<typeof keyOf>,
): Promise<ApiResult | 'conflict'> {
  const { definition } = entry;
  const { strategy } = definition;
  let current = entry.cache.get(key.namespace, key.name);
  if (!current) {
    await context.store.readBarrier();
    current = entry.cache.get(key.namespace, key.name);
  }
  if (!current) {
    if (plan.create) return plan.create();
    throw notFound(entry.groupResource, request.name);
  }
  const old = servedObject(entry, current);
  const large = isLarge(request, current);
  if (large) await breath();
  const next = plan.next(old);
  const object = next instanceof Promise ? await next : next;
  if (large) await breath();
  const { metadata } = object;
  const wantedUid = metadata.uid;
  if (wantedUid && wantedUid !== current.uid) {
    if (!(await isNewest(context, entry, current))) return attemptUpdate(context, entry, request, warnings, plan, key);
    throw conflict(
      entry.groupResource,
      request.name,
      `Precondition failed: UID in precondition: ${wantedUid}, UID in object meta: ${current.uid}`,
    );
  }
  const given = metadata.resourceVersion;
  if (given && given !== '0' && given !== old.metadata.resourceVersion) {
    if (/^\d+$/.test(given)) {
      if (Number(given) > current.revision) await context.store.readBarrier();
    } else {
      throwInvalid(entry, request.name, [
        {
          field: 'metadata.resourceVersion',
          reason: 'FieldValueInvalid',
          message: `Invalid value: ${JSON.stringify(given)}: strconv.ParseUint: parsing ${JSON.stringify(given)}: invalid syntax`,
        },
      ]);
    }
    const fresh = entry.cache.get(key.namespace, key.name);
    if (fresh === undefined || given !== String(fresh.revision)) {
      throw conflict(entry.groupResource, request.name);
    }
    return attemptUpdate(context, entry, request, warnings, plan, key);
  }

  const now = context.now();
  dropRepeatedOwners(metadata, warnings);
  const attributes = admissionAttributes(entry, request, 'UPDATE', object, old, { ...plan.options }, warnings);
  attributes.subresource = plan.subresource;
  if (!plan.admitted) {
    const mutated = context.admission.admit(attributes);
    if (mutated) await mutated;
    dropRepeatedOwners(object.metadata, warnings);
  }

  if (large) await breath();
  const contributor = context.contributors.get(definition.storageResource);
  const contribution = contributor?.contribute(object, old) ?? NO_CONTRIBUTION;
  const writing: WriteContext = {
    user: request.user,
    now,
    subresource: plan.subresource,
    warn: (text) => warnings.push(text),
  };
  strategy.prepareForUpdate(object, old, writing);
  if (large) await breath();
  if (!plan.ownsManagedFields) {
    const manager = managerOf(plan.options.fieldManager, request.userAgent);
    const write: TrackedWrite = { entry, live: old, object, manager, subresource: plan.subresource, now };
    if (large) await trackLargeUpdate(write);
    else trackUpdate(write);
  }
  if (large) await breath();
  const errors = strategy.validateUpdate(object, old, writing);
  if (large) await breath();
  throwInvalid(entry, request.name, errors);
  if (!plan.admitted) {
    const admitted = context.admission.validate(attributes);
    if (admitted) await admitted;
  }

  if (large) await breath();
  const removed = goesAway(entry, object, old);
  if (!removed && deepEqual(object, old)) {
    // That nothing is to be done can only be said of the newest state, which another replica may have written.
    if (!(await isNewest(context, entry, current))) return attemptUpdate(context, entry, request, warnings, plan, key);
    return { kind: 'cached', code: 200, resource: definition, object: current };
  }
  object.metadata.resourceVersion ??= old.metadata.resourceVersion;
  if (plan.options.dryRun) return { kind: 'object', code: 200, resource: definition, object };

  if (large) await breath();
  const parting = removed ? (contributor?.contribute(undefined, object) ?? NO_CONTRIBUTION) : contribution;
  const stored = toStorage(definition, object);
  const result = await context.store.commit({
    writes: [
      {
        op: removed ? 'delete' : 'update',
        key,
        uid: current.uid,
        body: removed ? encodeDeleted(stored) : encodeWritten(stored, plan.ownsManagedFields === true),
        object: stored,
        ifRevision: current.revision,
      },
      ...parting.writes,
    ],
    guards: parting.guards,
  });
  if (result.ok) {
    if (!removed) return writtenResult(entry, key, object, result.revisions[0]!, 200);
    object.metadata.resourceVersion = String(result.revisions[0]);
    return { kind: 'object', code: 200, resource: definition, object };
  }
  const { failure } = result;
  const own = failure.key.name === key.name && failure.key.resource === key.resource;
  if (own && failure.reason === 'conflict') return 'conflict';
  if (!own && contributor?.retries(failure.key)) return attemptUpdate(context, entry, request, warnings, plan, key);
  throw commitError(entry, request.name, failure);
}

/** An object that was only waiting for its finalizers goes with the update that removes the last of them. */
function goesAway(entry: ResourceEntry, object: KubeObject, old: KubeObject): boolean {
  if (old.metadata.deletionTimestamp === undefined) return false;
  if ((object.metadata.finalizers?.length ?? 0) > 0) return false;
  if ((old.metadata.deletionGracePeriodSeconds ?? 0) > 0) return false;
  return !(entry.definition.deletion.heldBack?.(object) ?? false);
}
