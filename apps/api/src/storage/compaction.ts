import type pg from 'pg';
import { COMPACTION_LOCK } from './advisory-locks.js';
import type { Revision, Write } from './store.js';

export interface Retention {
  /** Milliseconds of the watch log: clients expect 410 after about five minutes. */
  watchLogMs: number;
  /** Milliseconds of history. */
  historyMs: number;
}

/** Rows of these resources are for watchers only: by far the most, and of no interest to people. */
const SHORT_LIVED = ['coordination.k8s.io/leases', 'events', 'events.k8s.io/events'];

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
export async function expiredObjects(client: pg.ClientBase, lifetimes: Lifetimes): Promise<Write[]> {
  const writes: Write[] = [];
  for (const [resource, ms] of Object.entries(lifetimes)) {
    const until = await revisionBefore(client, ms);
    if (until === undefined) continue;
    const { rows } = await client.query(
      `SELECT namespace, name, uid, revision, body FROM berth.object
        WHERE resource = $1 AND revision <= $2 ORDER BY revision LIMIT ${EXPIRED}`,
      [resource, until],
    );
    for (const { namespace, name, uid, revision, body } of rows) {
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
export async function compact(client: pg.ClientBase, retention: Retention): Promise<Revision> {
  const { rows } = await client.query(`SELECT pg_try_advisory_lock(${COMPACTION_LOCK}) AS mine`);
  if (rows[0].mine) {
    try {
      await client.query(
        `INSERT INTO berth.tick (at, revision)
         SELECT clock_timestamp(), value FROM berth.revision WHERE name = 'current' ON CONFLICT DO NOTHING`,
      );
      const window = await revisionBefore(client, retention.watchLogMs);
      if (window !== undefined) await advance(client, 'compacted', window);
      const trim = await revisionBefore(client, retention.watchLogMs * 3);
      if (trim !== undefined) await deleteUpTo(client, 'trimmed', trim, SHORT_LIVED);
      const purge = await revisionBefore(client, Math.max(retention.historyMs, retention.watchLogMs * 3));
      if (purge !== undefined) {
        await deleteUpTo(client, 'purged', purge);
        await client.query(
          `DELETE FROM berth.tick WHERE at < now() - $1 * interval '1 millisecond' - interval '1 hour'`,
          [retention.historyMs],
        );
      }
      await client.query(`DELETE FROM berth.voided_batch WHERE at < now() - interval '1 day'`);
    } finally {
      await client.query(`SELECT pg_advisory_unlock(${COMPACTION_LOCK})`);
    }
  }
  return value(client, 'compacted');
}

/** The newest revision that is known to be older than `ms`. */
async function revisionBefore(client: pg.ClientBase, ms: number): Promise<Revision | undefined> {
  const { rows } = await client.query(
    `SELECT revision FROM berth.tick WHERE at <= now() - $1 * interval '1 millisecond' ORDER BY at DESC LIMIT 1`,
    [ms],
  );
  return rows.length === 0 ? undefined : Number(rows[0].revision);
}

async function value(client: pg.ClientBase, name: string): Promise<Revision> {
  const { rows } = await client.query('SELECT value FROM berth.revision WHERE name = $1', [name]);
  return Number(rows[0].value);
}

async function advance(client: pg.ClientBase, name: string, revision: Revision): Promise<void> {
  await client.query('UPDATE berth.revision SET value = $2 WHERE name = $1 AND value < $2', [name, revision]);
}

/** Deletes the log's rows up to a revision, of some resources or of all, going on from where the last round ended. */
async function deleteUpTo(client: pg.ClientBase, mark: string, end: Revision, resources?: string[]): Promise<void> {
  let from = await value(client, mark);
  while (from < end) {
    const to = Math.min(end, from + BATCH);
    await client.query(
      `DELETE FROM berth.change WHERE revision > $1 AND revision <= $2 AND ($3::text[] IS NULL OR resource = ANY ($3))`,
      [from, to, resources ?? null],
    );
    // After a jump of the revision there is nothing for long stretches.
    const next = await client.query('SELECT min(revision) AS first FROM berth.change WHERE revision > $1', [to]);
    const first = next.rows[0].first === null ? end : Number(next.rows[0].first) - 1;
    from = Math.min(end, Math.max(to, first));
    await advance(client, mark, from);
  }
}
