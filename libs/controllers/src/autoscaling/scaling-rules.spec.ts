import assert from 'node:assert/strict';
import type { HPAScalingRules } from '#kinds';
import { ScalingHistory } from './scaling-history.js';
import { limitedByBehavior, limitedByDefault, type ScaleEvent } from './scaling-rules.js';

const now = 1_700_000_000_000;

/** Pods per seconds, percent per seconds; zero: no such policy. */
type Policies = [pods: number, podsPeriod: number, percent: number, percentPeriod: number];
/** Changes that are spread evenly over so many seconds, the oldest first. */
type Changes = [] | [changes: number[], seconds: number];

const upDefault: Policies = [4, 15, 100, 15];
const downDefault: Policies = [0, 0, 100, 15];

function rulesOf([pods, podsPeriod, percent, percentPeriod]: Policies, selectPolicy = 'Max'): HPAScalingRules {
  const policies = [
    { type: 'Pods', value: pods, periodSeconds: podsPeriod },
    { type: 'Percent', value: percent, periodSeconds: percentPeriod },
  ];
  return { selectPolicy, policies: policies.filter(({ value }) => value > 0) };
}

function eventsOf([changes = [], seconds = 0]: Changes): ScaleEvent[] {
  const segment = seconds / changes.length;
  return changes.map((change, i) => ({
    change,
    time: now - Math.trunc(seconds - segment * (i + 1) + segment / 2) * 1000,
  }));
}

/** The cases of the reference's TestScalingWithRules, in its order. */
const table: [
  current: number,
  desired: number,
  min: number,
  max: number,
  up: Policies | undefined,
  down: Policies | undefined,
  added: Changes,
  removed: Changes,
  replicas: number,
  reason: string,
][] = [
  [5, 7, 3, 8, undefined, undefined, [], [], 7, 'DesiredWithinRange'],
  [3, 1, 2, 8, undefined, undefined, [], [], 2, 'TooFewReplicas'],
  [1, 0, 0, 10, undefined, undefined, [], [], 0, 'DesiredWithinRange'],
  [20, 1000, 1, 10, undefined, undefined, [], [], 10, 'TooManyReplicas'],
  [100, 1000, 100, 150, undefined, undefined, [], [], 150, 'TooManyReplicas'],
  [3, 1000, 1, 2000, [0, 0, 1, 60], undefined, [], [], 4, 'ScaleUpLimit'],
  [10, 50, 1, 1000, undefined, undefined, [], [], 20, 'ScaleUpLimit'],
  [10, 500, 1, 1000, [100, 60, 100, 60], undefined, [], [], 110, 'ScaleUpLimit'],
  [10, 500, 1, 1000, [2, 60, 100, 60], undefined, [], [], 20, 'ScaleUpLimit'],
  [10, 50, 1, 1000, [100, 60, 0, 0], undefined, [], [], 50, 'DesiredWithinRange'],
  [10, 50, 1, 1000, [10000, 60, 0, 0], undefined, [], [], 50, 'DesiredWithinRange'],
  [10, 50, 1, 1000, [30, 60, 0, 0], undefined, [], [], 40, 'ScaleUpLimit'],
  [10, 50, 1, 1000, [0, 0, 200, 60], undefined, [], [], 30, 'ScaleUpLimit'],
  [100, 2, 1, 1000, undefined, [20, 60, 1, 60], [], [], 80, 'ScaleDownLimit'],
  [100, 2, 1, 1000, undefined, [2, 60, 1, 60], [], [], 98, 'ScaleDownLimit'],
  [10, 0, 1, 1000, undefined, [100, 60, 0, 0], [], [], 1, 'TooFewReplicas'],
  [10, 2, 5, 1000, undefined, [0, 0, 100, 60], [], [], 5, 'TooFewReplicas'],
  [10, 2, 1, 1000, undefined, [5, 60, 0, 0], [], [], 5, 'ScaleDownLimit'],
  [10, 5, 1, 1000, undefined, [0, 0, 50, 60], [], [], 5, 'DesiredWithinRange'],
  [100, 500, 1, 200, [300, 60, 0, 0], undefined, [[1, 5, 9], 120], [], 200, 'TooManyReplicas'],
  [100, 500, 1, 200, [0, 0, 10000, 60], undefined, [[1, 5, 9], 120], [], 200, 'TooManyReplicas'],
  [100, 500, 1, 1000, [5, 120, 0, 0], undefined, [[1, 5, 9], 120], [], 100, 'ScaleUpLimit'],
  [100, 500, 1, 1000, [150, 120, 0, 0], undefined, [[1, 5, 9], 120], [], 235, 'ScaleUpLimit'],
  [100, 500, 1, 1000, [0, 0, 200, 120], undefined, [[1, 5, 9], 120], [], 255, 'ScaleUpLimit'],
  [6, 24, 1, 1000, [0, 0, 300, 300], undefined, [[4], 120], [[2], 120], 16, 'ScaleUpLimit'],
  [10, 5, 1, 1000, undefined, undefined, [], [[1, 5, 9], 120], 5, 'DesiredWithinRange'],
  [100, 0, 1, 1000, undefined, [115, 120, 0, 0], [], [[1, 5, 9], 120], 1, 'TooFewReplicas'],
  [100, 0, 5, 1000, undefined, [130, 120, 0, 0], [], [[1, 5, 9], 120], 5, 'TooFewReplicas'],
  [100, 2, 5, 1000, undefined, [0, 0, 100, 120], [], [[1, 5, 9], 120], 5, 'TooFewReplicas'],
  [100, 2, 1, 1000, undefined, [5, 120, 0, 0], [], [[1, 5, 9], 120], 100, 'ScaleDownLimit'],
  [100, 0, 1, 1000, undefined, [0, 0, 50, 120], [], [[2, 4, 6], 120], 56, 'ScaleDownLimit'],
  [10, 1, 1, 1000, undefined, [0, 0, 50, 180], [[2], 120], [[4], 120], 6, 'ScaleDownLimit'],
  [100, 0, 1, 1000, undefined, [0, 0, 10, 120], [], [[10, 10, 10], 120], 100, 'ScaleDownLimit'],
  [10, 5, 1, 1000, undefined, [0, 0, 1000, 120], [], [[10, 10, 10], 120], 5, 'DesiredWithinRange'],
  [100, 200, 1, 1000, [1000, 60, 0, 0], undefined, [[8, 12, 9, 11], 120], [], 200, 'DesiredWithinRange'],
  [100, 200, 1, 1000, [1000, 120, 100, 60], undefined, [[8, 12, 9, 11], 120], [], 200, 'DesiredWithinRange'],
  [100, 200, 1, 1000, [1000, 30, 100, 60], undefined, [[8, 12, 9, 11], 120], [], 200, 'DesiredWithinRange'],
  [100, 5, 1, 1000, undefined, [1000, 60, 0, 0], [], [[8, 12, 9, 11], 120], 5, 'DesiredWithinRange'],
  [100, 5, 1, 1000, undefined, [1000, 120, 100, 60], [], [[8, 12, 9, 11], 120], 5, 'DesiredWithinRange'],
  [100, 5, 1, 1000, undefined, [1000, 30, 100, 60], [], [[8, 12, 9, 11], 120], 5, 'DesiredWithinRange'],
];

describe('the rate of a behavior', () => {
  for (const [i, row] of table.entries()) {
    const [current, desired, min, max, up = upDefault, down = downDefault, added, removed, replicas, reason] = row;
    test(`${i}: from ${current} to ${desired} within ${min} and ${max} ends at ${replicas}`, () => {
      const rules = { up: rulesOf(up), down: rulesOf(down) };
      const history = { up: eventsOf(added), down: eventsOf(removed) };
      const limited = limitedByBehavior(desired, { current, min, max }, rules, history, now);
      assert.deepEqual([limited.replicas, limited.reason], [replicas, reason]);
    });
  }

  test('the policy that changes least counts when it is selected, and none when changes are disabled', () => {
    const limit = (desired: number, selectPolicy: string) => {
      const rules = { up: rulesOf([4, 60, 100, 60], selectPolicy), down: rulesOf([4, 60, 50, 60], selectPolicy) };
      return limitedByBehavior(desired, { current: 20, min: 1, max: 100 }, rules, { up: [], down: [] }, now).replicas;
    };
    assert.deepEqual(
      ['Max', 'Min', 'Disabled'].map((policy) => [limit(100, policy), limit(1, policy)]),
      [
        [40, 10],
        [24, 16],
        [20, 20],
      ],
    );
  });
});

describe('without a behavior', () => {
  const cases: [current: number, desired: number, min: number, max: number, replicas: number, reason: string][] = [
    [5, 7, 3, 8, 7, 'DesiredWithinRange'],
    [3, 1, 2, 8, 2, 'TooFewReplicas'],
    [1, 0, 0, 10, 0, 'DesiredWithinRange'],
    [20, 1000, 1, 10, 10, 'TooManyReplicas'],
    [3, 1000, 1, 2000, 6, 'ScaleUpLimit'],
    [1, 1000, 1, 2000, 4, 'ScaleUpLimit'],
  ];
  for (const [current, desired, min, max, replicas, reason] of cases) {
    test(`from ${current} to ${desired} within ${min} and ${max} ends at ${replicas}`, () => {
      const limited = limitedByDefault(desired, { current, min, max });
      assert.deepEqual([limited.replicas, limited.reason], [replicas, reason]);
    });
  }
});

describe('the windows of recommendations', () => {
  /** The reference's TestNormalizeDesiredReplicasWithBehavior; recommendations with their age in minutes. */
  const cases: [
    what: string,
    recommended: [replicas: number, minutes: number][],
    current: number,
    desired: number,
    upSeconds: number,
    downSeconds: number,
    replicas: number,
  ][] = [
    ['none', [], 100, 5, 0, 0, 5],
    [
      'down to the highest',
      [
        [4, 2],
        [5, 1],
      ],
      100,
      3,
      0,
      180,
      5,
    ],
    [
      'up to the lowest',
      [
        [4, 2],
        [5, 1],
      ],
      1,
      7,
      300,
      0,
      4,
    ],
    [
      'down without a window',
      [
        [1, 2],
        [2, 1],
      ],
      100,
      3,
      300,
      0,
      3,
    ],
    [
      'up without a window',
      [
        [4, 2],
        [5, 1],
      ],
      1,
      3,
      0,
      300,
      3,
    ],
    [
      'down past old ones',
      [
        [10, 10],
        [9, 9],
      ],
      100,
      3,
      0,
      0,
      3,
    ],
    [
      'up past old ones',
      [
        [10, 10],
        [9, 9],
      ],
      1,
      100,
      0,
      0,
      100,
    ],
    [
      'down, some of them old',
      [
        [10, 10],
        [9, 9],
        [5, 2],
        [4, 1],
      ],
      100,
      3,
      0,
      180,
      5,
    ],
    [
      'up, some of them old',
      [
        [10, 100],
        [9, 3],
        [5, 2],
        [6, 1],
      ],
      1,
      100,
      300,
      0,
      5,
    ],
    [
      'no way up when the proposal is down',
      [
        [2, 100],
        [3, 3],
      ],
      2,
      1,
      300,
      300,
      2,
    ],
    [
      'no way down when the proposal is up',
      [
        [2, 100],
        [1, 3],
      ],
      2,
      3,
      300,
      300,
      2,
    ],
  ];
  for (const [what, recommended, current, desired, up, down, replicas] of cases) {
    test(what, () => {
      // All remembered ones are told by proposals at their times; the widest window keeps them.
      const [first = [desired, 0], ...rest] = recommended;
      const history = new ScalingHistory(first[0], now - first[1] * 60_000);
      for (const [count, minutes] of rest) history.stabilized(count, count, 1e9, 1e9, now - minutes * 60_000);
      assert.equal(history.stabilized(desired, current, up * 1000, down * 1000, now), replicas);
    });
  }

  test('without a behavior the highest of five minutes counts', () => {
    const history = new ScalingHistory(4, now - 400_000);
    assert.equal(history.highest(9, 300_000, now - 301_000), 9);
    assert.equal(history.highest(5, 300_000, now - 100_000), 9);
    assert.equal(history.highest(3, 300_000, now), 5);
  });

  test('changes are remembered as long as some policy looks at them', () => {
    const history = new ScalingHistory(1, now);
    const rules = { up: rulesOf([4, 60, 100, 30]), down: rulesOf([0, 0, 100, 15]) };
    history.scaled(1, 5, rules, now - 70_000);
    history.scaled(5, 6, rules, now - 50_000);
    history.scaled(6, 9, rules, now);
    history.scaled(9, 2, rules, now);
    assert.deepEqual(
      [history.up, history.down].map((events) => events.map(({ change }) => change)),
      [[1, 3], [7]],
    );
  });
});

/** Numbers below `bound`, the same in each run. */
function randomNumbers(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
}

test('no rule leads out of the bounds, past the proposal, or the other way', () => {
  const below = randomNumbers(37);
  const policies = (): Policies => [below(9), 15 * (1 + below(8)), below(200), 15 * (1 + below(8))];
  const changes = () => Array.from({ length: below(4) }, () => ({ change: below(9), time: now - below(200_000) }));
  for (let i = 0; i < 5_000; i += 1) {
    const min = below(10);
    const max = min + 1 + below(90);
    const current = min + below(max - min + 1);
    const desired = below(150);
    const select = () => ['Max', 'Min', 'Disabled'][below(3)]!;
    const rules = { up: rulesOf(policies(), select()), down: rulesOf(policies(), select()) };
    const history = { up: changes(), down: changes() };
    const by = [
      limitedByBehavior(desired, { current, min, max }, rules, history, now),
      limitedByDefault(desired, { current, min, max }),
    ];
    for (const { replicas, reason } of by) {
      const seen = JSON.stringify({ i, min, max, current, desired, rules, history, replicas });
      assert.ok(replicas >= min && replicas <= max, seen);
      assert.ok(Math.abs(replicas - current) <= Math.abs(Math.min(Math.max(desired, min), max) - current), seen);
      assert.ok((replicas - current) * (desired - current) >= 0, seen);
      assert.equal(reason === 'DesiredWithinRange', replicas === desired, seen);
    }
  }
});
