import assert from 'node:assert/strict';
import pg from 'pg';
import { testDatabase } from '#testing';
import { openStore, type Store } from './index.js';
import { type CommitResult, type CounterDelta, LARGEST_SUM } from './store.js';
import { creation, deletion, podFields } from './testing/stored-objects.js';

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

function add(name: string, delta: number, limit?: number): CounterDelta {
  return { counter: { namespace: 'web', name }, delta, limit };
}

async function counted(name: string): Promise<number | undefined> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    const { rows } = await client.query('SELECT value FROM berth.counter WHERE namespace = $1 AND name = $2', [
      'web',
      name,
    ]);
    return rows[0] === undefined ? undefined : Number(rows[0].value);
  } finally {
    await client.end();
  }
}

test('of 64 writers at a time through two replicas exactly as many succeed as the limit has room for', async () => {
  const results = await Promise.all(
    Array.from({ length: 64 }, (_, i): Promise<CommitResult> => {
      const store = i % 2 === 0 ? one : two;
      return store.commit({ writes: [creation(`many-${i}`)], counters: [add('many', 1, 20)] });
    }),
  );
  assert.equal(results.filter(({ ok }) => ok).length, 20);
  assert.equal(await counted('many'), 20);
  await one.readBarrier();
  const stored = Array.from({ length: 64 }, (_, i) => one.cache('pods').get('default', `many-${i}`));
  assert.deepEqual(
    stored.map((object) => object !== undefined),
    results.map(({ ok }) => ok),
  );
});

test('a refusal names every counter that is exceeded, what is used and what was asked for', async () => {
  const first = await one.commit({
    writes: [creation('named-1')],
    counters: [add('cpu', 300, 1000), add('memory', 5, 8), add('pods', 1)],
  });
  assert.ok(first.ok);
  const second = creation('named-2');
  const counters = [add('cpu', 900, 1000), add('memory', 4, 8), add('pods', 1)];
  assert.deepEqual(await one.commit({ writes: [second], counters }), {
    ok: false,
    failure: {
      reason: 'exceeded',
      key: second.key,
      counters: [
        { counter: { namespace: 'web', name: 'cpu' }, used: 300, requested: 900, limit: 1000 },
        { counter: { namespace: 'web', name: 'memory' }, used: 5, requested: 4, limit: 8 },
      ],
    },
  });
  assert.deepEqual([await counted('cpu'), await counted('memory'), await counted('pods')], [300, 5, 1]);
});

test('a set that is refused for something else counts nothing, and others of its batch do', async () => {
  await one.commit({ writes: [creation('beside')] });
  const results = await Promise.all([
    one.commit({ writes: [creation('beside')], counters: [add('beside', 1, 1)] }),
    one.commit({ writes: [creation('beside-2')], counters: [add('beside', 1, 1)] }),
    one.commit({ writes: [creation('beside-3')] }),
    one.commit({ writes: [creation('beside-4')], counters: [add('beside', 1, 1)] }),
  ]);
  assert.deepEqual(
    results.map((result) => (result.ok ? 'ok' : result.failure.reason)),
    ['exists', 'ok', 'ok', 'exceeded'],
  );
  assert.equal(await counted('beside'), 1);
});

test('what goes gives back, also beyond a limit that was lowered', async () => {
  const { revisions } = (await one.commit({
    writes: [creation('back')],
    counters: [add('back', 5, 5)],
  })) as { revisions: number[] };
  const { uid } = one.cache('pods').get('default', 'back')!;
  assert.ok(revisions[0]! > 0 && uid !== '');
  const result = await one.commit({ writes: [deletion(one, 'back')], counters: [add('back', -2, 1)] });
  assert.ok(result.ok);
  assert.equal(await counted('back'), 3);
});

test('a sum stays within its bounds, whatever is added to it', async () => {
  const huge = Number.MAX_SAFE_INTEGER;
  for (let i = 0; i < 3; i++) {
    const counters = Array.from({ length: 400 }, () => add('huge', huge));
    assert.ok((await one.commit({ writes: [creation(`huge-${i}`)], counters })).ok);
  }
  assert.equal(await counted('huge'), LARGEST_SUM);
  const limited = { writes: [creation('huge-limited')], counters: [add('huge', 1, huge)] };
  assert.equal((await one.commit(limited)).ok, false);
  for (const name of ['huge-down', 'huge-deep']) {
    assert.ok((await one.commit({ writes: [creation(name)], counters: [add('huge', -LARGEST_SUM * 1.5)] })).ok);
  }
  assert.equal(await counted('huge'), -LARGEST_SUM);
});

test('counters of objects that are gone are forgotten, and no others', async () => {
  const write = creation('owner', {}, 'web');
  const names = [`of/${write.uid}/a`, 'of/nobody/a', `other/nobody/a`, 'of/nobody'];
  assert.ok((await one.commit({ writes: [write], counters: names.map((name) => add(name, 1)) })).ok);
  assert.equal(await two.dropOrphanedCounters('of/', 'pods'), 2);
  assert.deepEqual(await Promise.all(names.map(counted)), [1, undefined, 1, undefined]);
});
