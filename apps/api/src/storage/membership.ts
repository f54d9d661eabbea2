import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { SOLO_LOCK } from './advisory-locks.js';

/** Channel on which a replica that joins asks the one that is alone to share. */
export const JOIN_CHANNEL = 'berth_join';

/**
 * Milliseconds for which one that is alone trusts its cache after PostgreSQL was last heard on the connection that holds the lock.
 * Seen from PostgreSQL that connection may end at any moment, and its lock with it, without a word to the other end.
 */
const TRUST_MS = 4_000;
/** As long, and then some, waits who finds the lock given up by nobody: whoever had it may still trust its cache. */
const FENCE_MS = TRUST_MS + 1_000;

/** Row of `berth.revision`: which replica trusts its cache over a network; 0: none. */
const MARK = 'solo';

/**
 * Whether this process is the only one that can commit, so that its cache is never behind and reads need not ask. A writing
 * connection holds the solo lock: exclusively when alone, shared when not, and commits only while it does. A replica that
 * joins asks the one that is alone to give the lock up, which first stops trusting its cache.
 *
 * One that is cut off cannot be asked. PostgreSQL ends its session sooner or later, and the lock is free before it knows. So it
 * trusts its cache for a short while only after each answer on that connection; and who comes next, told by a mark that
 * the other one did not take away, commits nothing before that while is over. On a unix socket both ends go at once:
 * there, where a restart should be quick, nobody leaves a mark.
 */
export class Membership {
  private readonly id = randomInt(1, 2 ** 47);
  private alone = false;
  private exclusive = false;
  private marked = false;
  private trustedUntil = 0;

  /** `mode` many: always shared, for a database that other servers use as well. */
  constructor(private readonly mode: 'auto' | 'many') {}

  get solo(): boolean {
    return this.alone && performance.now() < this.trustedUntil;
  }

  /** Takes the lock on a new writing connection. */
  async join(client: pg.Client): Promise<void> {
    this.lost();
    await this.lock(client);
    const { rows } = await client.query('SELECT value FROM berth.revision WHERE name = $1', [MARK]);
    const left = Number(rows[0]?.value ?? 0);
    if (left !== 0 && left !== this.id) await sleep(FENCE_MS);
    const remote = !client.host.startsWith('/');
    this.marked = this.exclusive && remote;
    const mark = this.marked ? this.id : 0;
    if (mark !== left) await client.query(setMark(mark));
    // On a unix socket the end of the session is seen at once: nothing has to be heard.
    this.trustedUntil = remote ? 0 : Number.POSITIVE_INFINITY;
  }

  /** The cache has everything that was committed before `join`: from now on it may be trusted, if we are alone. */
  caughtUp(): void {
    this.alone = this.exclusive;
  }

  /** Hears PostgreSQL on the connection that holds the lock; `run` runs SQL there. */
  async renew(run: (sql: string) => Promise<unknown>): Promise<void> {
    if (!this.alone || !this.marked) return;
    const asked = performance.now();
    await run('SELECT 1');
    // Still the same session: had it been lost meanwhile, it would not be marked, or not trusted, by now.
    if (this.alone && this.marked) this.trustedUntil = asked + TRUST_MS;
  }

  /** Another replica wants to join. `run` runs SQL on the connection that holds the lock. */
  async share(run: (sql: string) => Promise<unknown>): Promise<void> {
    if (!this.exclusive) return;
    await this.leave(run);
    await run(`SELECT pg_advisory_unlock(${SOLO_LOCK}), pg_advisory_lock_shared(${SOLO_LOCK})`);
  }

  /** From now on others may commit: nobody needs to wait for us. */
  async leave(run: (sql: string) => Promise<unknown>): Promise<void> {
    const { marked } = this;
    this.lost();
    if (marked) await run(setMark(0));
  }

  lost(): void {
    this.alone = false;
    this.exclusive = false;
    this.marked = false;
    this.trustedUntil = 0;
  }

  private async lock(client: pg.Client): Promise<void> {
    if (this.mode === 'auto') {
      const { rows } = await client.query(`SELECT pg_try_advisory_lock(${SOLO_LOCK}) AS mine`);
      this.exclusive = rows[0].mine;
      if (this.exclusive) return;
    }
    for (;;) {
      const { rows } = await client.query(`SELECT pg_try_advisory_lock_shared(${SOLO_LOCK}) AS mine`);
      if (rows[0].mine) return;
      await client.query(`NOTIFY ${JOIN_CHANNEL}`);
      await sleep(20);
    }
  }
}

function setMark(value: number): string {
  return `INSERT INTO berth.revision VALUES ('${MARK}', ${value}) ON CONFLICT (name) DO UPDATE SET value = ${value}`;
}
