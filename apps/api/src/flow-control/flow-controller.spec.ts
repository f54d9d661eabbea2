import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { MetricsRegistry } from '#telemetry';
import { FlowController } from './flow-controller.js';
import { FlowMetrics } from './flow-metrics.js';
import { RetryAfter } from './retry-after.js';
import { everything, exemptLevel, level, request, schema, TestTime, user } from './testing/flow-objects.js';
import { Turns } from './turns.js';
import { WatchTracker } from './watch-tracker.js';
import { WorkEstimator } from './work-estimator.js';

const QUERY = new URLSearchParams();
const groups = (name: string) => [{ subjects: [{ kind: 'Group', group: { name } }], ...everything }];

function controller(seats = 100) {
  const registry = new MetricsRegistry();
  const time = new TestTime();
  const made = new FlowController({
    seats,
    mandatory: {
      levels: [exemptLevel(), level('catch-all', 5)],
      schemas: [
        schema('exempt', 'exempt', groups('system:masters'), { matchingPrecedence: 1 }),
        schema('catch-all', 'catch-all', groups('*'), { matchingPrecedence: 10_000 }),
      ],
    },
    estimator: new WorkEstimator({ find: () => undefined }, new WatchTracker()),
    metrics: new FlowMetrics(registry),
    clock: time.clock,
    turns: new Turns(1e9),
  });
  const start = (name: string, ...groupNames: string[]) =>
    made.start(user(name, ...groupNames), { ...request(), version: 'v1', query: QUERY }, () => {});
  const limits = () => Object.fromEntries([...made.state].map(([name, { queues }]) => [name, queues.limit]));
  return { made, start, time, limits, registry };
}

describe('the controller of flows', () => {
  test('works by the mandatory objects while the API has none', () => {
    const { start } = controller();
    assert.equal(start('root', 'system:masters').level.name, 'exempt');
    assert.equal(start('ann', 'system:authenticated').level.name, 'catch-all');
  });

  test('takes the first schema that matches, and none whose level is not there', () => {
    const { made, start } = controller();
    const own = schema('own', 'own', groups('a'), { matchingPrecedence: 5 });
    const other = schema('other', 'gone', groups('a'), { matchingPrecedence: 2 });
    made.configure([level('own', 10, [4, 2, 5])], [own, other]);
    const pass = start('ann', 'a');
    assert.deepEqual([pass.level.name, pass.schemaUid, pass.levelUid], ['own', 'uid-own', 'uid-own']);
  });

  test('ignores levels that make no sense', () => {
    const { made } = controller();
    const broken = level('broken', 10);
    broken.spec.type = 'Exempt';
    made.configure([broken], []);
    assert.deepEqual([...made.state.keys()].sort(), ['catch-all', 'exempt']);
  });

  test('divides the seats by shares', () => {
    const { made } = controller(100);
    made.configure([level('a', 15, [4, 2, 5]), level('b', 30, [4, 2, 5], { lendablePercent: 50 })], []);
    const of = (name: string) => {
      const { nominal, least, most } = made.state.get(name)!;
      return [nominal, least, most];
    };
    assert.deepEqual(of('catch-all'), [10, 10, 110]);
    assert.deepEqual(of('a'), [30, 30, 130]);
    assert.deepEqual(of('b'), [60, 30, 160]);
    made.configure([level('a', 15, [4, 2, 5], { borrowingLimitPercent: 10 })], []);
    assert.deepEqual(of('a'), [75, 75, 83]);
  });

  test('lends the seats of a level that does not need them', () => {
    const { made, start, time, limits } = controller(100);
    const lender = level('lender', 45, [4, 2, 50], { lendablePercent: 100 });
    const busy = level('busy', 50, [4, 2, 500]);
    made.configure([lender, busy], [schema('busy', 'busy', groups('a'))]);
    for (let i = 0; i < 90; i += 1) start(`u${i}`, 'a');
    time.now += 10;
    made.borrow();
    assert.ok(limits()['busy']! > 80, JSON.stringify(limits()));
    assert.ok(limits()['lender']! < 15, JSON.stringify(limits()));
  });

  test('a level whose object is gone serves its requests to the end', () => {
    const { made, start } = controller();
    made.configure([level('own', 10, [4, 2, 5])], [schema('own', 'own', groups('a'))]);
    const pass = start('ann', 'a');
    made.configure([], []);
    assert.ok(made.state.has('own'));
    assert.equal(start('ann', 'a').level.name, 'catch-all');
    made.finish(pass, false);
    assert.equal(made.state.has('own'), false);
  });

  test('counts what it does', async () => {
    const { made, start, registry } = controller(5);
    const passes = Array.from({ length: 7 }, () => start('ann'));
    assert.deepEqual(
      passes.map(({ outcome }) => outcome),
      ['begun', 'begun', 'begun', 'begun', 'begun', 'concurrency-limit', 'concurrency-limit'],
    );
    assert.equal(made.reject(passes[5]!, 'concurrency-limit'), 1);
    made.finish(passes[0]!, false);
    made.finish(passes[0]!, false);
    const text = await registry.render();
    const labels = 'priority_level="catch-all",flow_schema="catch-all"';
    for (const [metric, value] of [
      [`dispatched_requests_total{${labels}}`, 5],
      [`current_executing_requests{${labels}}`, 4],
      [`current_executing_seats{${labels}}`, 4],
      [`rejected_requests_total{${labels},reason="concurrency-limit"}`, 1],
      [`request_execution_seconds_count{${labels},type="regular"}`, 1],
      [`request_wait_duration_seconds_count{${labels},execute="true"}`, 5],
      [`nominal_limit_seats{priority_level="catch-all"}`, 5],
    ] as const) {
      assert.ok(text.includes(`\napiserver_flowcontrol_${metric} ${value}\n`), metric);
    }
  });
});

describe('turns', () => {
  test('let the rest of a flood wait, and serve a quiet flow of it first', async () => {
    let seconds = 0;
    const turns = new Turns(0);
    const made = new FlowController({
      seats: 600,
      mandatory: {
        levels: [exemptLevel(), level('catch-all', 5, [64, 6, 200])],
        schemas: [schema('catch-all', 'catch-all', groups('*'), { distinguisherMethod: { type: 'ByUser' } })],
      },
      estimator: new WorkEstimator({ find: () => undefined }, new WatchTracker()),
      metrics: new FlowMetrics(new MetricsRegistry()),
      // The same on a machine that is slow: a turn takes a tenth of a millisecond.
      clock: () => seconds,
      turns,
    });
    const aTurn = () => {
      seconds += 0.0001;
      return turn();
    };
    const begun: string[] = [];
    const open: ReturnType<typeof made.start>[] = [];
    const start = (name: string) => {
      const pass = made.start(user(name), { ...request(), version: 'v1', query: QUERY }, () => begun.push(name));
      if (pass.outcome === 'begun') begun.push(name);
      open.push(pass);
    };
    for (let i = 0; i < 100; i += 1) start('flood');
    assert.ok(begun.length < 10, String(begun.length));
    start('quiet');
    while (!begun.includes('quiet')) {
      for (const pass of open) made.finish(pass, false);
      await aTurn();
    }
    assert.ok(begun.length < 25, `${begun.length} were served first`);
    for (let i = 0; i < 200 && begun.length < 101; i += 1) {
      for (const pass of open) made.finish(pass, false);
      await aTurn();
    }
    assert.equal(begun.length, 101);
  });
});

describe('the time after which clients come again', () => {
  test('grows while many are rejected, and shrinks after that', () => {
    const retry = new RetryAfter();
    let now = 100;
    assert.equal(retry.rejected(now), 1);
    for (let i = 0; i < 5; i += 1) retry.rejected(now);
    now += 1;
    assert.equal(retry.rejected(now), 2);
    for (let second = 0; second < 20; second += 1) {
      now += 1;
      for (let i = 0; i < 300; i += 1) retry.rejected(now);
    }
    assert.equal(retry.rejected(now), 16);
    now += 1000;
    assert.equal(retry.rejected(now), 15);
  });
});
