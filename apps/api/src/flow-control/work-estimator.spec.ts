import assert from 'node:assert/strict';
import { request } from './testing/flow-objects.js';
import { WatchTracker } from './watch-tracker.js';
import { WorkEstimator } from './work-estimator.js';

function estimator(objects: number, bytes: number, watches = new WatchTracker()) {
  const items = Array.from({ length: Math.min(objects, 16) }, () => ({ bytes: Buffer.alloc(bytes) }));
  const entry = { verbs: new Set(['watch']), cache: { size: objects, list: () => ({ items }) } };
  return new WorkEstimator({ find: () => entry as never }, watches);
}

const asked = (more: object, query = '') => ({
  ...request({ name: '', ...more }),
  version: 'v1',
  query: new URLSearchParams(query),
});

describe('the seats of a request', () => {
  const rows: [string, number, number, object, string, number, number][] = [
    ['are one for a get', 5000, 1000, { verb: 'get', name: 'x' }, '', 0, 1],
    ['are one for a path', 5000, 1000, { isResourceRequest: false, verb: 'get' }, '', 0, 1],
    ['of a list go by its bytes', 500, 1000, { verb: 'list' }, '', 0, 5],
    ['of a list are never none', 0, 0, { verb: 'list' }, '', 0, 1],
    ['of a list go by its limit', 500, 1000, { verb: 'list' }, 'limit=150', 0, 2],
    ['of a list are bounded, as it is sent in parts', 50_000, 1000, { verb: 'list' }, '', 0, 10],
    ['of a list are bounded by its level', 50_000, 1000, { verb: 'list' }, '', 3, 3],
    ['of a list of one name are one', 5000, 1000, { verb: 'list', name: 'x' }, '', 0, 1],
    ['of a watch that begins with a list are those of the list', 500, 1000, { verb: 'watch' }, '', 0, 5],
    ['of a watch that resumes are one', 500, 1000, { verb: 'watch' }, 'resourceVersion=7', 0, 1],
    [
      'of a watch that asks for the state are those of a list',
      500,
      1000,
      { verb: 'watch' },
      'resourceVersion=7&sendInitialEvents=true',
      0,
      5,
    ],
    ['of a write that nobody watches are one', 5000, 1000, { verb: 'update', name: 'x' }, '', 0, 1],
  ];
  for (const [title, objects, bytes, more, query, maxSeats, expected] of rows) {
    test(title, () => {
      const { initialSeats, finalSeats } = estimator(objects, bytes).estimate(asked(more, query), maxSeats);
      assert.deepEqual([initialSeats, finalSeats], [expected, 0]);
    });
  }

  test('of a write stay taken for a while, by the watchers that are told', () => {
    const watches = new WatchTracker();
    const forget = Array.from({ length: 45 }, () => watches.register({ ...asked({ namespace: '' }) }));
    const write = () => estimator(0, 0, watches).estimate(asked({ verb: 'update', name: 'x' }), 0);
    assert.deepEqual(write(), { initialSeats: 1, finalSeats: 5, extraSeconds: 0.005, watchers: 45 });
    const narrow = estimator(0, 0, watches).estimate(asked({ verb: 'delete', name: 'x' }), 2);
    assert.deepEqual([narrow.finalSeats, narrow.extraSeconds], [2, 0.0125]);
    for (const each of forget) each?.();
    assert.deepEqual(write(), { initialSeats: 1, finalSeats: 0, extraSeconds: 0, watchers: 0 });
  });

  test('of a token are one, whoever watches accounts', () => {
    const watches = new WatchTracker();
    for (let i = 0; i < 50; i += 1) watches.register(asked({ resource: 'serviceaccounts', namespace: '' }));
    const token = { verb: 'create', resource: 'serviceaccounts', subresource: 'token', name: 'x' };
    assert.equal(estimator(0, 0, watches).estimate(asked(token), 0).finalSeats, 0);
  });
});

describe('the watches that a write is told to', () => {
  test('are those of its object, of its namespace, and of all', () => {
    const watches = new WatchTracker();
    for (const [namespace, name] of [
      ['', ''],
      ['a', ''],
      ['a', 'x'],
      ['b', ''],
      ['a', 'y'],
    ] as const) {
      watches.register(asked({ namespace, name }));
    }
    assert.equal(watches.interestedIn(asked({ namespace: 'a', name: 'x' })), 3);
    assert.equal(watches.interestedIn(asked({ namespace: 'b', name: 'x' })), 2);
    assert.equal(watches.interestedIn(asked({ resource: 'secrets', namespace: 'a', name: 'x' })), 0);
  });

  test('are not those of the pods of one node', () => {
    const watches = new WatchTracker();
    assert.equal(watches.register(asked({ namespace: '' }, 'fieldSelector=spec.nodeName%3Dnode-1')), undefined);
    assert.equal(watches.interestedIn(asked({ name: 'x' })), 0);
  });
});
