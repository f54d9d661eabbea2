import {
  alreadyExists,
  badRequest,
  deepCopy,
  deepEqual,
  formatGroupVersion,
  formatTime,
  generateName,
  type ManagedFieldsEntry,
  newUid,
  notFound,
} from '#apimachinery';
import { inTurns, isLargeObject } from '../../codec/large-bodies.js';
import { convertAhead } from '../../storage/converted-objects.js';
import type { CachedObject } from '../../storage/store.js';
import type { ApiResult } from '../api-result.js';
import { isNewest } from '../freshness.js';
import { authorizeOrThrow } from '../request-authorization.js';
import { CallAdmission } from './call-admission.js';
import { commit } from './commit-stage.js';
import { checkManagedFields, managerOf, type TrackedWrite, trackLargeUpdate, trackUpdate } from './field-managers.js';
import { dropRepeatedOwners, settleNamespace } from './object-metadata.js';
import type { WriteCall } from './write-call.js';
import { throwInvalid } from './write-errors.js';

/**
 * Why a write is made again. `stale`: this replica was behind and has caught up. `conflict`: somebody else was faster. `taken`: the
 * object is as it should be, and a number or a generated name was not free.
 */
export type Again = 'stale' | 'conflict' | 'taken';

/** Undefined: go on with the next stage. Throws StatusError. */
type Outcome = ApiResult | Again | undefined;

// biome-ignore lint/suspicious/noConfusingVoidType: a stage that only changes the call returns nothing
export type Stage = (call: WriteCall) => Outcome | void | Promise<Outcome | void>;

/** What every write goes through, in this order; a stage that has nothing to do for an operation says so itself. */
const STAGES: readonly Stage[] = [
  decode,
  readCurrent,
  authorizeCreate,
  makeObject,
  applyDefaults,
  settleMetadata,
  checkPreconditions,
  trackManagers,
  mutate,
  identify,
  allocate,
  prepare,
  validate,
  admit,
  skipUnchanged,
  answerDryRun,
  commit,
];

/** A client's object, created or updated. */
export const WRITE: readonly Stage[] = STAGES;
/** The same where the verb says by itself who owns what, on an object that has its defaults: apply, and all verbs of scale. */
export const APPLY = without(applyDefaults, trackManagers);
/** The strategy of the kind is not asked of an object that goes. */
export const DELETION = without(applyDefaults, settleMetadata, trackManagers, identify, prepare, validate);
/** A deletion that was admitted as something else. */
export const ADMITTED_DELETION = DELETION.filter((stage) => stage !== mutate && stage !== admit);
/** A change that only the server may make, on behalf of a request that was admitted as something else. */
export const SERVER_CHANGE: readonly Stage[] = [readCurrent, makeObject, checkPreconditions, answerDryRun, commit];
/** What is answered and never stored: its handler checks it, and knows of dry runs. */
export const REVIEW = without(
  ...[settleMetadata, trackManagers, identify, allocate, prepare, validate, skipUnchanged, answerDryRun],
);
/** The same below an object, which the handler finds: the body is of another kind, which has no defaults. */
export const SUBRESOURCE_REVIEW = REVIEW.filter((stage) => stage !== applyDefaults);

/** Where a write whose numbers were taken begins again. */
export const ALLOCATION: Stage = allocate;

function without(...left: readonly Stage[]): readonly Stage[] {
  return STAGES.filter((stage) => !left.includes(stage));
}

function decode(call: WriteCall): void | Promise<void> {
  if (call.attempt > 1) return;
  const decoding = call.plan.decode?.(call);
  if (decoding) return decoding.then(() => rememberWarnings(call));
  rememberWarnings(call);
}

function rememberWarnings(call: WriteCall): void {
  call.decodeWarnings = call.warnings.length;
}

function readCurrent(call: WriteCall): void | Promise<void> {
  if (call.plan.operation === 'CREATE') return;
  const current = call.entry.cache.get(call.key.namespace, call.key.name);
  if (current === undefined) return readNewest(call);
  call.large ||= isLargeObject(current);
  return findConverted(call, current);
}

function findConverted(call: WriteCall, current: CachedObject): void | Promise<void> {
  const converting = convertAhead(call.entry.served, [current]);
  if (converting) return converting.then(() => call.find(current));
  call.find(current);
}

/** Nothing is missing before the newest state says so, which another replica may have written. */
async function readNewest(call: WriteCall): Promise<void> {
  await call.context.store.readBarrier();
  const current = call.entry.cache.get(call.key.namespace, call.key.name);
  if (current !== undefined) return findConverted(call, current);
  const create = call.plan.create?.(call);
  if (create === undefined) throw notFound(call.entry.groupResource, call.key.name);
  call.plan = create.plan;
  call.permission = create.permission;
}

/** The request was authorized as an update. */
async function authorizing(call: WriteCall): Promise<void> {
  await authorizeOrThrow(call.context, call.permission!);
}

function authorizeCreate(call: WriteCall): void | Promise<void> {
  if (call.permission !== undefined) return authorizing(call);
}

function makeObject(call: WriteCall): void | Promise<void> {
  const made = call.plan.next(call.old, call);
  if (!(made instanceof Promise)) {
    call.object = made;
    return;
  }
  return made.then((object) => {
    call.object = object;
  });
}

function applyDefaults(call: WriteCall): void {
  call.entry.definition.strategy.applyDefaults(call.object);
}

function settleMetadata(call: WriteCall): void {
  if (call.plan.operation === 'CREATE') settleNew(call);
  dropRepeatedOwners(call.object.metadata, call.warnings);
}

/** A new object has nothing of what the server gives it, whatever the client says: mutating plugins see it so. */
function settleNew(call: WriteCall): void {
  const { metadata } = call.object;
  if (metadata.resourceVersion) throw badRequest('resourceVersion should not be set on objects to be created');
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete metadata.resourceVersion;
  delete metadata.uid;
  delete metadata.creationTimestamp;
  settleNamespace(call.entry, metadata, call.target.namespace);
}

/** What the server gives a new object, whatever plugins made of it. */
function identify(call: WriteCall): void {
  if (call.plan.operation !== 'CREATE') return;
  const { metadata } = call.object;
  settleNamespace(call.entry, metadata, call.target.namespace);
  if (!metadata.name && metadata.generateName) {
    metadata.name = generateName(metadata.generateName);
    call.generatesName = true;
  }
  metadata.uid = newUid();
  metadata.creationTimestamp = formatTime(call.now);
  // The reference keeps these where a plugin sets them: such an object would be born as one that goes, and nobody would remove it.
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
}

function checkPreconditions(call: WriteCall): 'stale' | undefined | Promise<'stale'> {
  const refusal = call.plan.refusal?.(call);
  if (refusal === undefined) return undefined;
  return isNewest(call.context, call.entry, call.current!).then((newest) => {
    if (newest) throw refusal;
    return 'stale';
  });
}

/**
 * Before admission, as in the reference: what plugins change is nobody's. So are fields that the endpoint does not change, whoever
 * sends them.
 */
function trackManagers(call: WriteCall): void | Promise<void> {
  const { entry, target, plan, old, object, now } = call;
  const { fieldManager = '' } = plan.options as { fieldManager?: string };
  const manager = managerOf(fieldManager, target.userAgent);
  const write: TrackedWrite = { entry, live: old, object, manager, subresource: target.subresource, now };
  if (call.large) return trackLargeUpdate(write);
  trackUpdate(write);
}

function mutate(call: WriteCall): void | Promise<void> {
  call.admission = new CallAdmission(call);
  const before = call.admission.object?.metadata.managedFields;
  const admitted = call.context.admission.admit(call.admission);
  if (admitted) return admitted.then(() => takeMutated(call, before));
  takeMutated(call, before);
}

function takeMutated(call: WriteCall, before: ManagedFieldsEntry[] | undefined): void {
  const { object } = call.admission!;
  if (object === undefined) return;
  const { view } = call.plan;
  if (view !== undefined) {
    call.object = view.into(call.object, object);
    return;
  }
  call.object = object;
  checkManagedFields(object, before, call.warnings);
  if (call.plan.answer === undefined) dropRepeatedOwners(object.metadata, call.warnings);
}

function allocate(call: WriteCall): void {
  call.clearParts();
  const part = call.plan.part?.(call);
  if (part) call.add(part);
  const { storageResource: resource } = call.entry.definition;
  const participants = call.context.participants.of(resource);
  if (participants.length === 0 || call.plan.operation === 'DELETE') return;
  if (call.admitted === undefined) call.admitted = deepCopy(call.object);
  for (const participant of participants) {
    const own = participant.partIn({ resource, object: call.object, old: call.old });
    if (own) call.add(own);
  }
}

function prepare(call: WriteCall): void {
  const { strategy } = call.entry.definition;
  if (call.old === undefined) strategy.prepareForCreate(call.object, call.writeContext);
  else strategy.prepareForUpdate(call.object, call.old, call.writeContext);
}

function validate(call: WriteCall): void | Promise<void> {
  const { object, old, entry } = call;
  const ahead = entry.definition.strategy.validateAhead?.(object, old);
  if (ahead === undefined) checkObject(call);
  else return inTurns(ahead).then(() => checkObject(call));
}

function checkObject(call: WriteCall): void {
  const { object, old, entry, writeContext } = call;
  const { strategy } = entry.definition;
  const errors =
    old === undefined
      ? strategy.validateCreate(object, writeContext)
      : strategy.validateUpdate(object, old, writeContext);
  throwInvalid(entry, call.target.name || (object.metadata.name ?? ''), errors);
}

function admit(call: WriteCall): void | Promise<void> {
  const admission = call.admission!;
  if (admission.object !== undefined) admission.show(call.object);
  return call.context.admission.validate(admission);
}

function skipUnchanged(call: WriteCall): Outcome | Promise<Outcome> {
  const { object, old, current } = call;
  if (old === undefined) return undefined;
  if (call.plan.operation === 'UPDATE') {
    call.removes = isLastFinalizer(call);
    object.metadata.resourceVersion ??= old.metadata.resourceVersion;
  }
  if (call.removes || !deepEqual(object, old) || isOutdated(call)) return undefined;
  // That nothing is to be done can only be said of the newest state, which another replica may have written.
  return isNewest(call.context, call.entry, current!).then((newest) =>
    newest ? { kind: 'cached', code: 200, resource: call.entry.definition, object: current! } : 'stale',
  );
}

/** The object is stored as another version than objects are now: writing it changes that, though nothing that anybody sees. */
function isOutdated({ entry, current }: WriteCall): boolean {
  const { conversion, storageVersion } = entry.definition;
  if (conversion === undefined) return false;
  return current!.parse().apiVersion !== formatGroupVersion(storageVersion.group, storageVersion.version);
}

/** An object that was only waiting for its finalizers goes with the update that removes the last of them. */
function isLastFinalizer({ entry, object, old }: WriteCall): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = old!.metadata;
  if (deletionTimestamp === undefined || deletionGracePeriodSeconds > 0) return false;
  if ((object.metadata.finalizers?.length ?? 0) > 0) return false;
  return !(entry.definition.deletion.isHeld?.(object) ?? false);
}

function answerDryRun(call: WriteCall): ApiResult | undefined {
  const { plan, entry, object } = call;
  if (!plan.options.dryRun) return undefined;
  if (plan.operation === 'CREATE' && entry.cache.get(object.metadata.namespace ?? '', object.metadata.name!)) {
    throw alreadyExists(entry.groupResource, object.metadata.name!);
  }
  if (call.removes && plan.removed) return plan.removed(call);
  return { kind: 'object', code: plan.operation === 'CREATE' ? 201 : 200, resource: entry.definition, object };
}
