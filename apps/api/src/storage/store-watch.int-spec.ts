import assert from 'node:assert/strict';
import pg from 'pg';
import { testDatabase } from '#testing';
import { openStore, type Store } from './index.js';
import { compactionRound } from './testing/compaction-round.js';
import { creation, deletion, eventsAfter, podFields, told, update, write } from './testing/stored-objects.js';

let url: string;
let store: Store;
const open = (ringBytes?: number): Promise<Store> =>
  openStore({ databaseUrl: url, fieldValue: podFields, compactionMs: 0, ringBytes });

beforeAll(async () => {
  ({ url } = await testDatabase());
  store = await open();
});

afterAll(async () => {
  await store.close();
});

test('a list page is continued at its exact revision, whatever happened since, on any replica', async () => {
  for (let i = 0; i < 25; i++) await write(store, creation(`page-${String(i).padStart(2, '0')}`, {}, 'paged'));
  const expected = store.cache('pods').list({ namespace: 'paged' })!;
  const other = await open();
  const first = store.cache('pods').list({ namespace: 'paged', limit: 10 })!;
  assert.equal(first.remaining, 15);
  await write(store, deletion(store, 'page-12', 'paged'));
  await write(store, update(store, 'page-13', { value: 1 }, 'paged'));
  await write(store, creation('page-11b', {}, 'paged'));
  for (const replica of [store, other]) {
    await replica.readBarrier();
    const items = [...first.items];
    let next = first.next;
    while (next) {
      const page = replica.cache('pods').list({ namespace: 'paged', limit: 10, after: next, at: first.revision })!;
      assert.equal(page.revision, first.revision);
      items.push(...page.items);
      next = page.next;
    }
    assert.deepEqual(
      items.map((object) => object.bytes.toString()),
      expected.items.map((object) => object.bytes.toString()),
    );
  }
  await other.close();
});

test('lists by label and by field find what a scan finds, before and after changes', async () => {
  for (let i = 0; i < 20; i++) {
    await write(store, creation(`sel-${i}`, { labels: { tier: `t${i % 4}` }, nodeName: `n${i % 5}` }, 'selected'));
  }
  const check = (): void => {
    for (const value of ['t0', 't3', 'gone']) {
      const matches = (object: any): boolean => object.labels?.tier === value;
      const scan = store.cache('pods').list({ filter: { matches } })!.items;
      const found = store.cache('pods').list({ filter: { matches, equalLabel: { key: 'tier', value } } })!.items;
      assert.deepEqual(found, scan);
    }
    const matches = (object: any): boolean => object.field('spec.nodeName') === 'n1';
    const found = store
      .cache('pods')
      .list({ filter: { matches, equalField: { label: 'spec.nodeName', value: 'n1' } } })!;
    assert.deepEqual(found.items, store.cache('pods').list({ filter: { matches } })!.items);
  };
  check();
  await write(store, update(store, 'sel-0', { labels: { tier: 't3' }, nodeName: 'n1' }, 'selected'));
  await write(store, deletion(store, 'sel-1', 'selected'));
  check();
});

test('a watcher that connects at any revision misses and repeats nothing, from memory and from the log', async () => {
  const start = store.currentRevision();
  for (let i = 0; i < 12; i++) {
    await write(store, creation(`w-${i}`));
    if (i % 2) await write(store, update(store, `w-${i}`, { value: i }));
    if (i % 3 === 0) await write(store, deletion(store, `w-${i}`));
  }
  await store.commit({ writes: [creation('w-set-1'), creation('w-set-2')] });
  const end = store.currentRevision();
  const all = await eventsAfter(store, start, end);
  assert.deepEqual(
    all.map((event) => event.revision),
    Array.from({ length: end - start }, (_, i) => start + 1 + i),
  );
  // A fresh replica has an empty ring; one with a tiny ring has the last event alone.
  const fresh = await open();
  const tiny = await open(1);
  for (const replica of [store, fresh, tiny]) {
    for (let from = start; from < end; from++) {
      const events = await eventsAfter(replica, from, end);
      assert.deepEqual(told(events), told(all.filter((event) => event.revision > from)));
      for (const [i, event] of events.entries()) {
        const known = all[from - start + i]!;
        assert.equal(event.line().toString(), known.line().toString());
        assert.equal(event.previous?.bytes.toString(), known.previous?.bytes.toString());
      }
    }
  }
  await fresh.close();
  await tiny.close();
});

test('a reader that falls behind the ring goes on from the log', async () => {
  const tiny = await open(1);
  const watch = tiny.cache('pods').watch({ from: tiny.currentRevision() })!;
  const from = tiny.currentRevision();
  for (let i = 0; i < 10; i++) await write(tiny, creation(`slow-${i}`));
  const seen: number[] = [];
  while (seen.length < 10) for (const event of (await watch.next())!) seen.push(event.revision);
  assert.deepEqual(
    seen,
    Array.from({ length: 10 }, (_, i) => from + 1 + i),
  );
  watch.stop();
  assert.equal(await watch.next(), undefined);
  assert.equal(watch.expired, false);
  await tiny.close();
});

test('a watch that waits gets a commit that the ring cannot hold from the log', async () => {
  const tiny = await open(1);
  const from = tiny.currentRevision();
  const watch = tiny.cache('pods').watch({ from })!;
  const next = watch.next();
  const set = ['big-0', 'big-1', 'big-2'].map((name) => creation(name));
  await tiny.commit({ writes: set });
  const events = (await next)!;
  while (events.length < 3) events.push(...(await watch.next())!);
  assert.deepEqual(told(events), [`${from + 1} ADDED big-0`, `${from + 2} ADDED big-1`, `${from + 3} ADDED big-2`]);
  watch.stop();
  await tiny.close();
});

test('a watch by field sees objects enter and leave, sleeps through others, and keeps its revision current', async () => {
  const filter = {
    matches: (object: any) => object.field('spec.nodeName') === 'here',
    equalField: { label: 'spec.nodeName', value: 'here' },
  };
  const watch = store.cache('pods').watch({ from: store.currentRevision(), filter })!;
  const first = watch.next();
  await write(store, creation('roams', { nodeName: 'there' }));
  await write(store, creation('other', { nodeName: 'there' }));
  assert.equal(watch.revision, store.currentRevision());
  await write(store, update(store, 'roams', { nodeName: 'here' }));
  const [entered] = (await first)!;
  assert.equal(entered!.object.name, 'roams');
  assert.equal(entered!.previous?.field('spec.nodeName'), 'there');
  const second = watch.next();
  await write(store, update(store, 'roams', { nodeName: 'there' }));
  const [left] = (await second)!;
  assert.equal(left!.previous?.field('spec.nodeName'), 'here');
  watch.stop();
});

test('compacted revisions are refused; the state before an old object is still told', async () => {
  await write(store, creation('old', { labels: { v: '1' } }));
  const before = store.currentRevision();
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const retention = { watchLogMs: 0, historyMs: 0 };
  await compactionRound(url, retention);
  await compactionRound(url, retention);
  const { rows } = await client.query('SELECT count(*)::int AS n FROM berth.change');
  assert.equal(rows[0].n, 0);
  await write(store, update(store, 'old', { labels: { v: '2' } }));
  const fresh = await open();
  assert.equal(fresh.compactedRevision(), before);
  assert.equal(fresh.cache('pods').watch({ from: before - 1 }), undefined);
  const [event] = await eventsAfter(fresh, before, before + 1);
  assert.deepEqual(event!.previous?.labels, { v: '1' });
  await fresh.close();
  await client.end();
});

test('history outlives the watch log, but for Leases and Events, which come in masses', async () => {
  const { url: own } = await testDatabase();
  const fresh = await openStore({ databaseUrl: own, compactionMs: 0 });
  const resources = ['pods', 'coordination.k8s.io/leases', 'events'];
  for (const resource of resources) {
    await write(fresh, { ...creation('kept'), key: { resource, namespace: 'default', name: 'kept' } });
  }
  const client = new pg.Client({ connectionString: own });
  await client.connect();
  const logged = async () =>
    (await client.query('SELECT resource FROM berth.change ORDER BY revision')).rows.map((row) => row.resource);
  const day = 24 * 3600_000;
  await compactionRound(own, { watchLogMs: 60_000, historyMs: day });
  assert.deepEqual(await logged(), resources, 'five minutes have not gone by');
  // The log's window is over, the day is not.
  await compactionRound(own, { watchLogMs: 0, historyMs: day });
  assert.deepEqual(await logged(), ['pods']);
  assert.equal(fresh.cache('events').size, 1, 'the objects themselves stay');
  const history = await client.query(`SELECT name FROM berth.history WHERE resource = 'pods'`);
  assert.deepEqual(history.rows, [{ name: 'kept' }]);
  await compactionRound(own, { watchLogMs: 0, historyMs: 0 });
  assert.deepEqual(await logged(), []);
  await client.end();
  await fresh.close();
});

test('objects with a lifetime go when nobody has written them for so long', async () => {
  const { url: own } = await testDatabase();
  const lasting = await openStore({ databaseUrl: own, compactionMs: 0 });
  const event = (name: string) => ({ ...creation(name), key: { resource: 'events', namespace: 'default', name } });
  for (const name of ['quiet', 'told-again']) await write(lasting, event(name));
  await write(lasting, creation('pod'));
  const watch = lasting.cache('events').watch({ from: lasting.currentRevision() })!;
  await compactionRound(own, { watchLogMs: 60_000, historyMs: 60_000 });
  const { uid, revision, bytes } = lasting.cache('events').get('default', 'told-again')!;
  const body = Buffer.from(bytes.toString().replace(`"resourceVersion":"${revision}",`, ''));
  const key = { resource: 'events', namespace: 'default', name: 'told-again' };
  await write(lasting, { op: 'update', key, uid, body, ifRevision: revision });
  const mortal = await openStore({ databaseUrl: own, compactionMs: 20, lifetimes: { events: 0, pods: 3_600_000 } });
  // The revision of the update gets its time in the first round of this store, and is over in the next.
  const seen: string[] = [];
  while (seen.length < 3) seen.push(...told((await watch.next())!));
  assert.deepEqual(
    seen.map((line) => line.replace(/^\d+ /, '')),
    ['MODIFIED told-again', 'DELETED quiet', 'DELETED told-again'],
  );
  assert.equal(mortal.cache('pods').size, 1);
  watch.stop();
  await mortal.close();
  await lasting.close();
});

test('a watch that reads the log when it is compacted expires', async () => {
  const tiny = await open(1);
  const watch = tiny.cache('pods').watch({ from: tiny.currentRevision() })!;
  for (let i = 0; i < 3; i++) await write(tiny, creation(`late-${i}`));
  await compactionRound(url, { watchLogMs: 0, historyMs: 60_000 });
  assert.equal(await watch.next(), undefined);
  assert.equal(watch.expired, true);
  await tiny.close();
});

test('after a restore the revisions jump ahead, caches are read anew, and watches expire', async () => {
  const watch = store.cache('pods').watch({ from: store.currentRevision() })!;
  const next = watch.next();
  const known = store.currentRevision();
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  // What a restore of an older state looks like: the counter is back, and so is the log.
  await client.query(`UPDATE berth.revision SET value = value - 2 WHERE name = 'current'`);
  await client.query('DELETE FROM berth.change WHERE revision > $1', [known - 2]);
  await client.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                       WHERE application_name = 'berth writer' AND datname = current_database()`);
  assert.equal(await next, undefined);
  assert.equal(watch.expired, true);
  const revision = await write(store, creation('after-restore'));
  assert.ok(revision > known + 1000);
  assert.equal(store.cache('pods').watch({ from: known }), undefined);
  await client.end();
});

test('the cache of a resource that is served no more goes when it is empty, and its watches expire', async () => {
  const widgets = store.cache('example.com/widgets');
  const key = { resource: 'example.com/widgets', namespace: '', name: 'a' };
  const body = Buffer.from('{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"a","uid":"1"}}');
  await write(store, { op: 'create', key, uid: '1', body });
  store.forget('example.com/widgets');
  assert.equal(store.cache('example.com/widgets'), widgets, 'it has an object');
  const from = store.currentRevision();
  await write(store, { op: 'delete', key, uid: '1', body, ifRevision: widgets.get('', 'a')!.revision });
  const watch = widgets.watch({ from: store.currentRevision() })!;
  const waiting = watch.next();
  store.forget('example.com/widgets');
  assert.deepEqual([await waiting, watch.expired, widgets.watch({ from })], [undefined, true, undefined]);
  const again = store.cache('example.com/widgets');
  assert.notEqual(again, widgets);
  // What happened before it was forgotten is in the log.
  const [event] = (await again.watch({ from })!.next())!;
  assert.deepEqual([event!.type, event!.object.name], ['DELETED', 'a']);
});
