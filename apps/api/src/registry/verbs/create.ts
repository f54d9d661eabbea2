import {
  alreadyExists,
  badRequest,
  deepCopy,
  formatTime,
  generateName,
  generateNameConflict,
  type KubeObject,
  newUid,
} from '#apimachinery';
import { toStorage, type WriteContext } from '#kinds';
import { decodeBody } from '../../codec/body-decoder.js';
import { breath, isLarge } from '../../codec/large-bodies.js';
import { encodeWritten } from '../../codec/object-codec.js';
import type { ApiRequest } from '../api-request.js';
import type { ApiResult } from '../api-result.js';
import { keyOf } from '../object-key.js';
import type { RegistryContext } from '../registry-context.js';
import { parseWriteOptions, type WriteRequestOptions } from '../request-options.js';
import type { ResourceEntry } from '../resource-table.js';
import { managerOf, type TrackedWrite, trackLargeUpdate, trackUpdate } from '../write/field-managers.js';
import { dropRepeatedOwners, settleNamespace } from '../write/object-metadata.js';
import { admissionAttributes, NO_CONTRIBUTION, namespaceGuards } from '../write/write-attempt.js';
import { commitError, throwInvalid } from '../write/write-errors.js';
import { writtenResult } from '../write/written-result.js';

/** A generated name is tried this often before the client is told that none was free. */
const NAME_ATTEMPTS = 8;
/** Numbers that others took first: service IPs and ports. */
const ALLOCATION_ATTEMPTS = 32;

export async function createObject(
  context: RegistryContext,
  entry: ResourceEntry,
  request: ApiRequest,
  warnings: string[],
): Promise<ApiResult> {
  const options = parseWriteOptions(request.query, 'CreateOptions');
  const object = decodeBody(request, entry.definition, options.fieldValidation, warnings);
  if (isLarge(request)) await breath();
  return createDecoded(context, entry, request, object, options, warnings);
}

/** Creates `object`, which is the request's own copy; also for PUT of a missing name. */
export async function createDecoded(
  context: RegistryContext,
  entry: ResourceEntry,
  request: ApiRequest,
  object: KubeObject,
  options: WriteRequestOptions,
  warnings: string[],
  /** Records who owns which fields; by default the creator owns what it sent. */
  track?: (object: KubeObject) => void,
): Promise<ApiResult> {
  const { definition } = entry;
  const { strategy } = definition;
  const { metadata } = object;
  if (metadata.resourceVersion) throw badRequest('resourceVersion should not be set on objects to be created');
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete metadata.resourceVersion;
  const namespace = request.namespace || (definition.plural === 'namespaces' ? (metadata.name ?? '') : '');
  settleNamespace(entry, metadata, request.namespace);
  dropRepeatedOwners(metadata, warnings);
  const now = context.now();
  const generated = !metadata.name && metadata.generateName !== undefined && metadata.generateName !== '';
  if (generated) metadata.name = generateName(metadata.generateName!);
  metadata.uid = newUid();
  metadata.creationTimestamp = formatTime(now);

  const large = isLarge(request);
  strategy.applyDefaults(object);
  if (large) await breath();
  if (track) track(object);
  else {
    const manager = managerOf(options.fieldManager, request.userAgent);
    const write: TrackedWrite = { entry, live: undefined, object, manager, subresource: '', now };
    if (large) await trackLargeUpdate(write);
    else trackUpdate(write);
  }
  const attributes = admissionAttributes(entry, request, 'CREATE', object, undefined, { ...options }, warnings);
  attributes.namespace = namespace;
  if (large) await breath();
  const mutated = context.admission.admit(attributes);
  if (mutated) await mutated;
  dropRepeatedOwners(metadata, warnings);

  const writing: WriteContext = { user: request.user, now, subresource: '', warn: (text) => warnings.push(text) };
  const contributor = context.contributors.get(definition.storageResource);
  const pristine = contributor ? deepCopy(object) : undefined;
  for (let attempt = 1; ; attempt += 1) {
    if (large) await breath();
    const contribution = contributor?.contribute(object, undefined) ?? NO_CONTRIBUTION;
    strategy.prepareForCreate(object, writing);
    if (large) await breath();
    const errors = strategy.validateCreate(object, writing);
    if (large) await breath();
    throwInvalid(entry, object.metadata.name ?? '', errors);
    attributes.object = object;
    if (large) await breath();
    const admitted = context.admission.validate(attributes);
    if (admitted) await admitted;

    const name = object.metadata.name!;
    const key = keyOf(entry, request.namespace, name);
    if (options.dryRun) {
      if (entry.cache.get(key.namespace, name)) throw alreadyExists(entry.groupResource, name);
      return { kind: 'object', code: 201, resource: definition, object };
    }
    if (large) await breath();
    const stored = toStorage(definition, object);
    const result = await context.store.commit({
      writes: [
        {
          op: 'create',
          key,
          uid: object.metadata.uid!,
          body: encodeWritten(stored, track !== undefined),
          object: stored,
        },
        ...contribution.writes,
      ],
      guards: [...namespaceGuards(entry, request.namespace), ...contribution.guards],
    });
    if (result.ok) return writtenResult(entry, key, object, result.revisions[0]!, 201);

    const { failure } = result;
    if (contributor?.retries(failure.key) && attempt < ALLOCATION_ATTEMPTS) {
      object = deepCopy(pristine!);
      continue;
    }
    const taken = failure.reason === 'exists' && failure.key.name === name;
    if (!taken || !generated) throw commitError(entry, name, failure);
    if (attempt >= NAME_ATTEMPTS) throw generateNameConflict(entry.groupResource, name);
    if (pristine) object = deepCopy(pristine);
    object.metadata.name = generateName(object.metadata.generateName!);
    object.metadata.uid = newUid();
  }
}
