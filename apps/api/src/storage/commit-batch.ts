import type { QueryConfig } from 'pg';
import type { CommitFailure, CommitResult, CounterDelta, ObjectKey, Revision, Write, WriteSet } from './store.js';

const WRITE_CODE = { create: 1, update: 2, delete: 3 } as const;
const GUARD_CODE = { exists: 4, absent: 5, revision: 6 } as const;
const REASONS = [undefined, 'exists', 'missing', 'conflict'] as const;

const COMMIT_BATCH = {
  name: 'commit',
  text: 'SELECT base, failed, reasons FROM berth.commit_batch($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)',
};
const COMMIT_COUNTED_BATCH = {
  name: 'commit-counted',
  text: 'SELECT base, failed, reasons, exceeded, used FROM berth.commit_counted_batch($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)',
};
const COMMIT_UPDATE = {
  name: 'commit-update',
  text: 'SELECT base, failed, reasons FROM berth.commit_update($1, $2, $3, $4, $5, $6, $7, $8)',
};

export function keyText(key: ObjectKey): string {
  return `${key.resource}\0${key.namespace}\0${key.name}`;
}

/**
 * What commits the sets. `replica` is what other replicas are told; undefined where there are none. The answer of either function
 * is a BatchAnswer.
 */
export function commitStatement(sets: WriteSet[], replica: string | undefined, batch: string): QueryConfig {
  const deltas = deltasOf(sets);
  if (deltas.length > 0) {
    return { ...COMMIT_COUNTED_BATCH, values: [...encodeBatch(sets, replica, batch), ...encodeDeltas(deltas)] };
  }
  const only = onlyWrite(sets);
  if (only?.op !== 'update') return { ...COMMIT_BATCH, values: encodeBatch(sets, replica, batch) };
  const { key, uid, ifRevision, body } = only;
  return {
    ...COMMIT_UPDATE,
    values: [replica ?? null, batch, key.resource, key.namespace, key.name, uid, ifRevision, body],
  };
}

function onlyWrite(sets: WriteSet[]): Write | undefined {
  const [{ writes, guards = [] }] = sets as [WriteSet];
  return sets.length === 1 && writes.length === 1 && guards.length === 0 ? writes[0] : undefined;
}

/** What commit_batch answers. */
export interface BatchAnswer {
  base: Revision;
  /** Entry numbers, from 1, of the writes and guards that did not hold, and why. */
  failed: number[];
  reasons: number[];
  /** Entry numbers, from 1, of the deltas that limits stand against, and what their counters were. */
  exceeded?: number[];
  used?: number[];
}

interface SetDelta extends CounterDelta {
  /** Which set it belongs to. */
  set: number;
}

function deltasOf(sets: WriteSet[]): SetDelta[] {
  return sets.flatMap(({ counters = [] }, set) => counters.map((delta) => ({ ...delta, set })));
}

function encodeDeltas(deltas: SetDelta[]): unknown[] {
  return [
    numbers(deltas.map(({ set }) => set)),
    texts(deltas.map(({ counter }) => counter.namespace)),
    texts(deltas.map(({ counter }) => counter.name)),
    numbers(deltas.map(({ delta }) => delta)),
    deltas.map(({ limit }) => limit ?? null),
  ];
}

export interface AcceptedWrite {
  write: Write;
  revision: Revision;
}

/**
 * The sets as the arrays that commit_batch takes: an entry for each write, in order, and then for each guard. All bodies go as
 * one binary parameter: as an array they would travel as hexadecimal text.
 */
function encodeBatch(sets: WriteSet[], replica: string | undefined, batch: string): unknown[] {
  const set: number[] = [];
  const op: number[] = [];
  const resource: string[] = [];
  const namespace: string[] = [];
  const name: string[] = [];
  const uid: string[] = [];
  const revision: number[] = [];
  const start: number[] = [];
  const length: number[] = [];
  const bodies: Buffer[] = [];
  let position = 1;
  const add = (index: number, code: number, key: ObjectKey, id: string, at: Revision, bytes: number): void => {
    set.push(index);
    op.push(code);
    resource.push(key.resource);
    namespace.push(key.namespace);
    name.push(key.name);
    uid.push(id);
    revision.push(at);
    start.push(position);
    length.push(bytes);
    position += bytes;
  };
  sets.forEach(({ writes }, index) => {
    for (const write of writes) {
      add(
        index,
        WRITE_CODE[write.op],
        write.key,
        write.uid,
        write.op === 'create' ? 0 : write.ifRevision,
        write.body.length,
      );
      bodies.push(write.body);
    }
  });
  sets.forEach(({ guards }, index) => {
    for (const guard of guards ?? []) {
      const at = guard.kind === 'revision' ? guard.revision : 0;
      add(index, GUARD_CODE[guard.kind], guard.key, guard.kind === 'exists' ? (guard.uid ?? '') : '', at, 0);
    }
  });
  return [
    replica ?? null,
    batch,
    bodies.length === 1 ? bodies[0] : Buffer.concat(bodies),
    numbers(set),
    numbers(op),
    texts(resource),
    texts(namespace),
    texts(name),
    texts(uid),
    numbers(revision),
    numbers(start),
    numbers(length),
  ];
}

/** Why sets were refused: by the first guard that did not hold, else by the first write. */
function failuresBySet(sets: WriteSet[], { failed, reasons }: BatchAnswer): Map<WriteSet, CommitFailure> {
  const failures = new Map<WriteSet, CommitFailure>();
  if (failed.length === 0) return failures;
  const reasonOf = new Map(failed.map((entry, i) => [entry, REASONS[reasons[i]!]]));
  const judge = (set: WriteSet, entry: number, key: ObjectKey): void => {
    const reason = reasonOf.get(entry);
    if (reason && !failures.has(set)) failures.set(set, { reason, key });
  };
  let entry = sets.reduce((sum, set) => sum + set.writes.length, 0);
  for (const set of sets) for (const { key } of set.guards ?? []) judge(set, ++entry, key);
  entry = 0;
  for (const set of sets) for (const { key } of set.writes) judge(set, ++entry, key);
  return failures;
}

/** Sets that limits of counters stand against: all their other conditions hold. */
function addExceeded(failures: Map<WriteSet, CommitFailure>, sets: WriteSet[], { exceeded, used }: BatchAnswer): void {
  if (!exceeded || exceeded.length === 0) return;
  const deltas = deltasOf(sets);
  exceeded.forEach((entry, i) => {
    const { set: index, counter, delta: requested, limit } = deltas[entry - 1]!;
    const set = sets[index]!;
    let failure = failures.get(set);
    if (failure?.reason !== 'exceeded') {
      failure = { reason: 'exceeded', key: set.writes[0]!.key, counters: [] };
      failures.set(set, failure);
    }
    failure.counters.push({ counter, used: used![i]!, requested, limit: limit! });
  });
}

/** The answer set by set, and the accepted writes with their revisions. */
export function decodeAnswer(
  sets: WriteSet[],
  answer: BatchAnswer,
): { results: CommitResult[]; accepted: AcceptedWrite[] } {
  const failures = failuresBySet(sets, answer);
  addExceeded(failures, sets, answer);
  const accepted: AcceptedWrite[] = [];
  let next = answer.base;
  const results = sets.map((set): CommitResult => {
    const failure = failures.get(set);
    if (failure) return { ok: false, failure };
    const revisions = set.writes.map((write) => {
      next++;
      accepted.push({ write, revision: next });
      return next;
    });
    return { ok: true, revision: next, revisions };
  });
  return { results, accepted };
}

/** Array literals, written directly: the driver's own encoding of arrays is several times slower. */
function numbers(values: number[]): string {
  return `{${values.join(',')}}`;
}

function texts(values: string[]): string {
  return `{${values.map((value) => `"${/["\\]/.test(value) ? value.replace(/["\\]/g, '\\$&') : value}"`).join(',')}}`;
}
