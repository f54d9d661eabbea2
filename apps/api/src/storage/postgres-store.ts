import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { CommitQueue } from './commit-queue.js';
import type { Lifetimes, Retention } from './compaction.js';
import { ColdDatabase } from './data-source.js';
import { JOIN_CHANNEL, Membership } from './membership.js';
import { Replica } from './replica.js';
import { ensureSchema } from './schema.js';
import { explain, Session } from './session.js';
import {
  type CommitResult,
  type CounterReading,
  type Revision,
  type Store,
  StoreUnavailable,
  type WatchCache,
  type WriteSet,
} from './store.js';

export interface StoreOptions {
  databaseUrl: string;
  /** Value of a field label (beyond metadata.name and metadata.namespace) of a resource's stored object. */
  fieldValue?(resource: string, object: any, label: string): string;
  /**
   * 'auto': reads skip the barrier while no other replica is joined. 'many': they never do, and nobody waits for one that vanished.
   */
  replicas?: 'auto' | 'many';
  /** Milliseconds that a write waits for a PostgreSQL that is away, and a start for one that is not yet there. */
  waitMs?: number;
  retention?: Partial<Retention>;
  /** Objects that go by themselves; by default none. */
  lifetimes?: Lifetimes;
  /** Milliseconds between rounds of compaction; 0: none. */
  compactionMs?: number;
  /** Shared with others that read the entities; closed with the store. By default the store's own. */
  cold?: ColdDatabase;
  /** Bytes of the latest events that a resource keeps in memory; older ones are read from the log. */
  ringBytes?: number;
  log?(message: string): void;
  /** Told of each commit: the write sets in it, and the milliseconds that it took. */
  committed?(sets: number, ms: number): void;
}

const CHANGE_CHANNEL = 'berth_change';
/** Milliseconds between looks at the database that find a dead connection and, as a second net, commits of others. */
const HEARTBEAT_MS = 2_000;
/** Milliseconds between looks at the writing connection, while what it holds lets reads trust the cache. */
const RENEW_MS = 1_000;
/** Milliseconds that the end of the process waits to say so to those that come next. */
const LEAVE_MS = 1_000;
const MINUTE = 60_000;
/** Milliseconds that a read waits for a PostgreSQL that is away. */
const READ_WAIT_MS = 10_000;

/** One statement sees one state: counters and revision belong together. */
const READ_COUNTERS = `SELECT r.value AS revision, c.name, c.value FROM berth.revision r
  LEFT JOIN berth.counter c ON c.namespace = $1 AND starts_with(c.name, $2)
 WHERE r.name = 'current'`;

/** One statement sees one state: an object that is made meanwhile has no counters yet in it. */
const DROP_ORPHANED_COUNTERS = `DELETE FROM berth.counter c
 WHERE starts_with(c.name, $1)
   AND NOT EXISTS (SELECT FROM berth.object o
                    WHERE o.resource = $2 AND o.namespace = c.namespace
                      AND o.uid = split_part(substr(c.name, length($1) + 1), '/', 1))`;

/** Connects, brings the schema up to date, and reads all objects. Rejects with StoreUnavailable. */
export async function openStore(options: StoreOptions): Promise<Store> {
  const store = new PostgresStore(options);
  try {
    await store.open();
  } catch (error) {
    await store.close();
    throw error;
  }
  return store;
}

class PostgresStore implements Store {
  private readonly id = randomUUID();
  private readonly connection: pg.ClientConfig;
  private readonly cold: ColdDatabase;
  private readonly membership: Membership;
  private readonly retention: Retention;
  private readonly writer: Session;
  private readonly reader: Session;
  private readonly replica: Replica;
  private readonly queue: CommitQueue;
  private readonly timers: NodeJS.Timeout[] = [];
  private barrier: Promise<Revision> | undefined;
  private nextBarrier: Promise<Revision> | undefined;
  private following: Promise<void> | undefined;
  private ready = false;
  private closed = false;

  constructor(private readonly options: StoreOptions) {
    this.connection = { connectionString: options.databaseUrl };
    this.cold = options.cold ?? new ColdDatabase(this.connection);
    this.retention = { watchLogMs: 5 * MINUTE, historyMs: 24 * 60 * MINUTE, ...options.retention };
    this.membership = new Membership(options.replicas ?? 'auto');
    this.reader = new Session({
      connection: this.connection,
      name: 'reader',
      prepare: (client) => this.prepareReader(client),
      lost: () => this.follow(),
    });
    this.writer = new Session({
      connection: this.connection,
      name: 'writer',
      prepare: (client) => this.prepareWriter(client),
      lost: () => this.membership.lost(),
    });
    this.replica = new Replica({
      reader: this.reader,
      connect: () => this.connect(),
      limits: { ringBytes: options.ringBytes ?? 16 << 20, windowMs: this.retention.watchLogMs, snapshots: 64 },
      fieldValue: options.fieldValue ?? (() => ''),
      log: (message) => this.log(message),
    });
    this.queue = new CommitQueue({
      session: this.writer,
      // Whoever joins waits until this one is solo no more, and then reads what was committed until then.
      announce: () => (this.membership.solo ? undefined : this.id),
      waitMs: options.waitMs ?? 30_000,
      currentRevision: () => this.replica.currentRevision(),
      cachedRevision: ({ resource, namespace, name }) => this.replica.cache(resource).get(namespace, name)?.revision,
      apply: (base, accepted) => this.replica.applyOwn(base, accepted),
      catchUpTo: (revision) => this.replica.catchUpTo(revision),
      committed: options.committed,
    });
  }

  async open(): Promise<void> {
    const deadline = Date.now() + (this.options.waitMs ?? 30_000);
    const client = await this.firstConnection(deadline);
    try {
      await ensureSchema(client, this.connection);
    } catch (error) {
      throw new StoreUnavailable(`cannot set up the schema: ${explain(error)}`);
    } finally {
      await client.end().catch(() => {});
    }
    // Listening comes before reading: no commit falls between the two.
    await this.reader.acquire();
    await this.replica.reload();
    this.ready = true;
    await this.writer.acquire();
    await this.replica.catchUp();
    this.every(HEARTBEAT_MS, () => this.heartbeat());
    this.every(RENEW_MS, () => this.renew());
    this.every(MINUTE / 2, async () => this.replica.prune());
    const compactionMs = this.options.compactionMs ?? MINUTE;
    if (compactionMs > 0) this.every(compactionMs, () => this.compact());
  }

  commit(set: WriteSet): Promise<CommitResult> {
    return this.queue.commit(set);
  }

  async readCounters(namespace: string, prefix: string): Promise<CounterReading> {
    const { rows } = await this.read(READ_COUNTERS, [namespace, prefix]);
    const revision = Number(rows[0].revision);
    await this.replica.catchUpTo(revision);
    const counted = rows.filter(({ name }) => name !== null);
    return { revision, values: new Map(counted.map(({ name, value }) => [name, Number(value)])) };
  }

  async dropCounters(namespace: string, prefix: string): Promise<void> {
    await this.read('DELETE FROM berth.counter WHERE namespace = $1 AND starts_with(name, $2)', [namespace, prefix]);
  }

  async dropOrphanedCounters(prefix: string, resource: string): Promise<number> {
    const { rowCount } = await this.read(DROP_ORPHANED_COUNTERS, [prefix, resource]);
    return rowCount ?? 0;
  }

  cache(resource: string): WatchCache {
    return this.replica.cache(resource);
  }

  forget(resource: string): void {
    this.replica.forget(resource);
  }

  currentRevision(): Revision {
    return this.replica.currentRevision();
  }

  compactedRevision(): Revision {
    return this.replica.compactedRevision();
  }

  readBarrier(): Promise<Revision> {
    if (this.membership.solo) return Promise.resolve(this.replica.currentRevision());
    if (!this.barrier) {
      this.barrier = this.askRevision().finally(() => {
        this.barrier = undefined;
      });
      return this.barrier;
    }
    // The question that is under way may have been answered already: those who come now share the next one.
    this.nextBarrier ??= this.barrier
      .catch(() => {})
      .then(() => {
        this.nextBarrier = undefined;
        return this.readBarrier();
      });
    return this.nextBarrier;
  }

  async sizeBytes(): Promise<number> {
    const { rows } = await this.reader.query('SELECT pg_database_size(current_database()) AS bytes');
    return Number(rows[0].bytes);
  }

  async ping(): Promise<void> {
    try {
      await this.writer.acquire();
      await this.reader.query('SELECT 1');
    } catch (error) {
      throw new StoreUnavailable(explain(error));
    }
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    for (const timer of this.timers) clearInterval(timer);
    await this.queue.close();
    // With the connection, or without: who comes next waits for us when it cannot be said.
    if (this.writer.connected) {
      const said = this.membership.leave((sql) => this.writer.query(sql)).catch(() => {});
      await Promise.race([said, sleep(LEAVE_MS, undefined, { ref: false })]);
    }
    await Promise.all([this.writer.close(), this.reader.close(), this.cold.close()]);
  }

  private async read(text: string, values: unknown[]): Promise<pg.QueryResult> {
    try {
      return await this.reader.query(text, values);
    } catch (error) {
      throw new StoreUnavailable(explain(error));
    }
  }

  /** A PostgreSQL that is started again is waited for: its clients should not notice. */
  private async askRevision(): Promise<Revision> {
    const deadline = Date.now() + Math.min(READ_WAIT_MS, this.options.waitMs ?? READ_WAIT_MS);
    for (let pause = 20; ; pause = Math.min(pause * 2, 500)) {
      try {
        const revision = await this.replica.databaseRevision();
        await this.replica.catchUpTo(revision);
        return revision;
      } catch (error) {
        if (this.closed || Date.now() + pause > deadline) throw new StoreUnavailable(explain(error));
        await sleep(pause);
      }
    }
  }

  private async firstConnection(deadline: number): Promise<pg.Client> {
    let said: string | undefined;
    for (;;) {
      try {
        return await this.connect();
      } catch (error) {
        const reason = explain(error);
        if (Date.now() > deadline || this.closed) throw new StoreUnavailable(reason);
        if (reason !== said) this.log(`cannot reach PostgreSQL, trying again: ${reason}`);
        said = reason;
        await sleep(100);
      }
    }
  }

  /** A connection for one long task. */
  private async connect(): Promise<pg.Client> {
    const client = new pg.Client({
      ...this.connection,
      application_name: 'berth background',
      connectionTimeoutMillis: 5_000,
      keepAlive: true,
    });
    // Its query fails as well; without a listener the process would.
    client.on('error', () => {});
    await client.connect();
    return client;
  }

  private async prepareReader(client: pg.Client): Promise<void> {
    client.on('notification', ({ channel, payload }) => {
      if (channel === JOIN_CHANNEL) {
        this.background(this.membership.share((sql) => this.writer.query(sql)));
      } else if (payload !== this.id) {
        this.background(this.replica.catchUp());
      }
    });
    await client.query(`SET jit = off; LISTEN ${CHANGE_CHANNEL}; LISTEN ${JOIN_CHANNEL}`);
  }

  private async prepareWriter(client: pg.Client): Promise<void> {
    const { rows } = await client.query(
      `SELECT pg_is_in_recovery() AS standby, set_config('jit', 'off', false),
              CASE WHEN current_setting('synchronous_commit') = 'off' THEN set_config('synchronous_commit', 'on', false) END`,
    );
    if (rows[0].standby) throw new Error('PostgreSQL is a standby and takes no writes');
    await this.membership.join(client);
    const adopted = await client.query('SELECT current_revision, jumped FROM berth.adopt_server($1)', [
      this.replica.currentRevision(),
    ]);
    const { current_revision: revision, jumped } = adopted.rows[0];
    if (jumped) {
      this.log(`PostgreSQL may have lost commits (restored, or failed over): revisions go on at ${revision}`);
      await this.replica.reload();
    } else {
      await this.replica.catchUpTo(Number(revision));
    }
    this.membership.caughtUp();
    await this.membership.renew((sql) => client.query(sql));
  }

  /** Makes the lost reading connection again, and reads what was committed meanwhile. */
  private follow(): void {
    if (!this.ready || this.closed || this.following) return;
    this.log('the connection to PostgreSQL is lost; trying again');
    const again = async (): Promise<void> => {
      for (let pause = 50; !this.closed; pause = Math.min(pause * 2, 1_000)) {
        try {
          await this.reader.acquire();
          await this.replica.catchUp();
          this.log('the connection to PostgreSQL is back');
          return;
        } catch {
          await sleep(pause, undefined, { ref: false });
        }
      }
    };
    this.following = again().finally(() => {
      this.following = undefined;
    });
  }

  private async heartbeat(): Promise<void> {
    if (!this.reader.connected) {
      this.follow();
      return;
    }
    if ((await this.replica.databaseRevision()) > this.replica.currentRevision()) await this.replica.catchUp();
    if (!this.writer.connected) await this.writer.acquire();
  }

  private async renew(): Promise<void> {
    if (this.writer.connected) await this.membership.renew((sql) => this.writer.query(sql));
  }

  private async compact(): Promise<void> {
    await this.cold.use(async (manager) => {
      const { compact, expiredObjects } = await import('./compaction.js');
      this.replica.setCompacted(await compact(manager, this.retention));
      // Other replicas may be at it, too: whoever comes second finds nothing to delete.
      const expired = await expiredObjects(manager, this.options.lifetimes ?? {});
      await Promise.all(expired.map((write) => this.queue.commit({ writes: [write] })));
    });
  }

  private every(ms: number, task: () => Promise<void>): void {
    let running = false;
    const timer = setInterval(() => {
      if (running) return;
      running = true;
      this.background(
        task().finally(() => {
          running = false;
        }),
      );
    }, ms);
    timer.unref();
    this.timers.push(timer);
  }

  /** Work whose failure the next attempt makes good. */
  private background(work: Promise<unknown>): void {
    work.catch((error) => {
      if (!this.closed && this.reader.connected) this.log(`store: ${explain(error)}`);
    });
  }

  private log(message: string): void {
    this.options.log?.(message);
  }
}
