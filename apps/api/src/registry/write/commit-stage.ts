import type { KubeObject, StatusError } from '#apimachinery';
import { encodeDeleted, encodeWritten } from '../../codec/object-codec.js';
import { convertAhead } from '../../storage/converted-objects.js';
import type { CommitFailure, Guard, ObjectKey, Revision, Write } from '../../storage/store.js';
import type { ApiResult } from '../api-result.js';
import { keyOf } from '../object-key.js';
import { checkDefinition, definitionGuards } from './definition-guard.js';
import type { WriteCall } from './write-call.js';
import { commitError } from './write-errors.js';
import type { MeteredChange } from './write-meter.js';
import type { Again } from './write-stages.js';
import { writtenResult } from './written-result.js';

/** The last stage: the object and everything that goes with it in one write set. What is committed is answered, however late it is. */
export function commit(call: WriteCall): ApiResult | Promise<ApiResult | Again> {
  return call.plan.answer ? call.plan.answer(call) : store(call);
}

async function store(call: WriteCall): Promise<ApiResult | Again> {
  const { entry, target, object, plan } = call;
  if (call.removes) addRemovalParts(call);
  const key = plan.operation === 'CREATE' ? keyOf(entry, target.namespace, object.metadata.name!) : call.key;
  const { conversion, custom } = entry.definition;
  const [stored] = conversion ? await conversion.toStorage([object]) : [object];
  const writes = [ownWrite(call, key, stored!), ...call.writes];
  const { store, tracer, meter } = call.context;
  const change = meter && meteredChange(call, key);
  const charges = meter?.charge(change!);
  const counters = charges === undefined ? call.counters : [...call.counters, ...charges];
  const guards = plan.operation === 'CREATE' ? [...creationGuards(call), ...call.guards] : call.guards;
  const work = () => store.commit({ writes, guards, counters });
  const result = await (tracer ? tracer.span('commit', { writes: writes.length }, work) : work());
  if (result.ok) {
    if (charges !== undefined) meter!.charged(charges);
    const answered = answer(call, key, result.revisions[0]!);
    const converting = answered.kind === 'cached' ? convertAhead(entry.served, [answered.object]) : undefined;
    if (converting) await converting;
    return answered;
  }
  if (result.failure.reason === 'exceeded') {
    throw meter?.exceeded(result.failure.counters, change!) ?? exceeded(call, key, result.failure);
  }
  checkDefinition(custom, result.failure);
  call.failedOn = result.failure.key;
  const again = againAfter(call, key, result.failure);
  if (again === undefined) throw commitError(entry, key.name, result.failure);
  return again;
}

function meteredChange({ plan, target, removes, object, old }: WriteCall, key: ObjectKey): MeteredChange {
  const { resource, namespace } = key;
  const { operation } = plan;
  return { resource, operation, subresource: target.subresource, namespace, object: removes ? undefined : object, old };
}

/** What participants give back with an object that goes. What they wanted of an update counts no more. */
function addRemovalParts(call: WriteCall): void {
  if (call.plan.operation === 'UPDATE') call.clearParts();
  const { storageResource: resource } = call.entry.definition;
  for (const participant of call.context.participants.of(resource)) {
    const part = participant.partIn({ resource, object: undefined, old: call.object });
    if (part) call.add(part);
  }
}

function ownWrite({ plan, object, removes, current, old }: WriteCall, key: ObjectKey, stored: KubeObject): Write {
  const goes = removes || plan.operation === 'DELETE';
  const body = goes ? encodeDeleted(stored) : encodeWritten(stored, plan.isApply === true);
  if (old === undefined) return { op: 'create', key, uid: object.metadata.uid!, body, object: stored };
  const { uid, revision: ifRevision } = current!;
  if (removes) return { op: 'delete', key, uid, body, ifRevision };
  return { op: 'update', key, uid, body, object: stored, ifRevision };
}

/** A create lands only while its namespace and its definition are there, whatever admission saw a moment before. */
function creationGuards({ entry, target }: WriteCall): Guard[] {
  const { namespaced, custom } = entry.definition;
  const guards = definitionGuards(custom);
  if (namespaced)
    guards.push({ kind: 'exists', key: { resource: 'namespaces', namespace: '', name: target.namespace } });
  return guards;
}

function answer(call: WriteCall, key: ObjectKey, revision: Revision): ApiResult {
  const { entry, object, plan } = call;
  if (!call.removes) return writtenResult(entry, key, object, revision, plan.code);
  object.metadata.resourceVersion = String(revision);
  return plan.removed?.(call) ?? { kind: 'object', code: 200, resource: entry.definition, object };
}

function exceeded(call: WriteCall, key: ObjectKey, failure: CommitFailure & { reason: 'exceeded' }): StatusError {
  const { entry, object, old, plan } = call;
  const own = plan.exceeded?.(failure.counters);
  if (own) return own;
  const { storageResource: resource } = entry.definition;
  for (const participant of call.context.participants.of(resource)) {
    const error = participant.exceeded?.(failure.counters, { resource, object, old });
    if (error) return error;
  }
  return commitError(entry, key.name, failure);
}

function againAfter(call: WriteCall, own: ObjectKey, { reason, key }: CommitFailure): Again | undefined {
  if (key.resource === own.resource && key.name === own.name) {
    if (reason === 'conflict') return 'conflict';
    return reason === 'exists' && call.generatesName ? 'taken' : undefined;
  }
  if (call.plan.retries?.(key)) return 'conflict';
  return call.context.participants.of(own.resource).some((participant) => participant.retries(key))
    ? 'taken'
    : undefined;
}
