import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { startTestPostgres, testDatabase } from '#testing';
import { openStore, StoreOutcomeUnknown, StoreUnavailable } from './index.js';
import { creation, podBody, podKey, write } from './testing/stored-objects.js';

const KILLS = 20;

interface LogRow {
  revision: number;
  name: string;
}

async function readLog(url: string): Promise<LogRow[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query('SELECT revision::int, name FROM berth.change ORDER BY revision');
  const { rows: present } = await client.query('SELECT count(*)::int AS n FROM berth.object');
  const { rows: current } = await client.query(`SELECT value::int FROM berth.revision WHERE name = 'current'`);
  await client.end();
  assert.equal(present[0].n, new Set(rows.map((row) => row.name)).size);
  assert.equal(rows.at(-1)?.revision, current[0].value);
  return rows;
}

/** Every acknowledged write is in the log at its revision, and no revision was given out twice. */
function assertKept(log: LogRow[], acknowledged: Map<number, string>): void {
  const byRevision = new Map(log.map((row) => [row.revision, row.name]));
  assert.equal(byRevision.size, log.length);
  for (const [revision, name] of acknowledged) assert.equal(byRevision.get(revision), name);
  // Commit by commit without a gap.
  log.forEach((row, i) => {
    assert.equal(row.revision, log[0]!.revision + i);
  });
}

test(`PostgreSQL is killed ${KILLS} times under writes: none acknowledged is lost, none repeated, none guessed`, async () => {
  // Without fsync: a killed process loses nothing that it wrote, only a machine does, and recovery is far quicker.
  const postgres = await startTestPostgres();
  try {
    const store = await openStore({ databaseUrl: postgres.url, waitMs: 60_000 });
    await write(store, creation('counter', { value: 0 }));
    const acknowledged = new Map<number, string>();
    let creating = 0;
    let increments = 0;
    let running = true;
    const create = async (writer: number): Promise<void> => {
      for (let i = 0; running; i++) {
        const name = `k-${writer}-${i}`;
        creating++;
        const result = await store.commit({ writes: [creation(name)] });
        // The name is new: were a commit of unknown outcome sent again although it had succeeded, it would be taken.
        assert.ok(result.ok, name);
        assert.equal(acknowledged.has(result.revision), false);
        acknowledged.set(result.revision, name);
      }
    };
    const increment = async (): Promise<void> => {
      while (running) {
        const { uid, revision, ...object } = store.cache('pods').get('default', 'counter')!;
        const key = podKey('counter');
        const value = JSON.parse(object.bytes.toString()).value + 1;
        const body = podBody(key, { uid, value });
        const result = await store.commit({ writes: [{ op: 'update', key, uid, body, ifRevision: revision }] });
        if (result.ok) {
          increments++;
          acknowledged.set(result.revision, 'counter');
        }
      }
    };
    const from = store.currentRevision();
    const watch = store.cache('pods').watch({ from })!;
    const seen: number[] = [];
    const watching = (async () => {
      for (let events = await watch.next(); events; events = await watch.next()) {
        for (const event of events) seen.push(event.revision);
      }
    })();
    const writers = [...[0, 1, 2, 3, 4, 5, 6, 7].map(create), increment(), increment()];
    for (let kill = 0; kill < KILLS; kill++) {
      const before = acknowledged.size;
      while (acknowledged.size < before + 20) await sleep(10);
      await sleep(Math.random() * 30);
      await postgres.kill();
      await postgres.start();
    }
    running = false;
    await Promise.all(writers);
    const log = await readLog(postgres.url);
    assertKept(log, acknowledged);
    // With patience every outcome is found out: what was not acknowledged did not happen.
    assert.equal(log.length, acknowledged.size + 1);
    assert.equal(creating, acknowledged.size - increments);
    assert.equal(store.cache('pods').get('default', 'counter')!.parse().value, increments);
    while (seen.length < log.length - 1) await sleep(10);
    watch.stop();
    await watching;
    assert.deepEqual(
      seen,
      log.map((row) => row.revision).filter((revision) => revision > from),
    );
    await store.close();
  } finally {
    await postgres.stop();
  }
});

test(`the store's process is killed ${KILLS} times under writes: none acknowledged is lost, none repeated`, async () => {
  const { url, drop } = await testDatabase();
  const acknowledged = new Map<number, string>();
  const program = fileURLToPath(new URL('./testing/writer.js', import.meta.url));
  // The schema is there before the first is killed.
  await (await openStore({ databaseUrl: url })).close();
  for (let kill = 0; kill < KILLS; kill++) {
    const child = spawn(process.execPath, [program, url, `p${kill}`], { stdio: ['ignore', 'pipe', 'inherit'] });
    let lines = 0;
    const exited = new Promise((resolve) => child.on('exit', resolve));
    for await (const line of createInterface(child.stdout)) {
      // A line that the kill cut off was not acknowledged.
      const match = /^(\d+) (p\d+-\d+-\d+)$/.exec(line);
      if (!match) continue;
      if (++lines === 30) setTimeout(() => child.kill('SIGKILL'), Math.random() * 20);
      const revision = Number(match[1]);
      assert.equal(acknowledged.has(revision), false, line);
      acknowledged.set(revision, match[2]!);
    }
    await exited;
  }
  assert.ok(acknowledged.size >= 30 * KILLS);
  assertKept(await readLog(url), acknowledged);
  await drop();
});

test('while PostgreSQL is away writes wait, then fail as not committed; reads go on; it all comes back', async () => {
  const postgres = await startTestPostgres();
  try {
    const store = await openStore({ databaseUrl: postgres.url, waitMs: 700 });
    await write(store, creation('before'));
    await postgres.kill();
    // A commit that goes out before the store knows of the loss would be one of unknown outcome.
    while (
      await store.ping().then(
        () => true,
        () => false,
      )
    )
      await sleep(10);
    await sleep(300);
    const began = Date.now();
    await assert.rejects(store.commit({ writes: [creation('refused')] }), (error) => {
      return error instanceof StoreUnavailable && !/\n/.test(error.message);
    });
    assert.ok(Date.now() - began >= 600 && Date.now() - began < 3_000);
    assert.ok(store.cache('pods').get('default', 'before'));
    await assert.rejects(store.ping(), StoreUnavailable);
    await assert.rejects(store.readBarrier(), StoreUnavailable);
    const waiting = store.commit({ writes: [creation('waits')] });
    const reading = store.readBarrier();
    await postgres.start();
    assert.ok((await waiting).ok);
    assert.ok((await reading) > 0);
    await store.ping();
    assert.equal(store.cache('pods').get('default', 'refused'), undefined);
    assert.equal((await readLog(postgres.url)).filter((row) => row.name === 'refused').length, 0);
    await store.close();
  } finally {
    await postgres.stop();
  }
});

test('a commit whose outcome cannot be found out in time is reported as unknown, never as failed', async () => {
  const postgres = await startTestPostgres();
  try {
    const store = await openStore({ databaseUrl: postgres.url, waitMs: 700 });
    const blocker = new pg.Client({ connectionString: postgres.url });
    blocker.on('error', () => {});
    await blocker.connect();
    // A commit that has been sent hangs behind this lock.
    await blocker.query('BEGIN; LOCK TABLE berth.object IN ACCESS EXCLUSIVE MODE');
    await assert.rejects(store.commit({ writes: [creation('hangs')] }), StoreOutcomeUnknown);
    await blocker.query('ROLLBACK');
    await blocker.end();
    // It went through in the end, and the cache says so.
    while (!store.cache('pods').get('default', 'hangs')) await sleep(10);
    await write(store, creation('next'));
    await store.close();
  } finally {
    await postgres.stop();
  }
});

test('a replica whose connections are cut reads what others committed meanwhile', async () => {
  const { url, drop } = await testDatabase();
  const [one, two] = [await openStore({ databaseUrl: url }), await openStore({ databaseUrl: url })];
  const watch = one.cache('pods').watch({ from: one.currentRevision() })!;
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  for (let i = 0; i < 5; i++) {
    await client.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                         WHERE application_name LIKE 'berth %' AND datname = current_database()`);
    await write(two, creation(`cut-${i}`));
  }
  const names: string[] = [];
  while (names.length < 5) for (const event of (await watch.next())!) names.push(event.object.name);
  assert.deepEqual(names, ['cut-0', 'cut-1', 'cut-2', 'cut-3', 'cut-4']);
  await client.end();
  await one.close();
  await two.close();
  await drop();
});
