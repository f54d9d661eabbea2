import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AcceptedWrite, type BatchAnswer, commitStatement, decodeAnswer, keyText } from './commit-batch.js';
import { explain, isStatementError, type Session } from './session.js';
import {
  type CommitResult,
  type ObjectKey,
  type Revision,
  StoreOutcomeUnknown,
  StoreUnavailable,
  type WriteSet,
} from './store.js';

const MAX_SETS = 500;
const MAX_BYTES = 4 << 20;

interface Pending {
  set: WriteSet;
  resolve(result: CommitResult): void;
  reject(error: Error): void;
  /** Milliseconds since the epoch after which the writer is not kept waiting. */
  deadline: number;
  /** It has been sent, and what became of it is not known. */
  unknown: boolean;
  settled: boolean;
}

/** A BatchAnswer as the driver gives it: what may be larger than 2^31 is text. */
interface AnswerRow {
  base: string;
  failed: number[];
  reasons: number[];
  exceeded?: number[];
  used?: string[];
}

export interface CommitQueueOptions {
  session: Session;
  /** What other replicas are told when this one commits; undefined while there are none. */
  announce(): string | undefined;
  /** Milliseconds that a write waits for a PostgreSQL that is away. */
  waitMs: number;
  currentRevision(): Revision;
  /** Revision at which this replica's cache has the object; the database is there or further on. */
  cachedRevision(key: ObjectKey): Revision | undefined;
  /** Brings the caches to `base` and then takes in the writes. */
  apply(base: Revision, accepted: AcceptedWrite[]): Promise<void>;
  /** Brings the caches to a revision. */
  catchUpTo(revision: Revision): Promise<void>;
  /** Told of each batch: how many sets it held, and the milliseconds until their writers were answered. */
  committed?(sets: number, ms: number): void;
}

/**
 * Group commit: what arrives while a commit is under way goes together in the next one. Sets of one batch never share an object
 * that one of them writes; the second of two such sets waits for the next batch.
 */
export class CommitQueue {
  private queue: Pending[] = [];
  private running = false;
  private closed = false;
  private sent: Pending[] = [];

  constructor(private readonly options: CommitQueueOptions) {}

  commit(set: WriteSet): Promise<CommitResult> {
    if (this.closed) return Promise.reject(new StoreUnavailable('the store is closed'));
    const conflict = this.certainConflict(set);
    if (conflict) return Promise.resolve({ ok: false, failure: { reason: 'conflict', key: conflict } });
    return new Promise((resolve, reject) => {
      const deadline = Date.now() + this.options.waitMs;
      this.queue.push({ set, resolve, reject, deadline, unknown: false, settled: false });
      if (this.running) return;
      this.running = true;
      // Everything that this turn of the event loop brings goes in one batch.
      setImmediate(() => void this.run());
    });
  }

  /** Writes under way are finished; those that wait are refused. */
  async close(): Promise<void> {
    this.closed = true;
    for (const pending of this.queue.splice(0)) this.refuse(pending, new StoreUnavailable('the store is closed'));
    while (this.running) await sleep(5);
  }

  private async run(): Promise<void> {
    const watchdog = setInterval(() => this.expire(), 250);
    try {
      while (this.queue.length > 0) {
        const batch = this.take();
        this.sent = batch;
        const startedAt = performance.now();
        await this.send(batch);
        this.options.committed?.(batch.length, performance.now() - startedAt);
        this.sent = [];
      }
    } finally {
      clearInterval(watchdog);
      this.running = false;
    }
  }

  private take(): Pending[] {
    const batch: Pending[] = [];
    const rest: Pending[] = [];
    const written = new Set<string>();
    const guarded = new Set<string>();
    let bytes = 0;
    for (const pending of this.queue) {
      const writes = pending.set.writes.map((write) => keyText(write.key));
      const guards = (pending.set.guards ?? []).map((guard) => keyText(guard.key));
      const overlaps =
        writes.some((key) => written.has(key) || guarded.has(key)) || guards.some((key) => written.has(key));
      const size = pending.set.writes.reduce((sum, write) => sum + write.body.length, 0);
      const full = batch.length >= MAX_SETS || (batch.length > 0 && bytes + size > MAX_BYTES);
      if (overlaps || full) {
        rest.push(pending);
      } else {
        batch.push(pending);
        bytes += size;
      }
      // Those that wait keep their turn: a later set on the same object may not overtake them.
      for (const key of writes) written.add(key);
      for (const key of guards) guarded.add(key);
    }
    this.queue = rest;
    return batch;
  }

  private async send(batch: Pending[]): Promise<void> {
    let reason = '';
    for (let pause = 20; (batch = batch.filter((pending) => !pending.settled)).length > 0; ) {
      const id = randomUUID();
      const after = this.options.currentRevision();
      try {
        await this.options.session.acquire();
      } catch (error) {
        reason = explain(error);
        await this.pause(pause, reason);
        pause = Math.min(pause * 2, 500);
        continue;
      }
      try {
        const sets = batch.map((pending) => pending.set);
        const statement = commitStatement(sets, this.options.announce(), id);
        for (const pending of batch) pending.unknown = true;
        const { rows } = await this.options.session.run(statement);
        return await this.accept(batch, rows[0]);
      } catch (error) {
        reason = explain(error);
        if (isStatementError(error)) {
          for (const pending of batch) pending.unknown = false;
          if (await this.refused(batch, error)) return;
          await this.pause(pause, reason);
          pause = Math.min(pause * 2, 500);
        } else {
          batch = await this.settle(batch, id, after);
        }
      }
    }
  }

  private async accept(batch: Pending[], row: AnswerRow): Promise<void> {
    const { failed, reasons, exceeded } = row;
    const answer: BatchAnswer = { base: Number(row.base), failed, reasons, exceeded, used: row.used?.map(Number) };
    const { results, accepted } = decodeAnswer(
      batch.map((pending) => pending.set),
      answer,
    );
    if (accepted.length > 0) {
      await this.untilDone(batch, () => this.options.apply(answer.base, accepted));
    } else {
      // A refusal tells of a state that the caller may go on to read.
      await this.untilDone(batch, () => this.options.catchUpTo(answer.base));
    }
    batch.forEach((pending, i) => {
      this.answer(pending, results[i]!);
    });
  }

  /** PostgreSQL refused the batch, so nothing of it is committed. Returns whether all its sets are answered. */
  private async refused(batch: Pending[], error: { code?: string; message: string }): Promise<boolean> {
    // Standby after a failover, or a shutdown: another attempt may find the primary.
    if (error.code === '25006' || error.code?.startsWith('57')) {
      await this.options.session.acquire().then(
        (client) => this.options.session.drop(client),
        () => {},
      );
      return false;
    }
    if (error.code === '40001' || error.code === '40P01' || error.code === 'BT001') return false;
    if (batch.length === 1 || error.code?.startsWith('53')) {
      for (const pending of batch) this.refuse(pending, new StoreUnavailable(error.message));
      return true;
    }
    // One bad set must not fail the others.
    for (const pending of batch) await this.send([pending]);
    return true;
  }

  /**
   * Finds out what became of a batch whose answer was lost. Returns the sets that are certainly not committed and may be
   * sent again.
   */
  private async settle(batch: Pending[], id: string, after: Revision): Promise<Pending[]> {
    for (let pause = 20; batch.some((pending) => !pending.settled); pause = Math.min(pause * 2, 500)) {
      try {
        const query = 'SELECT revision, resource, namespace, name FROM berth.resolve_batch($1, $2)';
        const { rows } = await this.options.session.query(query, [id, after]);
        const revisions = new Map<string, number>(rows.map((row) => [keyText(row), Number(row.revision)]));
        if (rows.length > 0) {
          const last = Number(rows[rows.length - 1].revision);
          await this.untilDone(batch, () => this.options.catchUpTo(last));
        }
        return batch.filter((pending) => {
          const own = pending.set.writes.map((write) => revisions.get(keyText(write.key)));
          pending.unknown = false;
          if (own.length === 0 || own[0] === undefined) return true;
          this.answer(pending, { ok: true, revision: own[own.length - 1]!, revisions: own as number[] });
          return false;
        });
      } catch (error) {
        await this.pause(pause, explain(error));
      }
    }
    return [];
  }

  /** The batch is committed; the caches follow as soon as PostgreSQL lets them. */
  private async untilDone(batch: Pending[], step: () => Promise<void>): Promise<void> {
    for (let pause = 20; ; pause = Math.min(pause * 2, 500)) {
      try {
        return await step();
      } catch (error) {
        if (batch.every((pending) => pending.settled)) return;
        await this.pause(pause, explain(error));
      }
    }
  }

  private reason = '';

  private async pause(ms: number, reason: string): Promise<void> {
    this.reason = reason;
    this.expire();
    await sleep(ms);
  }

  private expire(): void {
    const now = Date.now();
    for (const pending of this.sent) {
      if (pending.settled || (pending.deadline > now && !this.closed)) continue;
      const text = this.reason || 'PostgreSQL does not answer';
      this.refuse(pending, pending.unknown ? new StoreOutcomeUnknown(text) : new StoreUnavailable(text));
    }
    if (!this.queue.some((pending) => pending.deadline <= now)) return;
    for (const pending of this.queue) {
      if (pending.deadline <= now) {
        this.refuse(pending, new StoreUnavailable(this.reason || 'PostgreSQL does not answer'));
      }
    }
    this.queue = this.queue.filter((pending) => !pending.settled);
  }

  /**
   * Revisions only grow, so an object that the cache has at another one than the writer read will not be back at that one.
   * (Nothing else can be told from the cache: it may be behind.)
   */
  private certainConflict(set: WriteSet): ObjectKey | undefined {
    for (const write of set.writes) {
      if (write.op === 'create') continue;
      const cached = this.options.cachedRevision(write.key);
      if (cached !== undefined && cached > write.ifRevision) return write.key;
    }
    return undefined;
  }

  private answer(pending: Pending, result: CommitResult): void {
    if (pending.settled) return;
    pending.settled = true;
    pending.resolve(result);
  }

  private refuse(pending: Pending, error: Error): void {
    if (pending.settled) return;
    pending.settled = true;
    pending.reject(error);
  }
}
