import { conflict, deepCopy, generateName, generateNameConflict, newUid, timeout } from '#apimachinery';
import { breath } from '../../codec/large-bodies.js';
import type { ApiResult } from '../api-result.js';
import type { WriteCall } from './write-call.js';
import { type Again, ALLOCATION } from './write-stages.js';

/** A write is tried this often when others are faster, or this replica is behind. */
const ATTEMPTS = 20;
/** A generated name is tried this often before the client is told that none was free. */
const NAME_ATTEMPTS = 8;
/** Numbers that others took first: service IPs and ports. */
const ALLOCATION_ATTEMPTS = 32;

/**
 * Takes a write through the stages of its plan, and again where it has to be made anew. Stages that do not wait cost no turn of the
 * event loop; between those of a large object others get theirs. Nothing is committed for whom nobody waits any more. Rejects with
 * StatusError.
 */
export async function runWrite(call: WriteCall): Promise<ApiResult> {
  call.now = call.context.now();
  for (let at = 0; ; ) {
    if (call.target.lifetime.ended) throw timeout('request did not complete within the allotted timeout');
    const step = call.plan.stages[at]!(call);
    const outcome = step instanceof Promise ? await step : step;
    if (typeof outcome === 'object') return outcome;
    if (outcome === undefined) {
      at += 1;
      if (call.large) await breath();
    } else if (outcome === 'taken') {
      await beginAllocationAnew(call);
      at = call.plan.stages.indexOf(ALLOCATION);
    } else {
      await beginAnew(call, outcome);
      call.warnings.length = call.decodeWarnings;
      at = 0;
    }
  }
}

async function beginAnew(call: WriteCall, why: Again): Promise<void> {
  const { plan, context, entry } = call;
  const repeatable = why === 'stale' || (plan.repeatable?.(call) ?? true);
  if (!repeatable || call.attempt >= ATTEMPTS) {
    throw (call.failedOn && plan.exhausted?.(call.failedOn)) ?? conflict(entry.groupResource, call.key.name);
  }
  if (why === 'conflict') await context.store.readBarrier();
  call.restart();
  call.now = context.now();
}

async function beginAllocationAnew(call: WriteCall): Promise<void> {
  const { context, entry, failedOn, object, admitted } = call;
  const { name, generateName: prefix } = object.metadata;
  const names = failedOn?.resource === entry.definition.storageResource && failedOn.name === name;
  if (call.allocations >= (names ? NAME_ATTEMPTS : ALLOCATION_ATTEMPTS)) {
    throw names ? generateNameConflict(entry.groupResource, name!) : conflict(entry.groupResource, name!);
  }
  await context.store.readBarrier();
  call.allocations += 1;
  call.object = admitted === undefined ? object : deepCopy(admitted);
  if (names) Object.assign(call.object.metadata, { name: generateName(prefix!), uid: newUid() });
}
