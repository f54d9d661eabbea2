import assert from 'node:assert/strict';
import type { PodStatus } from '#kinds';
import type { ObservedPod } from '../observe/observed-pod.js';
import type { Pod } from '../pod/pod.js';
import {
  aContainer,
  aMemory,
  anObserved,
  aPod,
  aSandbox,
  exited,
  type MemoryDraft,
  NOW,
  running,
} from '../testing/pod-builders.js';
import { podStatus } from './pod-status.js';
import { statusPatch } from './status-writer.js';

function statusOf(pod: Pod, observed: ObservedPod, change?: (memory: MemoryDraft) => void): PodStatus {
  const memory = aMemory(change);
  return podStatus({ pod, observed, memory, now: NOW, runtimeName: 'containerd', hostIPs: ['192.0.2.1'] });
}

const condition = (status: PodStatus, type: string) => status.conditions?.find((candidate) => candidate.type === type);

test('a pod that has just come waits with ContainerCreating', () => {
  const status = statusOf(aPod(), anObserved());
  assert.equal(status.phase, 'Pending');
  assert.equal(status.startTime, '2026-01-01T00:00:00Z');
  assert.deepEqual(status.containerStatuses?.[0]?.state, { waiting: { reason: 'ContainerCreating' } });
  assert.equal(condition(status, 'PodReadyToStartContainers')?.status, 'False');
  assert.equal(condition(status, 'Ready')?.message, 'containers with unready status: [main]');
  assert.equal(condition(status, 'Ready')?.observedGeneration, 1);
});

test('a resize that is over takes its conditions along', () => {
  const passing = { type: 'PodResizeInProgress', status: 'True' as const };
  const foreign = { type: 'example.com/ready', status: 'True' as const };
  const old = aPod({}, { conditions: [passing, foreign] });
  const status = statusOf(old, anObserved());
  assert.equal(condition(status, 'PodResizeInProgress'), undefined);
  assert.ok(condition(status, 'example.com/ready'));
  const patch = statusPatch('uid-1', old.status, status) as { status: { conditions: object[] } };
  assert.deepEqual(patch.status.conditions.at(-1), { $patch: 'delete', type: 'PodResizeInProgress' });
  const waiting = statusOf(aPod(), anObserved(), (memory) => {
    memory.resizePending = { reason: 'Deferred', message: 'no room' };
  });
  assert.equal(condition(waiting, 'PodResizePending')?.reason, 'Deferred');
});

test('behind init containers it waits with PodInitializing', () => {
  const pod = aPod({ initContainers: [aContainer('one'), aContainer('two')] });
  const status = statusOf(pod, anObserved({ sandboxes: [aSandbox()], containers: [exited('one', 0)] }));
  assert.equal(status.containerStatuses?.[0]?.state?.waiting?.reason, 'PodInitializing');
  assert.equal(status.initContainerStatuses?.[0]?.ready, true);
  assert.equal(condition(status, 'Initialized')?.message, 'containers with incomplete status: [two]');
  assert.equal(status.phase, 'Pending');
});

test('a running pod has its address and is ready', () => {
  const status = statusOf(aPod(), anObserved({ sandboxes: [aSandbox()], containers: [running('main')] }));
  assert.equal(status.phase, 'Running');
  assert.equal(status.podIP, '10.0.0.9');
  assert.equal(condition(status, 'Ready')?.status, 'True');
  assert.equal(status.containerStatuses?.[0]?.containerID, 'containerd://main-1');
});

test('a readiness gate that nobody answered keeps the pod unready', () => {
  const pod = aPod({ readinessGates: [{ conditionType: 'example.com/ok' }] });
  const status = statusOf(pod, anObserved({ sandboxes: [aSandbox()], containers: [running('main')] }));
  assert.equal(condition(status, 'ContainersReady')?.status, 'True');
  assert.equal(condition(status, 'Ready')?.reason, 'ReadinessGatesNotReady');
});

test('a container that waits for its next start shows how it ended', () => {
  const observed = anObserved({ sandboxes: [aSandbox()], containers: [exited('main', 7, { restartCount: 2 })] });
  const status = statusOf(aPod({}, { phase: 'Running' }), observed, (memory) => {
    memory.backoffs.set('main', { delay: 20_000, raisedAt: NOW - 10_000 });
  });
  const [main] = status.containerStatuses!;
  assert.equal(main!.state?.waiting?.reason, 'CrashLoopBackOff');
  assert.match(
    main!.state!.waiting!.message!,
    /^back-off 20s restarting failed container=main pod=web_default\(uid-1\)$/,
  );
  assert.equal(main!.lastState?.terminated?.exitCode, 7);
  assert.equal(main!.restartCount, 2);
  assert.equal(status.phase, 'Running');
});

test('phases at the end', () => {
  const never = (containers: ObservedPod['containers']) =>
    statusOf(aPod({ restartPolicy: 'Never' }, { phase: 'Running' }), anObserved({ containers })).phase;
  assert.equal(never([exited('main', 0)]), 'Succeeded');
  assert.equal(never([exited('main', 1)]), 'Failed');
  assert.equal(never([running('main')]), 'Running');
});

test('a deleted pod whose containers stopped is over, whatever its policy', () => {
  const metadata = { deletionTimestamp: '2026-01-01T00:00:30Z' };
  const status = statusOf(aPod({}, { phase: 'Running' }, metadata), anObserved({ containers: [exited('main', 143)] }));
  assert.equal(status.phase, 'Failed');
});

test('the messages of many containers share what a pod may say', () => {
  const names = ['main', 'b', 'c', 'd'];
  const pod = aPod({ restartPolicy: 'Never', containers: names.map((name) => ({ name, image: 'i' })) });
  const observed = anObserved({ containers: names.map((name) => exited(name, 1)) });
  const status = statusOf(pod, observed, (memory) => {
    memory.terminationMessages.set('main-1', 'x'.repeat(4096)).set('b-1', 'short');
  });
  const lengths = status.containerStatuses!.map(({ state }) => state?.terminated?.message?.length);
  assert.deepEqual(lengths.slice(0, 2), [3072, 5]);
});

test('the kernel killed it for memory', () => {
  const observed = anObserved({ containers: [exited('main', 137)] });
  const status = statusOf(aPod({ restartPolicy: 'Never' }), observed, (memory) => memory.outOfMemory.add('main-1'));
  assert.equal(status.containerStatuses?.[0]?.state?.terminated?.reason, 'OOMKilled');
});

test('a patch names what changed, and removes texts that no longer hold', () => {
  const waiting = statusOf(aPod(), anObserved());
  const ready = statusOf(aPod({}, waiting), anObserved({ sandboxes: [aSandbox()], containers: [running('main')] }));
  const patch = statusPatch('uid-1', waiting, ready) as { metadata: object; status: PodStatus };
  assert.deepEqual(patch.metadata, { uid: 'uid-1' });
  assert.equal(patch.status.startTime, undefined);
  const changed = patch.status.conditions!.find(({ type }) => type === 'Ready') as unknown as Record<string, unknown>;
  assert.equal(changed['reason'], null);
  assert.equal(statusPatch('uid-1', ready, ready), undefined);
});

test('a new address replaces the old one', () => {
  const old = { podIPs: [{ ip: '10.0.0.1' }] };
  const patch = statusPatch('uid-1', old, { podIPs: [{ ip: '10.0.0.2' }] }) as { status: { podIPs: object[] } };
  assert.deepEqual(patch.status.podIPs, [{ ip: '10.0.0.2' }, { $patch: 'replace' }]);
});

test('of a pod that was refused only that is told', () => {
  const scheduled = { type: 'PodScheduled', status: 'True' as const };
  const status = statusOf(aPod({}, { qosClass: 'BestEffort', conditions: [scheduled] }), anObserved(), (memory) => {
    memory.admitted = false;
    memory.failed = { reason: 'OutOfcpu', message: 'Pod was rejected: no room' };
  });
  const { phase, reason, message, containerStatuses, conditions } = status;
  assert.deepEqual(
    { phase, reason, message },
    { phase: 'Failed', reason: 'OutOfcpu', message: 'Pod was rejected: no room' },
  );
  assert.deepEqual([containerStatuses, conditions], [undefined, [scheduled]]);
});

test('a victim of the node says so once, whoever said it before', () => {
  const before = { type: 'DisruptionTarget', status: 'False' as const };
  const status = statusOf(aPod({}, { conditions: [before] }), anObserved(), (memory) => {
    memory.failed = { reason: 'Evicted', message: 'low', disruption: 'The node was low' };
  });
  const told = status.conditions?.filter(({ type }) => type === 'DisruptionTarget');
  assert.deepEqual(
    told?.map((entry) => [entry.status, entry.message]),
    [['True', 'The node was low']],
  );
});
