import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { ReplicaSet } from '#kinds';
import { buildDeployment, buildReplicaSet } from '#testing';
import {
  fenceposts,
  isScalingEvent,
  maxUnavailable,
  planHistoryCleanup,
  planRollingUpdate,
  planScaling,
  type Resize,
} from './deployment.sizing.js';

const told = (desired: number, max = desired + 1) => ({
  'deployment.kubernetes.io/desired-replicas': String(desired),
  'deployment.kubernetes.io/max-replicas': String(max),
});
const show = (resizes: Resize[]) => resizes.map(({ set, replicas }) => `${set.metadata.name}=${replicas}`).join(' ');

describe('fenceposts', () => {
  const cases: [replicas: number, surge: number | string, unavailable: number | string, expected: [number, number]][] =
    [
      [10, '25%', '25%', [3, 2]],
      [1, '25%', '25%', [1, 0]],
      [2, '0%', '1%', [0, 1]],
      [10, 0, 3, [0, 3]],
      [3, 2, 0, [2, 0]],
    ];
  for (const [replicas, maxSurge, unavailable, [surge, down]] of cases) {
    it(`of ${replicas} with surge ${maxSurge} and unavailable ${unavailable} are ${surge} and ${down}`, () => {
      const deployment = buildDeployment({ replicas, maxSurge, maxUnavailable: unavailable });
      assert.deepEqual(fenceposts(deployment), { surge, unavailable: down });
    });
  }
});

describe('planRollingUpdate', () => {
  interface Case {
    name: string;
    replicas: number;
    surge: number;
    unavailable: number;
    new: [size: number, available: number];
    old: [size: number, available: number][];
    expected: string;
  }
  const cases: Case[] = [
    {
      name: 'grows the new set as far as the surge allows',
      replicas: 10,
      surge: 3,
      unavailable: 2,
      new: [0, 0],
      old: [[10, 10]],
      expected: 'new=3',
    },
    {
      name: 'shrinks the old set when the surge is used up',
      replicas: 10,
      surge: 3,
      unavailable: 2,
      new: [3, 0],
      old: [[10, 10]],
      expected: 'old0=8',
    },
    {
      name: 'waits when neither is allowed',
      replicas: 10,
      surge: 3,
      unavailable: 2,
      new: [5, 0],
      old: [[8, 8]],
      expected: '',
    },
    {
      name: 'removes unhealthy old pods first',
      replicas: 10,
      surge: 0,
      unavailable: 2,
      new: [0, 0],
      old: [
        [5, 5],
        [5, 3],
      ],
      expected: 'old1=3',
    },
    {
      name: 'counts new pods that are not available against the old',
      replicas: 3,
      surge: 1,
      unavailable: 0,
      new: [1, 0],
      old: [[3, 3]],
      expected: '',
    },
    {
      name: 'swaps one for one when the new pod is there',
      replicas: 3,
      surge: 1,
      unavailable: 0,
      new: [1, 1],
      old: [[3, 3]],
      expected: 'old0=2',
    },
    {
      name: 'shrinks a new set that is too large',
      replicas: 2,
      surge: 1,
      unavailable: 0,
      new: [4, 4],
      old: [],
      expected: 'new=2',
    },
    { name: 'does nothing when done', replicas: 2, surge: 1, unavailable: 0, new: [2, 2], old: [[0, 0]], expected: '' },
  ];
  for (const test of cases) {
    it(test.name, () => {
      const deployment = buildDeployment({
        replicas: test.replicas,
        maxSurge: test.surge,
        maxUnavailable: test.unavailable,
      });
      const newSet = buildReplicaSet({ name: 'new', replicas: test.new[0], available: test.new[1] });
      const old = test.old.map(([replicas, available], index) =>
        buildReplicaSet({ name: `old${index}`, replicas, available, created: `2029-12-0${index + 1}T00:00:00Z` }),
      );
      assert.equal(show(planRollingUpdate(deployment, newSet, old)), test.expected);
    });
  }

  it('always ends with the new set alone, within surge and availability, when pods come up', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 0, max: 8 }),
        fc.integer({ min: 0, max: 8 }),
        fc.array(fc.integer({ min: 0, max: 10 }), { maxLength: 3 }),
        (replicas, surge, unavailable, olds) => {
          const deployment = buildDeployment({ replicas, maxSurge: surge, maxUnavailable: unavailable });
          let newSet = buildReplicaSet({ name: 'new' });
          let oldSets = olds.map((size, index) => buildReplicaSet({ name: `old${index}`, replicas: size }));
          const floor = Math.min(
            replicas - maxUnavailable(deployment),
            olds.reduce((sum, size) => sum + size, 0),
          );
          for (let step = 0; step < 500; step++) {
            const plan = planRollingUpdate(deployment, newSet, oldSets);
            if (plan.length === 0) break;
            for (const { set, replicas: size } of plan) {
              const resized = buildReplicaSet({ name: set.metadata.name, replicas: size });
              if (set === newSet) newSet = resized;
              else oldSets = oldSets.map((old) => (old === set ? resized : old));
            }
            const total = [newSet, ...oldSets].reduce((sum, set) => sum + set.spec.replicas!, 0);
            assert.ok(total >= floor, `${total} pods are fewer than ${floor}`);
          }
          assert.equal(newSet.spec.replicas, replicas);
          assert.ok(oldSets.every((set) => set.spec.replicas === 0));
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('planScaling', () => {
  const set = (name: string, replicas: number, annotations: Record<string, string>, created = '2029-12-31T00:00:00Z') =>
    buildReplicaSet({ name, replicas, annotations, created });

  it('gives everything to the only active set', () => {
    const only = set('new', 3, told(3));
    assert.equal(show(planScaling(buildDeployment({ replicas: 5 }), only, []).resizes), 'new=5');
  });

  it('scales the newest set when none is active', () => {
    const old = [set('old', 0, told(3), '2029-01-01T00:00:00Z'), set('older', 0, told(3), '2028-01-01T00:00:00Z')];
    assert.equal(show(planScaling(buildDeployment({ replicas: 2 }), undefined, old).resizes), 'old=2');
  });

  it('shares growth in proportion, in the middle of a rollout', () => {
    const deployment = buildDeployment({ replicas: 20, maxSurge: 0, maxUnavailable: 2 });
    const plan = planScaling(deployment, set('new', 2, told(10, 10)), [set('old', 8, told(10, 10))]);
    assert.equal(show(plan.resizes), 'old=16 new=4');
    assert.equal(plan.force, true);
  });

  it('shares shrinking in proportion, leftovers to the largest', () => {
    const deployment = buildDeployment({ replicas: 5, maxSurge: 0, maxUnavailable: 2 });
    const plan = planScaling(deployment, set('new', 3, told(10, 10)), [set('old', 7, told(10, 10))]);
    assert.equal(show(plan.resizes), 'old=3 new=2');
  });

  it('empties old sets that are adopted once the new one is saturated', () => {
    const deployment = buildDeployment({ replicas: 3 });
    const plan = planScaling(deployment, set('new', 3, told(3)), [set('old', 2, told(3))]);
    assert.equal(show(plan.resizes), 'old=0');
  });
});

describe('isScalingEvent', () => {
  it('compares the size that active sets were told with the wanted one', () => {
    const active = buildReplicaSet({ replicas: 1, annotations: told(3) });
    assert.equal(isScalingEvent(buildDeployment({ replicas: 3 }), [active]), false);
    assert.equal(isScalingEvent(buildDeployment({ replicas: 4 }), [active]), true);
    assert.equal(isScalingEvent(buildDeployment({ replicas: 4 }), [buildReplicaSet({ annotations: told(3) })]), false);
  });

  it('is none while Recreate has a second set, which the roll-out takes away', () => {
    const sets = ['one', 'two'].map((name) => buildReplicaSet({ name, replicas: 6, annotations: told(6) }));
    assert.equal(isScalingEvent(buildDeployment({ replicas: 7 }), sets), true);
    assert.equal(isScalingEvent(buildDeployment({ replicas: 7, strategy: 'Recreate' }), sets), false);
  });
});

describe('planHistoryCleanup', () => {
  const revision = (set: ReplicaSet) => BigInt(set.metadata.annotations!['revision']!);
  const old = (name: string, traits: Parameters<typeof buildReplicaSet>[0] = {}) =>
    buildReplicaSet({ name, annotations: { revision: name }, ...traits });

  it('removes the oldest empty sets beyond the limit', () => {
    const deployment = buildDeployment({ spec: { revisionHistoryLimit: 1 } });
    const plan = planHistoryCleanup(deployment, [old('3'), old('1'), old('2')], revision);
    assert.deepEqual(
      plan.map((set) => set.metadata.name),
      ['1', '2'],
    );
  });

  it('spares sets with pods or an unseen generation', () => {
    const deployment = buildDeployment({ spec: { revisionHistoryLimit: 0 } });
    const sets = [old('1', { status: { replicas: 1 } }), old('2', { status: { observedGeneration: 0 } })];
    assert.deepEqual(planHistoryCleanup(deployment, sets, revision), []);
  });
});
