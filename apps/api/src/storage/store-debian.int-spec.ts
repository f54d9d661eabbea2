import assert from 'node:assert/strict';
import pg from 'pg';
import { debianPostgresMissing, startDebianPostgres, testUnless } from '#testing';
import { openStore } from './index.js';
import { compactionRound } from './testing/compaction-round.js';
import { creation, deletion, eventsAfter, update, write } from './testing/stored-objects.js';

testUnless(
  debianPostgresMissing(),
  "Debian's PostgreSQL serves as DATABASE_URL, for a role without privileges",
  async () => {
    const server = await startDebianPostgres();
    try {
      const admin = new pg.Client({ connectionString: server.url });
      await admin.connect();
      await admin.query('CREATE ROLE plain LOGIN');
      await admin.query('CREATE DATABASE cluster OWNER plain');
      await admin.end();
      const url = new URL(server.url);
      url.username = 'plain';
      url.pathname = '/cluster';
      // Two that start together on an empty database: one of them makes the schema.
      const [one, two] = await Promise.all([
        openStore({ databaseUrl: url.href }),
        openStore({ databaseUrl: url.href }),
      ]);
      const from = one.currentRevision();
      await write(one, creation('a', { labels: { x: 'y' } }));
      await write(one, update(one, 'a', { value: 1 }));
      await two.readBarrier();
      await write(two, deletion(two, 'a'));
      await one.readBarrier();
      const events = await eventsAfter(one, from, from + 3);
      assert.deepEqual(
        events.map((event) => event.type),
        ['ADDED', 'MODIFIED', 'DELETED'],
      );
      const client = new pg.Client({ connectionString: url.href });
      await client.connect();
      await compactionRound(url.href, { watchLogMs: 0, historyMs: 0 });
      const { rows } = await client.query('SELECT count(*)::int AS n FROM berth.history');
      assert.equal(rows[0].n, 0);
      await client.end();
      await one.close();
      await two.close();
    } finally {
      await server.stop();
    }
  },
);
