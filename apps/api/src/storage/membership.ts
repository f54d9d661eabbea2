import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { SOLO_LOCK } from './advisory-locks.js';

/** Channel on which a replica that joins asks the one that is alone to share. */
export const JOIN_CHANNEL = 'berth_join';

/**
 * Whether this process is the only one that can commit, so that its cache is never behind and reads need not ask. A writing
 * connection holds the solo lock: exclusively when alone, shared when not, and commits only while it does. A replica that
 * joins asks the one that is alone to give the lock up, which first stops trusting its cache.
 */
export class Membership {
  private alone = false;
  private exclusive = false;

  /** `mode` many: always shared, for a database on other machines, where a connection can die without a word. */
  constructor(private readonly mode: 'auto' | 'many') {}

  get solo(): boolean {
    return this.alone;
  }

  /** Takes the lock on a new writing connection. */
  async join(client: pg.ClientBase): Promise<void> {
    this.lost();
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

  /** The cache has everything that was committed before `join`: from now on it may be trusted, if we are alone. */
  caughtUp(): void {
    this.alone = this.exclusive;
  }

  /** Another replica wants to join. `share` runs SQL on the connection that holds the lock. */
  async share(run: (sql: string) => Promise<unknown>): Promise<void> {
    if (!this.exclusive) return;
    this.lost();
    await run(`SELECT pg_advisory_unlock(${SOLO_LOCK}), pg_advisory_lock_shared(${SOLO_LOCK})`);
  }

  lost(): void {
    this.alone = false;
    this.exclusive = false;
  }
}
