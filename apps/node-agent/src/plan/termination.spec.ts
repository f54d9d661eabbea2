import assert from 'node:assert/strict';
import type { Pod } from '../pod/pod.js';
import {
  deleted,
  mounted,
  mountFailed,
  type PlanCase,
  prepared,
  sidecar,
  stale,
  testPlans,
  unmountFailed,
  withVolumes,
} from '../testing/plan-cases.js';
import { aContainer, aMemory, anObserved, aPod, aSandbox, exited, NOW, running } from '../testing/pod-builders.js';
import { plan } from './plan.js';
import { killOrder } from './termination.js';

const hookedSidecar = { ...sidecar, lifecycle: { preStop: { sleep: { seconds: 5 } } } };
/** Of that sidecar in a pod that is deleted now. */
const hook = `hook:side-1:${NOW + 30_000}`;

const cases: PlanCase[] = [
  {
    title: 'a pod that ran to its end gives back its sandbox and volumes, and keeps its container',
    pod: aPod({ restartPolicy: 'Never' }),
    observed: anObserved({ sandboxes: [aSandbox({ ready: false })], containers: [exited('main', 0)] }),
    memory: (memory) => memory.stoppedSandboxes.add('s1'),
    steps: ['cleanUp'],
  },
  {
    title: 'a failed init container of a pod that never restarts ends it',
    pod: aPod({ restartPolicy: 'Never', initContainers: [aContainer('init')] }),
    observed: anObserved({ sandboxes: [aSandbox()], containers: [exited('init', 2)] }),
    memory: prepared,
    steps: ['stopSandbox s1'],
  },
  {
    title: 'a deleted pod: ordinary containers before sidecars',
    pod: aPod({ initContainers: [sidecar] }, {}, deleted),
    observed: anObserved({ sandboxes: [aSandbox()], containers: [running('main'), running('side')] }),
    steps: ['killContainer main-1'],
  },
  {
    title: 'the hook of a sidecar does not wait for its turn',
    pod: aPod({ initContainers: [hookedSidecar] }, {}, deleted),
    observed: anObserved({ sandboxes: [aSandbox()], containers: [running('main'), running('side')] }),
    steps: ['killContainer main-1', 'preStop side-1'],
  },
  {
    title: 'and is not begun twice',
    pod: aPod({ initContainers: [hookedSidecar] }, {}, deleted),
    observed: anObserved({ sandboxes: [aSandbox()], containers: [running('main'), running('side')] }),
    memory: (memory) => memory.preStopHooks.add(hook),
    steps: ['killContainer main-1'],
  },
  {
    title: 'a sidecar whose turn has come is stopped when its hook is over',
    pod: aPod({ initContainers: [hookedSidecar] }, {}, deleted),
    observed: anObserved({ sandboxes: [aSandbox()], containers: [exited('main', 143), running('side')] }),
    memory: (memory) => {
      memory.preStopHooks.add(hook);
      memory.inFlight.add(hook);
    },
    steps: [],
  },
  {
    title: 'then sidecars',
    pod: aPod({ initContainers: [sidecar] }, {}, deleted),
    observed: anObserved({ sandboxes: [aSandbox()], containers: [exited('main', 143), running('side')] }),
    steps: ['killContainer side-1'],
  },
  {
    title: 'then the sandbox',
    pod: aPod({}, {}, deleted),
    observed: anObserved({ sandboxes: [aSandbox()], containers: [exited('main', 143)] }),
    steps: ['stopSandbox s1'],
  },
  {
    title: 'then the containers are removed',
    pod: aPod({}, {}, deleted),
    observed: anObserved({ sandboxes: [aSandbox({ ready: false })], containers: [exited('main', 143)] }),
    memory: (memory) => memory.stoppedSandboxes.add('s1'),
    steps: ['removeContainer main-1'],
  },
  {
    title: 'content is kept up to date for as long as a container runs',
    pod: aPod(withVolumes.spec, {}, deleted),
    observed: anObserved({ sandboxes: [aSandbox()], containers: [running('main')] }),
    memory: (memory) => memory.volumes.set('config', stale),
    steps: ['updateVolume config', 'killContainer main-1'],
  },
  {
    title: 'then its volumes, each by itself, also one that was never whole',
    pod: aPod(withVolumes.spec, {}, deleted),
    memory: (memory) => memory.volumes.set('data', mounted).set('config', mountFailed(60_000)),
    steps: ['unmountVolume data', 'unmountVolume config'],
  },
  {
    title: 'one that cannot go is tried again alone, and nothing else is taken away meanwhile',
    pod: aPod(withVolumes.spec, {}, deleted),
    memory: (memory) => memory.volumes.set('config', unmountFailed(500)),
    steps: [],
    wakeIn: 500,
  },
  {
    title: 'a mount under way is waited for',
    pod: aPod(withVolumes.spec, {}, deleted),
    memory: (memory) => memory.inFlight.add('volume:data'),
    steps: [],
  },
  { title: 'then its folders', pod: aPod({}, {}, deleted), steps: ['cleanUp'] },
  {
    title: 'and last the API server is told',
    pod: aPod({}, {}, deleted),
    memory: (memory) => (memory.cleaned = 'removed'),
    steps: ['deletePod'],
  },
  {
    title: 'once: finalizers and a late watch keep the pod in sight for a while',
    pod: aPod({}, {}, deleted),
    memory: (memory) => Object.assign(memory, { cleaned: 'removed', deleted: true }),
    steps: [],
  },
  {
    title: 'a start under way is waited for before anything is taken apart',
    pod: aPod({}, {}, deleted),
    observed: anObserved({ sandboxes: [aSandbox()] }),
    memory: (memory) => memory.inFlight.add('container:main'),
    steps: [],
  },
  {
    title: 'a refused pod only gives back what it never took',
    memory: (memory) => {
      memory.admitted = false;
      memory.failed = { reason: 'NodePorts', message: 'taken' };
    },
    steps: ['cleanUp'],
  },
  {
    title: 'the dead containers of a pod that has ended stay for their logs',
    pod: aPod({}, { phase: 'Failed' }),
    observed: anObserved({ sandboxes: [aSandbox({ ready: false })], containers: [exited('main', 1)] }),
    memory: (memory) => {
      memory.stoppedSandboxes.add('s1');
      memory.cleaned = 'released';
    },
    steps: [],
  },
  {
    title: 'unless the disk is full',
    pod: aPod({}, { phase: 'Failed' }),
    observed: anObserved({ sandboxes: [aSandbox({ ready: false })], containers: [exited('main', 1)] }),
    memory: (memory) => {
      memory.stoppedSandboxes.add('s1');
      memory.cleaned = 'released';
      memory.discardContainers = true;
    },
    steps: ['removeContainer main-1'],
  },
  {
    title: 'a pod that is gone from the API is not deleted there',
    removed: true,
    memory: (memory) => (memory.cleaned = 'removed'),
    steps: [],
  },
];

testPlans(cases);

test('a shorter grace overtakes, a longer one does not', () => {
  let memory = aMemory();
  const observed = anObserved({ sandboxes: [aSandbox()], containers: [running('main')] });
  const order = (deletionGracePeriodSeconds: number, now: number) => {
    const pod = aPod({}, {}, { deletionTimestamp: 'x', deletionGracePeriodSeconds });
    const kill = killOrder({ pod, removed: false, observed, memory, now });
    memory = aMemory((draft) => (draft.kill = kill), memory);
    const [step] = plan({ pod, removed: false, observed, memory, now }).steps;
    return step?.type === 'killContainer' ? { key: step.key, grace: step.graceSeconds } : undefined;
  };
  const first = order(30, NOW)!;
  assert.equal(first.grace, 30);
  assert.equal(order(30, NOW + 5000)!.key, first.key);
  const shorter = order(2, NOW + 5000)!;
  assert.notEqual(shorter.key, first.key);
  assert.equal(shorter.grace, 2);
});

test('an evicted pod has the time that its eviction gives it, also while it is being deleted', () => {
  const memory = aMemory((draft) => (draft.failed = { reason: 'Evicted', message: 'low', graceSeconds: 1 }));
  const observed = anObserved({ sandboxes: [aSandbox()], containers: [running('main')] });
  const grace = (pod: Pod) => killOrder({ pod, removed: false, observed, memory, now: NOW })?.graceSeconds;
  assert.equal(grace(aPod()), 1);
  assert.equal(grace(aPod({}, {}, deleted)), 1);
});
