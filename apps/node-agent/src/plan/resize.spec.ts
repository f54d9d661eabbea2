import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ResourceRequirements } from '#kinds';
import type { Container, Pod } from '../pod/pod.js';
import { newMemory, type PodMemory } from '../pod/pod-memory.js';
import { aContainer, anObserved, aPod, aSandbox, NOW, running } from '../testing/pod-builders.js';
import { plan } from './plan.js';
import { appliedTo, grant, type NodeRoom, pendingChanges, resizeInProgress } from './resize.js';

const cpu = (requests: string, limits?: string): ResourceRequirements => ({
  requests: { cpu: requests },
  ...(limits ? { limits: { cpu: limits } } : {}),
});
const podWith = (resources: ResourceRequirements, rest: Partial<Container> = {}, metadata: object = {}): Pod =>
  aPod({ containers: [aContainer('main', { resources, ...rest })] }, {}, metadata);
const room = (...others: Pod[]): NodeRoom => ({ allocatable: { cpu: '2', memory: '1Gi' }, others: () => others });
const observed = anObserved({ sandboxes: [aSandbox()], containers: [running('main')] });

/** A memory in which the container was started with these resources. */
function started(resources: ResourceRequirements): PodMemory {
  const memory = newMemory();
  memory.applied.set('main-1', resources);
  memory.cgroupReady = true;
  memory.volumes = 'ready';
  grant(podWith(resources), memory, room());
  return memory;
}

const stepsOf = (pod: Pod, memory: PodMemory) =>
  plan({ pod, removed: false, observed, memory, now: NOW }).steps.filter(({ type }) => /resize|kill/.test(type));

describe('What a resized pod is granted', () => {
  test('what it asks for, when the node has it', () => {
    const memory = started(cpu('100m'));
    const pod = podWith(cpu('500m', '1'));
    assert.equal(grant(pod, memory, room(podWith(cpu('1500m'), {}, { uid: 'other' }))), pod);
    assert.equal(memory.resizePending, undefined);
    assert.equal(resizeInProgress(pod, observed, memory), true);
  });

  test('what it has, while others use the rest, and all of it once they are gone', () => {
    const memory = started(cpu('100m'));
    const pod = podWith(cpu('600m'));
    const granted = grant(pod, memory, room(podWith(cpu('1500m'), {}, { uid: 'other' })));
    assert.deepEqual(granted.spec.containers[0]!.resources, cpu('100m'));
    assert.deepEqual(memory.resizePending, {
      reason: 'Deferred',
      message: "Node didn't have enough resource: cpu, requested: 600, used: 1500, capacity: 2000",
    });
    assert.equal(resizeInProgress(granted, observed, memory), false);
    assert.equal(grant(pod, memory, room()), pod);
    assert.equal(memory.resizePending, undefined);
  });

  test('never more than the node is', () => {
    const memory = started({ requests: { memory: '1Mi' } });
    grant(podWith({ requests: { memory: '2Gi' } }), memory, room());
    assert.deepEqual(memory.resizePending, {
      reason: 'Infeasible',
      message: "Node didn't have enough capacity: memory, requested: 2147483648, capacity: 1073741824",
    });
    grant(podWith({ requests: { memory: '1024Ki' } }), memory, room());
    assert.equal(memory.resizePending, undefined);
  });
});

describe('How a grant reaches the containers', () => {
  test('an unchanged pod needs nothing, also when the same amount is written differently', () => {
    const memory = started(cpu('500m'));
    const pod = grant(podWith(cpu('0.5')), memory, room());
    assert.deepEqual(stepsOf(pod, memory), []);
  });

  test('a running container is changed as it runs', () => {
    const memory = started(cpu('100m'));
    const pod = grant(podWith(cpu('200m')), memory, room());
    assert.deepEqual(stepsOf(pod, memory), [{ type: 'resizePod', key: 'resize' }]);
  });

  test('or started anew where its policy says so for what changes', () => {
    const resizePolicy = [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }];
    const memory = started(cpu('100m'));
    assert.equal(pendingChanges(podWith(cpu('200m'), { resizePolicy }), observed, memory)[0]?.restart, false);
    memory.cgroupStale = false;
    const pod = podWith({ requests: { cpu: '100m', memory: '1Mi' } }, { resizePolicy });
    const [kill, ...rest] = stepsOf(pod, memory);
    assert.equal(rest.length, 0);
    assert.equal(kill?.type === 'killContainer' && kill.message, 'Container main resize requires restart');
  });

  test('a change that failed waits', () => {
    const memory = started(cpu('100m'));
    const pod = grant(podWith(cpu('200m')), memory, room());
    memory.resizeFailure = { reason: 'Error', message: 'no', retryAt: NOW + 1000 };
    assert.deepEqual(stepsOf(pod, memory), []);
  });

  test('after a start of the agent the status tells what a container has', () => {
    const pod = aPod(
      { containers: [aContainer('main', { resources: cpu('200m') })] },
      { containerStatuses: [{ name: 'main', containerID: 'containerd://main-1', resources: cpu('100m') } as never] },
    );
    const memory = newMemory();
    assert.deepEqual(appliedTo(pod, memory, pod.spec.containers[0]!, observed.containers[0]!), cpu('100m'));
    grant(pod, memory, room());
    assert.equal(memory.cgroupStale, true);
  });
});
