import assert from 'node:assert/strict';
import type { DeploymentCondition, DeploymentStatus, ReplicaSet } from '#kinds';
import { buildDeployment, buildReplicaSet } from '#testing';
import { countStatus, findCondition, isComplete, rolloutStatus } from './deployment.status.js';

/** The cases of the reference's own tests of progress, completion and deadlines. */

const THEN = '2017-02-15T18:49:00Z';
const SECOND = 1000;
const now = Date.parse(THEN) + 90 * SECOND;
const NOW = '2017-02-15T18:50:30Z';
const NO_DEADLINE = 2 ** 31 - 1;

const condition = (reason: string, status: 'True' | 'False', time = THEN): DeploymentCondition => ({
  type: 'Progressing',
  ...{ status, reason, message: '', lastUpdateTime: time, lastTransitionTime: time },
});
const updated = condition('ReplicaSetUpdated', 'True');
const complete = condition('NewReplicaSetAvailable', 'True');
const timedOut = condition('ProgressDeadlineExceeded', 'False');

type Counts = readonly [replicas: number, updated: number, available: number, ready?: number];

const statusOf = ([replicas, updatedReplicas, availableReplicas, readyReplicas]: Counts): DeploymentStatus => ({
  observedGeneration: 1,
  ...{ replicas, updatedReplicas, availableReplicas, readyReplicas },
});

const setOf = (name: string, replicas: number, counted: number, available: number): ReplicaSet =>
  buildReplicaSet({ name, replicas, status: { replicas: counted, availableReplicas: available, readyReplicas: 0 } });

function deploymentOf(
  replicas: number,
  counts: Counts,
  deadline: number | undefined,
  conditions: DeploymentCondition[],
) {
  return buildDeployment({
    replicas,
    strategy: 'Recreate',
    spec: { progressDeadlineSeconds: deadline },
    status: { ...statusOf(counts), conditions },
  });
}

describe('the condition Progressing', () => {
  interface Case {
    what: string;
    replicas?: number;
    counts: Counts;
    deadline?: number;
    before: DeploymentCondition[];
    old?: ReplicaSet;
    created?: ReplicaSet;
    expected: [reason: string, status: string, lastUpdate: string, lastTransition: string] | undefined;
  }
  const moving = { counts: [2, 2, 2] as const, old: setOf('bar', 0, 1, 1), created: setOf('foo', 3, 2, 2) };
  const done = { counts: [3, 3, 3] as const, created: setOf('foo', 3, 3, 3) };
  const CASES: Case[] = [
    { what: 'goes when there is no deadline', ...moving, before: [updated], expected: undefined },
    {
      what: 'goes when the deadline is endless',
      ...moving,
      deadline: NO_DEADLINE,
      before: [updated],
      expected: undefined,
    },
    {
      what: 'stays when the roll-out was complete',
      ...{
        counts: [3, 3, 3],
        deadline: 60,
        before: [complete],
        old: setOf('bar', 3, 0, 3),
        created: setOf('foo', 3, 3, 3),
      },
      expected: ['NewReplicaSetAvailable', 'True', THEN, THEN],
    },
    {
      what: 'keeps its transition while it is True',
      ...{ ...moving, deadline: 60, before: [updated] },
      expected: ['ReplicaSetUpdated', 'True', NOW, THEN],
    },
    {
      what: 'changes whole when it was False',
      ...{ ...moving, deadline: 60, before: [timedOut] },
      expected: ['ReplicaSetUpdated', 'True', NOW, NOW],
    },
    {
      what: 'comes with the first progress',
      ...{ ...moving, deadline: 60, before: [] },
      expected: ['ReplicaSetUpdated', 'True', NOW, NOW],
    },
    {
      what: 'keeps its transition when the roll-out completes',
      ...{ ...done, deadline: 60, before: [updated] },
      expected: ['NewReplicaSetAvailable', 'True', NOW, THEN],
    },
    {
      what: 'changes whole when a failed roll-out completes',
      ...{ ...done, deadline: 60, before: [timedOut] },
      expected: ['NewReplicaSetAvailable', 'True', NOW, NOW],
    },
    {
      what: 'comes with completion',
      ...{ ...done, deadline: 60, before: [] },
      expected: ['NewReplicaSetAvailable', 'True', NOW, NOW],
    },
    {
      what: 'is complete without a new set, when no pod is wanted',
      ...{ replicas: 0, counts: [3, 3, 3], deadline: 60, before: [updated], old: setOf('foo', 0, 0, 0) },
      expected: ['NewReplicaSetAvailable', 'True', NOW, THEN],
    },
    {
      what: 'says that the deadline has passed',
      ...{ counts: [2, 2, 2], deadline: 60, before: [updated], created: setOf('foo', 3, 2, 2) },
      expected: ['ProgressDeadlineExceeded', 'False', NOW, NOW],
    },
    {
      what: 'says so once',
      ...{ counts: [2, 2, 2], deadline: 60, before: [timedOut], created: setOf('foo', 3, 2, 2) },
      expected: ['ProgressDeadlineExceeded', 'False', THEN, THEN],
    },
  ];
  // The pods of an old set that are left are progress against a status that counted them all as old ones.
  test.each(CASES)('$what', ({ replicas = 3, counts, deadline, before, old, created, expected }) => {
    const deployment = deploymentOf(replicas, counts, deadline, before);
    const { status } = rolloutStatus(deployment, created, old ? [old] : [], now, NOW);
    const found = findCondition(status, 'Progressing');
    const shown = found && [found.reason, found.status, found.lastUpdateTime, found.lastTransitionTime];
    assert.deepEqual(shown, expected);
  });
});

describe('a roll-out that does not move', () => {
  const at = (seconds: number) => Date.parse(THEN) + seconds * SECOND;
  const stuck: Counts = [3, 3, 1];
  // A second is added to what the reference computes, as it does when it queues.
  test.each([
    ['has no deadline', undefined, stuck, [updated], at(30), undefined],
    ['has an endless deadline', NO_DEADLINE, stuck, [updated], at(30), undefined],
    ['is complete', 60, [3, 3, 3], [complete], at(30), undefined],
    ['has failed', 60, stuck, [timedOut], at(30), undefined],
    ['is looked at when half of the time is over', 60, stuck, [updated], at(30), 31_000],
    ['is looked at a second before the deadline', 60, stuck, [updated], at(59), 2000],
    ['is looked at soon at the deadline', 60, stuck, [updated], at(60), 1000],
  ] as [string, number | undefined, Counts, DeploymentCondition[], number, number | undefined][])(
    '%s',
    (_, deadline, counts, conditions, time, expected) => {
      const created = setOf('foo', 3, counts[0], counts[2]);
      const deployment = deploymentOf(3, counts, deadline, conditions);
      // What the first look finds is written; the second one finds nothing new.
      const first = rolloutStatus(deployment, created, [], Date.parse(THEN), THEN).status;
      const kept = { ...first, conditions: withUpdate(first, conditions) };
      assert.equal(rolloutStatus({ ...deployment, status: kept }, created, [], time, THEN).checkAfter, expected);
    },
  );

  function withUpdate(status: DeploymentStatus, given: DeploymentCondition[]): DeploymentCondition[] {
    const others = (status.conditions ?? []).filter(({ type }) => type !== 'Progressing');
    return findCondition(status, 'Progressing') ? [...others, ...given] : others;
  }
});

test.each([
  ['not all pods are available', 5, [5, 5, 4], false],
  ['too few are available', 5, [5, 5, 3], false],
  ['all are new and available', 5, [5, 5, 5], true],
  ['not all are new', 5, [5, 4, 5], false],
  ['an old one is left', 1, [2, 1, 1], false],
  ['the only one never comes up', 1, [1, 1, 0], false],
] as [string, number, Counts, boolean][])('a roll-out of which %s', (_, replicas, counts, expected) => {
  assert.equal(isComplete(buildDeployment({ replicas, maxUnavailable: 1 }), statusOf(counts)), expected);
});

describe('progress', () => {
  // Replicas, updated, ready, available.
  type State = readonly [number, number, number, number];
  test.each([
    ['more new pods', [10, 4, 4, 4], [10, 6, 4, 4], true],
    ['nothing', [10, 4, 4, 4], [10, 4, 4, 4], false],
    ['fewer old pods', [10, 4, 6, 6], [8, 4, 6, 6], true],
    ['fewer new pods', [10, 7, 3, 3], [10, 6, 3, 3], false],
    ['fewer pods, of which more are new', [10, 4, 7, 7], [8, 8, 5, 5], true],
    ['more ready pods', [10, 10, 9, 8], [10, 10, 10, 8], true],
    ['more available pods', [10, 10, 10, 9], [10, 10, 10, 10], true],
  ] as [string, State, State, boolean][])('is %s', (_, [replicas, fresh, ready, available], after, expected) => {
    const before: DeploymentStatus = {
      ...{ replicas, updatedReplicas: fresh, readyReplicas: ready, availableReplicas: available },
      conditions: [condition('NewReplicaSetCreated', 'True')],
    };
    const deployment = buildDeployment({ replicas: 11, spec: { progressDeadlineSeconds: 600 }, status: before });
    const created = buildReplicaSet({
      name: 'new',
      replicas: after[1],
      status: { replicas: after[1], readyReplicas: after[2], availableReplicas: after[3] },
    });
    const old = buildReplicaSet({
      name: 'old',
      status: { replicas: after[0] - after[1], readyReplicas: 0, availableReplicas: 0 },
    });
    const { status } = rolloutStatus(deployment, created, [old], now, NOW);
    assert.equal(findCondition(status, 'Progressing')?.reason === 'ReplicaSetUpdated', expected);
  });
});

describe('pods that end', () => {
  const set = (name: string, terminating: number | undefined, observedGeneration: number | undefined = 1) =>
    buildReplicaSet({ name, status: { terminatingReplicas: terminating, observedGeneration } });
  const unsynced = buildReplicaSet({ name: 'unsynced', status: { observedGeneration: undefined } });
  test.each([
    ['of one set', [set('a', 3)], 3],
    ['of two sets', [set('a', 3), set('b', 1)], 4],
    ['of a set that nobody has reconciled yet', [unsynced], 0],
    ['of it and others', [set('a', 3), set('b', 1), unsynced], 4],
    ['are not known when a set does not say', [set('d', undefined)], undefined],
    ['are not known when one of several does not', [set('a', 3), unsynced, set('d', undefined)], undefined],
  ])('%s', (_, sets, expected) => {
    assert.equal(countStatus(buildDeployment(), undefined, sets, NOW).terminatingReplicas, expected);
  });
});
