import assert from 'node:assert/strict';
import type { Pod } from '#kinds';
import { buildPod, buildReplicaSet, type PodTraits } from '#testing';
import { deletionCost, podsToDelete } from './deletion-ranking.js';
import { type ReplicaOwner, type ReplicaStatus, replicaStatus } from './replicas.js';

/** The cases of the reference's own tests of ReplicaSets and ReplicationControllers. */

const NOW = Date.UTC(2030, 0, 1);
const STAMP = '2030-01-01T00:00:00Z';
const HOUR = 3600;

describe('the status of a set', () => {
  const labels = { name: 'foo', type: 'production' };
  const whole = (name: string, readySince: string | undefined = '2029-12-01T00:00:00Z') =>
    buildPod({ name, labels, readySince });
  const part = (name: string) => buildPod({ name, labels: { name: 'foo' }, readySince: '2029-12-01T00:00:00Z' });
  const leaving = (name: string) => buildPod({ name, labels, deleted: STAMP, readySince: STAMP });
  interface Case {
    what: string;
    active: Pod[];
    terminating?: Pod[];
    minReadySeconds?: number;
    expected: Omit<ReplicaStatus, 'observedGeneration'>;
  }
  const counts = (replicas: number, labelled: number, ready: number, available: number, terminating?: number) => ({
    replicas,
    ...(labelled > 0 && { fullyLabeledReplicas: labelled }),
    ...(ready > 0 && { readyReplicas: ready }),
    ...(available > 0 && { availableReplicas: available }),
    ...(terminating !== undefined && { terminatingReplicas: terminating }),
  });
  const CASES: Case[] = [
    { what: 'one pod with all labels', active: [whole('a')], terminating: [], expected: counts(1, 1, 1, 1, 0) },
    { what: 'one pod with some labels', active: [part('a')], terminating: [], expected: counts(1, 0, 1, 1, 0) },
    { what: 'two with all labels', active: [whole('a'), whole('b')], terminating: [], expected: counts(2, 2, 2, 2, 0) },
    { what: 'two with some labels', active: [part('a'), part('b')], terminating: [], expected: counts(2, 0, 2, 2, 0) },
    { what: 'one of each', active: [whole('a'), part('b')], terminating: [], expected: counts(2, 1, 2, 2, 0) },
    {
      what: 'one that is not ready',
      ...{ active: [buildPod({ labels, phase: 'Pending' })], terminating: [], expected: counts(1, 1, 0, 0, 0) },
    },
    {
      what: 'one that has just become ready',
      ...{ active: [whole('a', STAMP)], terminating: [], minReadySeconds: HOUR, expected: counts(1, 1, 1, 0, 0) },
    },
    {
      what: 'one that has been ready for just as long as it must',
      ...{ active: [whole('a', '2029-12-31T23:00:00Z')], minReadySeconds: HOUR, expected: counts(1, 1, 1, 1) },
    },
    {
      what: 'one that has been ready for longer',
      ...{ active: [whole('a', '2029-12-31T22:00:00Z')], minReadySeconds: HOUR, expected: counts(1, 1, 1, 1) },
    },
    {
      what: 'one, and two that end',
      ...{ active: [whole('a')], terminating: [leaving('b'), leaving('c')], expected: counts(1, 1, 1, 1, 2) },
    },
    { what: 'one of a ReplicationController', active: [whole('a')], expected: counts(1, 1, 1, 1) },
  ];
  test.each(CASES)('counts $what', ({ active, terminating, minReadySeconds, expected }) => {
    const owner = buildReplicaSet({ replicas: 1 }) as ReplicaOwner;
    owner.spec.template!.metadata!.labels = labels;
    owner.spec.minReadySeconds = minReadySeconds;
    const status = replicaStatus(owner, { active, terminating, now: NOW, timestamp: STAMP });
    assert.deepEqual(status, { ...expected, observedGeneration: 1 });
  });

  const said = { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: 'before' };
  test.each([
    ['comes with a failed creation', 1, undefined, true, ['FailedCreate', 'now']],
    ['comes with a failed deletion', 3, undefined, true, ['FailedDelete', 'now']],
    ['goes when nothing fails', 1, said, false, undefined],
    ['stays as it was said first', 1, said, true, ['FailedCreate', 'before']],
    ['is not there when nothing failed', 1, undefined, false, undefined],
  ])('the condition ReplicaFailure %s', (_, count, before, fails, expected) => {
    const owner = buildReplicaSet({ replicas: 2 }) as ReplicaOwner;
    owner.status = { ...owner.status!, conditions: before && [before] };
    const active = Array.from({ length: count }, (_, at) => whole(String(at)));
    const failure = fails ? new Error('now') : undefined;
    const [condition] = replicaStatus(owner, { active, failure, now: NOW, timestamp: STAMP }).conditions ?? [];
    assert.deepEqual(condition && [condition.reason, condition.message], expected);
  });
});

describe('the pods to delete', () => {
  const ready = { readySince: '2029-12-31T00:00:00Z' };
  const pods = {
    unscheduled: buildPod({ name: 'unscheduled', phase: 'Pending' }),
    pending: buildPod({ name: 'pending', phase: 'Pending', node: 'node' }),
    unready: buildPod({ name: 'unready', node: 'node' }),
    first: buildPod({ name: 'first', node: 'node-1', ...ready }),
    second: buildPod({ name: 'second', node: 'node-2', ...ready }),
  };
  type Name = keyof typeof pods;
  test.each([
    ['none of none', [], 0, [], undefined],
    ['all, in their order', ['unready', 'first'], 2, ['unready', 'first'], undefined],
    ['all of every phase', ['first', 'second', 'unready', 'pending'], 4, ['first', 'second', 'unready', 'pending'], []],
    ['one that is not ready', ['first', 'unready'], 1, ['unready'], undefined],
    ['one without a node', ['pending', 'unscheduled'], 1, ['unscheduled'], undefined],
    ['one that does not run', ['pending', 'unready'], 1, ['pending'], undefined],
    ['one with company on its node', ['first', 'second'], 1, ['second'], ['first', 'second', 'second']],
    [
      'those that serve least',
      ['first', 'second', 'unready', 'pending', 'unscheduled'],
      ...([3, ['unscheduled', 'pending', 'unready'], undefined] as const),
    ],
  ] as [string, Name[], number, Name[], Name[] | undefined][])('are %s', (_, names, count, expected, related) => {
    const of = (chosen: Name[]) => chosen.map((name) => pods[name]);
    const chosen = podsToDelete(of(names), of(related ?? names), count, NOW);
    assert.deepEqual(
      chosen.map(({ metadata }) => metadata.name),
      expected,
    );
  });

  const restarted = (name: string, restarts: number, sidecar: number, restartPolicy?: string): Pod => {
    const traits: PodTraits = { name, node: 'node', restarts, ...ready };
    const pod = buildPod({ ...traits, spec: { initContainers: [{ name: 'init', restartPolicy }] } });
    pod.status!.initContainerStatuses = [{ name: 'init', restartCount: sidecar } as any];
    return pod;
  };
  test.each([
    ['a sidecar that restarted more often', [2, 5, 'Always'], [2, 1, 'Always'], 'a'],
    ['restarts of containers before those of sidecars', [1, 9, 'Always'], [2, 0, 'Always'], 'b'],
    ['not those of other init containers', [2, 9, undefined], [2, 1, 'Always'], 'b'],
  ] as [string, [number, number, string?], [number, number, string?], string][])('count %s', (_, a, b, goes) => {
    const both = [restarted('a', ...a), restarted('b', ...b)];
    assert.equal(podsToDelete(both, both, 1, NOW)[0]!.metadata.name, goes);
  });

  test.each([
    ['10', 10],
    ['-10', -10],
    ['0', 0],
    ['-05', -5],
    ['+10', 0],
    ['008', 0],
    ['', 0],
    ['2147483647', 2147483647],
    ['2147483648', 0],
    ['1.5', 0],
  ])('cost what the annotation says: %j is %s', (text, cost) => {
    const annotations = { 'controller.kubernetes.io/pod-deletion-cost': text };
    assert.equal(deletionCost(buildPod({ annotations })), cost);
  });
});
