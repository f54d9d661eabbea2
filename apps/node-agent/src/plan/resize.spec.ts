import assert from 'node:assert/strict';
import type { ResourceRequirements } from '#kinds';
import type { Container, Pod } from '../pod/pod.js';
import type { PodMemory } from '../pod/pod-memory.js';
import { aContainer, aMemory, anObserved, aPod, aSandbox, NOW, running } from '../testing/pod-builders.js';
import { remember } from './outcomes.js';
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
  const memory = aMemory((draft) => {
    draft.applied.set('main-1', resources);
    draft.cgroupReady = true;
  });
  return granting(podWith(resources), memory).memory;
}

/** The pod and the memory after a grant. */
function granting(pod: Pod, memory: PodMemory, nodeRoom = room()): { pod: Pod; memory: PodMemory } {
  const { pod: granted, change } = grant(pod, memory, nodeRoom);
  return { pod: granted, memory: aMemory(undefined, { ...memory, ...change }) };
}

const stepsOf = (pod: Pod, memory: PodMemory) =>
  plan({ pod, removed: false, observed, memory, now: NOW }).steps.filter(({ type }) => /resize|kill/.test(type));

describe('What a resized pod is granted', () => {
  test('what it asks for, when the node has it', () => {
    const pod = podWith(cpu('500m', '1'));
    const after = granting(pod, started(cpu('100m')), room(podWith(cpu('1500m'), {}, { uid: 'other' })));
    assert.equal(after.pod, pod);
    assert.equal(after.memory.resizePending, undefined);
    assert.equal(resizeInProgress(pod, observed, after.memory), true);
  });

  test('what it has, while others use the rest, and all of it once they are gone', () => {
    const pod = podWith(cpu('600m'));
    const full = granting(pod, started(cpu('100m')), room(podWith(cpu('1500m'), {}, { uid: 'other' })));
    assert.deepEqual(full.pod.spec.containers[0]!.resources, cpu('100m'));
    assert.deepEqual(full.memory.resizePending, {
      reason: 'Deferred',
      message: "Node didn't have enough resource: cpu, requested: 600, used: 1500, capacity: 2000",
    });
    assert.equal(resizeInProgress(full.pod, observed, full.memory), false);
    const free = granting(pod, full.memory);
    assert.equal(free.pod, pod);
    assert.equal(free.memory.resizePending, undefined);
  });

  test('never more than the node is', () => {
    const beyond = granting(podWith({ requests: { memory: '2Gi' } }), started({ requests: { memory: '1Mi' } }));
    assert.deepEqual(beyond.memory.resizePending, {
      reason: 'Infeasible',
      message: "Node didn't have enough capacity: memory, requested: 2147483648, capacity: 1073741824",
    });
    const back = granting(podWith({ requests: { memory: '1024Ki' } }), beyond.memory);
    assert.equal(back.memory.resizePending, undefined);
  });
});

describe('How a grant reaches the containers', () => {
  test('an unchanged pod needs nothing, also when the same amount is written differently', () => {
    const { pod, memory } = granting(podWith(cpu('0.5')), started(cpu('500m')));
    assert.deepEqual(stepsOf(pod, memory), []);
  });

  test('a running container is changed as it runs', () => {
    const { pod, memory } = granting(podWith(cpu('200m')), started(cpu('100m')));
    assert.deepEqual(stepsOf(pod, memory), [{ type: 'resizePod', key: 'resize' }]);
  });

  test('or started anew where its policy says so for what changes', () => {
    const resizePolicy = [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }];
    const memory = aMemory((draft) => (draft.cgroupStale = false), started(cpu('100m')));
    assert.equal(pendingChanges(podWith(cpu('200m'), { resizePolicy }), observed, memory)[0]?.restart, false);
    const pod = podWith({ requests: { cpu: '100m', memory: '1Mi' } }, { resizePolicy });
    const [kill, ...rest] = stepsOf(pod, memory);
    assert.equal(rest.length, 0);
    assert.equal(kill?.type === 'killContainer' && kill.message, 'Container main resize requires restart');
  });

  test('a change that failed waits', () => {
    const { pod, memory } = granting(podWith(cpu('200m')), started(cpu('100m')));
    const failed = remember(memory, { type: 'resizeFailed', message: 'no' }, NOW);
    assert.deepEqual(stepsOf(pod, failed), []);
  });

  test('after a start of the agent the status tells what a container has', () => {
    const pod = aPod(
      { containers: [aContainer('main', { resources: cpu('200m') })] },
      { containerStatuses: [{ name: 'main', containerID: 'containerd://main-1', resources: cpu('100m') } as never] },
    );
    const memory = aMemory();
    assert.deepEqual(appliedTo(pod, memory, pod.spec.containers[0]!, observed.containers[0]!), cpu('100m'));
    assert.equal(granting(pod, memory).memory.cgroupStale, true);
  });
});
