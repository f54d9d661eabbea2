import { And, type EntityManager, type FindOperator, In, LessThan, LessThanOrEqual, MoreThan, Raw } from 'typeorm';
import { COMPACTION_LOCK } from './advisory-locks.js';
import { Change } from './entities/change.entity.js';
import { NamedRevision, Tick, VoidedBatch } from './entities/revision.entity.js';
import { StoredObject } from './entities/stored-object.entity.js';
import type { Revision, Write } from './store.js';

export interface Retention {
  /** Milliseconds of the watch log: clients expect 410 after about five minutes. */
  watchLogMs: number;
  /** Milliseconds of history. */
  historyMs: number;
}

/** Rows of these resources are for watchers only: by far the most, and of no interest to people. */
const SHORT_LIVED = ['coordination.k8s.io/leases', 'events', 'events.k8s.io/events'];

const HOUR_MS = 3_600_000;

/** Rows that one transaction deletes: it must stay short, the log is written to all the time. */
const BATCH = 2000;

/** Objects that are to go by themselves: the lifetime in milliseconds after the last write, by storage resource. */
export type Lifetimes = Readonly<Record<string, number>>;

/** Objects of one resource that one round lets go at most; the next round goes on. */
const EXPIRED = 5000;

/**
 * The deletions of objects that have outlived their time. Their revisions tell when they were written last, as exactly as rounds of
 * compaction follow each other. A writer that is faster keeps its object: each deletion holds for one revision.
 */
export async function expiredObjects(manager: EntityManager, lifetimes: Lifetimes): Promise<Write[]> {
  const writes: Write[] = [];
  for (const [resource, ms] of Object.entries(lifetimes)) {
    const until = await revisionBefore(manager, ms);
    if (until === undefined) continue;
    const expired = await manager.find(StoredObject, {
      where: { resource, revision: LessThanOrEqual(String(until)) },
      order: { revision: 'ASC' },
      take: EXPIRED,
    });
    for (const { namespace, name, uid, revision, body } of expired) {
      writes.push({ op: 'delete', key: { resource, namespace, name }, uid, body, ifRevision: Number(revision) });
    }
  }
  return writes;
}

/**
 * One round of compaction. Every replica calls it now and then; whoever has the lock does the work, the others find it done.
 * Rows outlive the mark `compacted` by another two windows: what is in the log may point to the version before, and a
 * reader may be under way. Returns the compacted revision.
 */
export async function compact(manager: EntityManager, retention: Retention): Promise<Revision> {
  const [{ mine }] = await manager.query(`SELECT pg_try_advisory_lock(${COMPACTION_LOCK}) AS mine`);
  if (mine) {
    try {
      await noteTime(manager);
      const window = await revisionBefore(manager, retention.watchLogMs);
      if (window !== undefined) await advance(manager, 'compacted', window);
      const trim = await revisionBefore(manager, retention.watchLogMs * 3);
      if (trim !== undefined) await deleteUpTo(manager, 'trimmed', trim, SHORT_LIVED);
      const purge = await revisionBefore(manager, Math.max(retention.historyMs, retention.watchLogMs * 3));
      if (purge !== undefined) {
        await deleteUpTo(manager, 'purged', purge);
        await manager.delete(Tick, { at: olderThan(retention.historyMs + HOUR_MS) });
      }
      await manager.delete(VoidedBatch, { at: olderThan(24 * HOUR_MS) });
    } finally {
      await manager.query(`SELECT pg_advisory_unlock(${COMPACTION_LOCK})`);
    }
  }
  return mark(manager, 'compacted');
}

/** Which revision is current now. It is read first, so that it is never newer than the time that is noted. */
async function noteTime(manager: EntityManager): Promise<void> {
  const revision = String(await mark(manager, 'current'));
  await manager
    .createQueryBuilder()
    .insert()
    .into(Tick)
    .values({ at: () => 'clock_timestamp()', revision })
    .orIgnore()
    .execute();
}

/** By PostgreSQL's clock, as all times in the database are. */
function olderThan(ms: number): FindOperator<Date> {
  return Raw((at) => `${at} <= now() - :ms * interval '1 millisecond'`, { ms });
}

/** The newest revision that is known to be older than `ms`. */
async function revisionBefore(manager: EntityManager, ms: number): Promise<Revision | undefined> {
  const tick = await manager.findOne(Tick, { where: { at: olderThan(ms) }, order: { at: 'DESC' } });
  return tick === null ? undefined : Number(tick.revision);
}

async function mark(manager: EntityManager, name: string): Promise<Revision> {
  return Number((await manager.findOneByOrFail(NamedRevision, { name })).value);
}

async function advance(manager: EntityManager, name: string, revision: Revision): Promise<void> {
  const value = String(revision);
  await manager.update(NamedRevision, { name, value: LessThan(value) }, { value });
}

/** Deletes the log's rows up to a revision, of some resources or of all, going on from where the last round ended. */
async function deleteUpTo(manager: EntityManager, name: string, end: Revision, resources?: string[]): Promise<void> {
  let from = await mark(manager, name);
  while (from < end) {
    const to = Math.min(end, from + BATCH);
    const revision = And(MoreThan(String(from)), LessThanOrEqual(String(to)));
    await manager.delete(Change, resources ? { revision, resource: In(resources) } : { revision });
    // After a jump of the revision there is nothing for long stretches.
    const next = await manager.findOne(Change, {
      select: { revision: true },
      where: { revision: MoreThan(String(to)) },
      order: { revision: 'ASC' },
    });
    from = Math.min(end, Math.max(to, next === null ? end : Number(next.revision) - 1));
    await advance(manager, name, from);
  }
}
