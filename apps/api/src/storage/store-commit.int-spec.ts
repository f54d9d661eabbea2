import assert from 'node:assert/strict';
import pg from 'pg';
import { testDatabase } from '#testing';
import { openStore, type Store } from './index.js';
import { creation, deletion, podBody, podFields, podKey, update, write } from './testing/stored-objects.js';

let url: string;
let one: Store;
let two: Store;

beforeAll(async () => {
  ({ url } = await testDatabase());
  one = await openStore({ databaseUrl: url, fieldValue: podFields });
  two = await openStore({ databaseUrl: url, fieldValue: podFields });
});

afterAll(async () => {
  await one.close();
  await two.close();
});

test('a write is in the cache of its replica when it returns, with its revision in its bytes', async () => {
  const revision = await write(one, creation('first', { labels: { app: 'a' } }));
  const object = one.cache('pods').get('default', 'first')!;
  assert.equal(object.revision, revision);
  assert.equal(JSON.parse(object.bytes.toString()).metadata.resourceVersion, `${revision}`);
  assert.deepEqual(object.labels, { app: 'a' });
  assert.equal(one.currentRevision(), revision);
});

test('the other replica has it after a read barrier', async () => {
  const revision = await write(one, creation('second'));
  assert.ok((await two.readBarrier()) >= revision);
  assert.equal(two.cache('pods').get('default', 'second')?.revision, revision);
});

test('a lone update is judged as it would be in a batch', async () => {
  await write(one, creation('lone'));
  const { uid, revision } = one.cache('pods').get('default', 'lone')!;
  const key = podKey('lone');
  const body = podBody(key, { labels: { app: 'b' } });
  const refused = [
    { set: { op: 'update', key: podKey('none'), uid, body, ifRevision: 1 }, reason: 'missing' },
    { set: { op: 'update', key, uid, body, ifRevision: revision - 1 }, reason: 'conflict' },
    { set: { op: 'update', key, uid, body, ifRevision: revision + 1 }, reason: 'conflict' },
    { set: { op: 'update', key, uid: 'other', body, ifRevision: revision }, reason: 'conflict' },
  ] as const;
  for (const { set, reason } of refused) {
    const failure = { ok: false, failure: { reason, key: set.key } };
    const alone = await one.commit({ writes: [set] });
    const [together] = await Promise.all([
      one.commit({ writes: [set] }),
      one.commit({ writes: [creation(`beside-${reason}-${set.ifRevision}-${set.uid}`)] }),
    ]);
    assert.deepEqual([alone, together], [failure, failure], JSON.stringify(set.key));
  }
  const done = await one.commit({ writes: [{ op: 'update', key, uid, body, ifRevision: revision }] });
  assert.ok(done.ok);
  assert.deepEqual(done.revisions, [done.revision]);
  assert.deepEqual(one.cache('pods').get('default', 'lone')?.labels, { app: 'b' });
  assert.equal(await two.readBarrier(), done.revision);
  assert.equal(two.cache('pods').get('default', 'lone')?.revision, done.revision);
});

test('preconditions fail with their reason, and nothing of the set is written', async () => {
  await write(one, creation('taken'));
  const { uid, revision } = one.cache('pods').get('default', 'taken')!;
  const key = podKey('taken');
  const body = podBody(key);
  const cases = [
    { set: { writes: [creation('taken')] }, reason: 'exists' },
    { set: { writes: [{ op: 'update', key: podKey('none'), uid, body, ifRevision: 1 }] }, reason: 'missing' },
    { set: { writes: [{ op: 'delete', key: podKey('none'), uid, body, ifRevision: 1 }] }, reason: 'missing' },
    { set: { writes: [{ op: 'update', key, uid, body, ifRevision: revision - 1 }] }, reason: 'conflict' },
    { set: { writes: [{ op: 'update', key, uid: 'other', body, ifRevision: revision }] }, reason: 'conflict' },
    { set: { writes: [creation('free')], guards: [{ kind: 'exists', key: podKey('none') }] }, reason: 'missing' },
    { set: { writes: [creation('free')], guards: [{ kind: 'exists', key, uid: 'other' }] }, reason: 'conflict' },
    { set: { writes: [creation('free')], guards: [{ kind: 'absent', key }] }, reason: 'exists' },
    { set: { writes: [creation('free')], guards: [{ kind: 'revision', key, revision: 1 }] }, reason: 'conflict' },
    { set: { writes: [creation('free'), creation('taken')] }, reason: 'exists' },
  ] as const;
  // All at once, so that they share a batch with each other and with one that holds.
  const [good, ...bad] = await Promise.all([
    one.commit({ writes: [creation('good')], guards: [{ kind: 'exists', key, uid }] }),
    ...cases.map(({ set }) => one.commit(set as any)),
  ]);
  assert.ok(good.ok);
  bad.forEach((result, i) => {
    assert.equal(result.ok ? 'ok' : result.failure.reason, cases[i]!.reason, `case ${i}`);
  });
  assert.equal(one.cache('pods').get('default', 'free'), undefined);
});

test('each write of a set has a revision of its own, in order', async () => {
  const result = await one.commit({ writes: [creation('a'), creation('b'), update(one, 'taken')] });
  assert.ok(result.ok);
  const base = result.revisions[0]!;
  assert.deepEqual(result.revisions, [base, base + 1, base + 2]);
  assert.equal(one.cache('pods').get('default', 'b')?.revision, base + 1);
});

test('sets on one object in one turn take effect one after the other', async () => {
  const results = await Promise.all([
    one.commit({ writes: [creation('contended')] }),
    one.commit({ writes: [creation('contended')] }),
    one.commit({ writes: [creation('follower')], guards: [{ kind: 'exists', key: podKey('contended') }] }),
  ]);
  assert.deepEqual(
    results.map((result) => (result.ok ? 'ok' : result.failure.reason)),
    ['ok', 'exists', 'ok'],
  );
});

test('names and bodies with any character come back as they were', async () => {
  const name = 'we"ird\\{,}name:\u00e9\u{1f600}';
  await write(one, creation(name, { value: 'nul \u0000 and "quotes" \\ \u2028' }));
  await two.readBarrier();
  assert.equal(two.cache('pods').get('default', name)!.parse().value, 'nul \u0000 and "quotes" \\ \u2028');
});

test('one set that PostgreSQL cannot take fails alone', async () => {
  const [bad, good] = await Promise.allSettled([
    one.commit({ writes: [creation('nul\u0000name')] }),
    one.commit({ writes: [creation('neighbour')] }),
  ]);
  assert.equal(bad.status, 'rejected');
  assert.equal(good.status, 'fulfilled');
});

test('concurrent writers with preconditions from two replicas lose no update', async () => {
  await write(one, creation('counter', { value: 0 }));
  const perWriter = 25;
  let conflicts = 0;
  const increment = async (store: Store): Promise<void> => {
    for (let done = 0; done < perWriter; ) {
      await store.readBarrier();
      const object = store.cache('pods').get('default', 'counter')!;
      const key = podKey('counter');
      const body = podBody(key, { uid: object.uid, value: object.parse().value + 1 });
      const result = await store.commit({
        writes: [{ op: 'update', key, uid: object.uid, body, ifRevision: object.revision }],
      });
      if (result.ok) done++;
      else conflicts++;
    }
  };
  await Promise.all([one, two, one, two].map(increment));
  await Promise.all([one.readBarrier(), two.readBarrier()]);
  assert.equal(one.cache('pods').get('default', 'counter')!.parse().value, 4 * perWriter);
  assert.deepEqual(
    one.cache('pods').get('default', 'counter')!.bytes,
    two.cache('pods').get('default', 'counter')!.bytes,
  );
  assert.ok(conflicts > 0);
});

test('two replicas that write at once end with the same state and a log without gaps', async () => {
  const names = Array.from({ length: 150 }, (_, i) => `many-${i}`);
  await Promise.all(names.map((name, i) => write(i % 2 ? one : two, creation(name))));
  await Promise.all([one.readBarrier(), two.readBarrier()]);
  await Promise.all(
    names.map((name, i) =>
      write(i % 2 ? two : one, i % 3 ? update(i % 2 ? two : one, name) : deletion(i % 2 ? two : one, name)),
    ),
  );
  await Promise.all([one.readBarrier(), two.readBarrier()]);
  const state = (store: Store): string[] =>
    store
      .cache('pods')
      .list({})!
      .items.map((object) => object.bytes.toString());
  assert.equal(state(one).join('\n') === state(two).join('\n'), true);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query(
    `SELECT count(*)::int AS rows, (max(revision) - min(revision) + 1)::int AS span FROM berth.change`,
  );
  assert.equal(rows[0].rows, rows[0].span);
  await client.end();
});

test('a batch whose id was voided does not commit', async () => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const id = '00000000-0000-4000-8000-000000000001';
  const found = await client.query('SELECT * FROM berth.resolve_batch($1, 0)', [id]);
  assert.equal(found.rows.length, 0);
  await assert.rejects(
    client.query(
      `SELECT * FROM berth.commit_batch('r', $1, '\\x', '{0}', '{1}', '{pods}', '{ns}', '{late}', '{u}', '{0}', '{1}', '{0}')`,
      [id],
    ),
    { code: 'BT001' },
  );
  await client.end();
});

test('people read objects and history as jsonb', async () => {
  await write(one, creation('shown', { labels: { app: 'web' } }));
  await write(one, update(one, 'shown', { value: 7 }));
  await write(one, deletion(one, 'shown'));
  await write(one, creation('nul', { value: 'a\u0000b\\u0000' }));
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const history = await client.query(
    `SELECT type, object ->> 'value' AS value FROM berth.history WHERE name = 'shown' ORDER BY revision`,
  );
  assert.deepEqual(
    history.rows.map((row) => row.type),
    ['ADDED', 'MODIFIED', 'DELETED'],
  );
  assert.equal(history.rows[1].value, '7');
  const pods = await client.query(`SELECT object FROM berth.pods WHERE name = 'nul'`);
  assert.equal(pods.rows[0].object.value, 'a\ufffdb\\u0000');
  const count = await client.query('SELECT count(*)::int AS n FROM berth.objects WHERE object IS NULL');
  assert.equal(count.rows[0].n, 0);
  await client.end();
});

test('a replica that is alone trusts its cache; when another joins it asks', async () => {
  const { url: own } = await testDatabase();
  const first = await openStore({ databaseUrl: own });
  const before = await first.readBarrier();
  const second = await openStore({ databaseUrl: own });
  const revision = await write(second, creation('by-second'));
  assert.ok(revision > before);
  assert.ok((await first.readBarrier()) >= revision);
  assert.ok(first.cache('pods').get('default', 'by-second'));
  await second.close();
  await first.close();
});
