import assert from 'node:assert/strict';
import { buildPod, buildReplicaSet, type PodTraits } from '#testing';
import { labelMatcher } from '../indexes.js';
import { decideClaim } from './controller-ref.js';
import { podsToDelete } from './deletion-ranking.js';
import { slowStart } from './pod-control.js';
import { BURST_REPLICAS, replicaDifference, replicaStatus } from './replicas.js';

const NOW = Date.UTC(2030, 0, 1);
const READY = '2029-12-31T12:00:00Z';

describe('podsToDelete', () => {
  const running: PodTraits = { node: 'n', readySince: READY };
  const cases: [rule: string, goes: PodTraits, stays: PodTraits][] = [
    ['unassigned before assigned', {}, running],
    ['pending before running', { node: 'n', phase: 'Pending' }, { node: 'n' }],
    ['not ready before ready', { node: 'n' }, running],
    ['cheap before dear', { ...running, annotations: { 'controller.kubernetes.io/pod-deletion-cost': '-5' } }, running],
    ['ready for a short time before long', { ...running, readySince: '2029-12-31T23:59:00Z' }, running],
    ['many restarts before few', { ...running, restarts: 3 }, running],
    [
      'young before old',
      { ...running, created: '2029-12-31T23:00:00Z' },
      { ...running, created: '2020-01-01T00:00:00Z' },
    ],
  ];
  for (const [rule, goes, stays] of cases) {
    it(`takes ${rule}`, () => {
      const pods = [buildPod({ name: 'stays', ...stays }), buildPod({ name: 'goes', ...goes })];
      assert.deepEqual(
        podsToDelete(pods, pods, 1, NOW).map((pod) => pod.metadata.name),
        ['goes'],
      );
    });
  }

  it('takes the pod with more company on its node', () => {
    const pods = [
      buildPod({ name: 'a', node: 'lonely', readySince: READY }),
      buildPod({ name: 'b', node: 'busy', readySince: READY }),
    ];
    const related = [...pods, buildPod({ name: 'c', node: 'busy', readySince: READY })];
    assert.equal(podsToDelete(pods, related, 1, NOW)[0]?.metadata.name, 'b');
  });
});

describe('decideClaim', () => {
  const owner = buildReplicaSet({ name: 'mine' });
  const leaving = { ...owner, metadata: { ...owner.metadata, deletionTimestamp: READY } };
  const mine = buildPod({ owner: { uid: 'uid-mine' } });
  const cases: [
    name: string,
    owner: typeof owner,
    pod: ReturnType<typeof buildPod>,
    matches: boolean,
    claim: string,
  ][] = [
    ['owned and matching', owner, mine, true, 'owned'],
    ['owned, not matching', owner, mine, false, 'release'],
    ['owned, not matching, owner leaves', leaving, mine, false, 'ignore'],
    ["another's", owner, buildPod({ owner: { uid: 'other' } }), true, 'ignore'],
    ['orphan and matching', owner, buildPod(), true, 'adopt'],
    ['orphan being deleted', owner, buildPod({ deleted: READY }), true, 'ignore'],
    ['orphan, owner leaves', leaving, buildPod(), true, 'ignore'],
  ];
  for (const [name, who, pod, matches, claim] of cases) {
    it(`${name}: ${claim}`, () => assert.equal(decideClaim(who, pod, matches), claim));
  }
});

describe('replicas', () => {
  it('creates or deletes the difference, in bursts', () => {
    assert.equal(replicaDifference(buildReplicaSet({ replicas: 3 }) as any, 1), 2);
    assert.equal(replicaDifference(buildReplicaSet({ replicas: 1 }) as any, 3), -2);
    assert.equal(replicaDifference(buildReplicaSet({ replicas: 10_000 }) as any, 0), BURST_REPLICAS);
  });

  it('counts ready and available pods apart', () => {
    const owner = buildReplicaSet({ replicas: 2 }) as any;
    owner.spec.minReadySeconds = 60;
    const active = [
      buildPod({ name: 'a', labels: { app: 'web' }, readySince: '2029-12-31T23:59:30Z' }),
      buildPod({ name: 'b', readySince: '2029-12-31T23:58:00Z' }),
      buildPod({ name: 'c' }),
    ];
    const status = replicaStatus(owner, { active, terminating: [], now: NOW, timestamp: READY });
    assert.deepEqual(status, {
      replicas: 3,
      fullyLabeledReplicas: 1,
      readyReplicas: 2,
      availableReplicas: 1,
      terminatingReplicas: 0,
      observedGeneration: 1,
    });
  });

  it('reports a failure, and takes it back', () => {
    const owner = buildReplicaSet({ replicas: 2 }) as any;
    const input = { active: [], now: NOW, timestamp: READY };
    const failed = replicaStatus(owner, { ...input, failure: new Error('no quota') });
    assert.deepEqual(failed.conditions, [
      {
        type: 'ReplicaFailure',
        status: 'True',
        reason: 'FailedCreate',
        message: 'no quota',
        lastTransitionTime: READY,
      },
    ]);
    assert.equal(replicaStatus({ ...owner, status: failed }, input).conditions, undefined);
  });
});

describe('slowStart', () => {
  it('doubles its batches, and stops after the first that fails', async () => {
    let calls = 0;
    const all = await slowStart(10, async () => calls++);
    assert.deepEqual([all.successes, calls], [10, 10]);
    calls = 0;
    const some = await slowStart(100, async () => {
      if (++calls > 3) throw new Error('full');
    });
    assert.equal(some.successes, 3);
    assert.equal(calls, 7);
    assert.equal((some.error as Error).message, 'full');
  });
});

describe('labelMatcher', () => {
  it('reads every operator', () => {
    const matches = labelMatcher({
      matchLabels: { app: 'web' },
      matchExpressions: [
        { key: 'tier', operator: 'In', values: ['a', 'b'] },
        { key: 'env', operator: 'NotIn', values: ['test'] },
        { key: 'x', operator: 'Exists' },
        { key: 'y', operator: 'DoesNotExist' },
      ],
    })!;
    assert.equal(matches({ app: 'web', tier: 'a', x: '' }), true);
    assert.equal(matches({ app: 'web', tier: 'c', x: '' }), false);
    assert.equal(matches({ app: 'web', tier: 'a', x: '', env: 'test' }), false);
    assert.equal(matches({ app: 'web', tier: 'a' }), false);
    assert.equal(matches({ app: 'web', tier: 'a', x: '', y: '' }), false);
  });

  it('matches all when empty, nothing when absent', () => {
    assert.equal(labelMatcher({})!(undefined), true);
    assert.equal(labelMatcher(undefined)!({ a: 'b' }), false);
    assert.equal(labelMatcher({ matchExpressions: [{ key: 'a', operator: 'Near' as any }] }), undefined);
  });
});
