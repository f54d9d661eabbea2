import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ObservedPod } from '../observe/observed-pod.js';
import { containerHash } from '../pod/labels.js';
import type { Container, Pod } from '../pod/pod.js';
import {
  aContainer,
  aMemory,
  anObserved,
  aPod,
  aSandbox,
  created,
  exited,
  frozen,
  type MemoryDraft,
  NOW,
  running,
} from '../testing/pod-builders.js';
import { plan } from './plan.js';
import { killOrder } from './termination.js';

interface Case {
  title: string;
  pod?: Pod;
  removed?: boolean;
  observed?: ObservedPod;
  memory?: (memory: MemoryDraft) => unknown;
  /** `type name-or-id`. */
  steps: string[];
  wakeIn?: number;
}

const prepared = (memory: MemoryDraft): void => {
  memory.cgroupReady = true;
  memory.volumes = new Map();
};
const withImage =
  (...names: string[]) =>
  (memory: MemoryDraft): void => {
    prepared(memory);
    for (const name of names) memory.images.set(name, { image: 'app:1', restartCount: 0, imageRef: 'sha256:1' });
  };
const failedPull = (memory: MemoryDraft, image: string): void => {
  prepared(memory);
  const failure = { reason: 'ImagePullBackOff', message: '' };
  memory.images.set('main', { image, restartCount: 0, failure, retryAt: NOW + 60_000 });
};
const deleted = { deletionTimestamp: '2026-01-01T00:00:30Z', deletionGracePeriodSeconds: 30 };
type Rule = NonNullable<Container['restartPolicyRules']>[number];
const restartOn42: Rule = { action: 'Restart', exitCodes: { operator: 'In', values: [42] } };
const ruled = (...restartPolicyRules: Rule[]) => aContainer('main', { restartPolicy: 'Never', restartPolicyRules });
const withRules = aPod({ containers: [ruled(restartOn42)] });
const withInit = aPod({ initContainers: [aContainer('init')] });
const sidecar = aContainer('side', { restartPolicy: 'Always' });

const hookedSidecar = { ...sidecar, lifecycle: { preStop: { sleep: { seconds: 5 } } } };
/** Of that sidecar in a pod that is deleted now. */
const hook = `hook:side-1:${NOW + 30_000}`;

const cases: Case[] = [
  {
    title: 'a new pod: everything that does not wait for something else begins at once',
    steps: ['makeCgroup', 'mountVolumes', 'ensureImage main'],
  },
  {
    title: 'with the cgroup ready the sandbox starts beside the volumes and the image',
    memory: (memory) => {
      memory.cgroupReady = true;
      memory.inFlight.add('volumes').add('image:main');
    },
    steps: ['runSandbox'],
  },
  {
    title: 'the container starts when sandbox, volumes and image are there',
    observed: anObserved({ sandboxes: [aSandbox()] }),
    memory: withImage('main'),
    steps: ['startContainer main'],
  },
  {
    title: 'nothing starts before the volumes are mounted',
    observed: anObserved({ sandboxes: [aSandbox()] }),
    memory: (memory) => {
      withImage('main')(memory);
      memory.volumes = undefined;
      memory.volumeFailure = { reason: '', message: '', retryAt: NOW + 700 };
    },
    steps: [],
    wakeIn: 700,
  },
  {
    title: 'a running pod needs nothing',
    observed: anObserved({ sandboxes: [aSandbox()], containers: [running('main')] }),
    memory: prepared,
    steps: [],
  },
  {
    title: 'containers start one after another',
    pod: aPod({ containers: [aContainer('a'), aContainer('b')] }),
    observed: anObserved({ sandboxes: [aSandbox()] }),
    memory: withImage('a', 'b'),
    steps: ['startContainer a'],
  },
  {
    title: 'the init container comes first',
    pod: withInit,
    observed: anObserved({ sandboxes: [aSandbox()] }),
    memory: withImage('init', 'main'),
    steps: ['startContainer init'],
  },
  {
    title: 'the main container follows an init container that succeeded',
    pod: withInit,
    observed: anObserved({ sandboxes: [aSandbox()], containers: [exited('init', 0)] }),
    memory: withImage('main'),
    steps: ['startContainer main'],
  },
  {
    title: 'an init container that ran in an earlier sandbox runs again',
    pod: withInit,
    observed: anObserved({ sandboxes: [aSandbox({ id: 's2' })], containers: [exited('init', 0)] }),
    memory: prepared,
    steps: ['ensureImage init'],
  },
  {
    title: 'a sidecar with a startup probe holds up the next until it has started',
    pod: aPod({ initContainers: [{ ...sidecar, startupProbe: {} }] }),
    observed: anObserved({ sandboxes: [aSandbox()], containers: [running('side')] }),
    memory: prepared,
    steps: [],
  },
  {
    title: 'a container starts again after an exit that one of its own rules names',
    pod: withRules,
    observed: anObserved({ sandboxes: [aSandbox()], containers: [exited('main', 42)] }),
    memory: prepared,
    steps: ['ensureImage main'],
  },
  {
    title: 'and not after another one',
    pod: withRules,
    observed: anObserved({ sandboxes: [aSandbox()], containers: [exited('main', 1)] }),
    memory: prepared,
    steps: ['stopSandbox s1'],
  },
  {
    title: 'nor when the first rule that the exit meets wants something else',
    pod: aPod({
      containers: [ruled({ action: 'Other', exitCodes: { operator: 'NotIn', values: [1] } }, restartOn42)],
    }),
    observed: anObserved({ sandboxes: [aSandbox()], containers: [exited('main', 42)] }),
    memory: prepared,
    steps: ['stopSandbox s1'],
  },
  {
    title: 'an init container has such rules, too',
    pod: aPod({ initContainers: [{ ...ruled(restartOn42), name: 'init' }], restartPolicy: 'Never' }),
    observed: anObserved({ sandboxes: [aSandbox()], containers: [exited('init', 42)] }),
    memory: prepared,
    steps: ['ensureImage init'],
  },
  {
    title: 'a resize that waits for room is looked at again, also when the pod has a deadline',
    pod: aPod({ activeDeadlineSeconds: 3600 }, { startTime: new Date(NOW).toISOString() }),
    observed: anObserved({ sandboxes: [aSandbox()], containers: [running('main')] }),
    memory: (memory) => {
      prepared(memory);
      memory.resizePending = { reason: 'Deferred', message: '' };
    },
    steps: [],
    wakeIn: 5000,
  },
  {
    title: 'an image whose pull failed is not asked for again before its time',
    observed: anObserved({ sandboxes: [aSandbox()] }),
    memory: (memory) => failedPull(memory, 'app:1'),
    steps: [],
    wakeIn: 60_000,
  },
  {
    title: 'another image in its place is pulled at once',
    observed: anObserved({ sandboxes: [aSandbox()] }),
    memory: (memory) => failedPull(memory, 'app:0'),
    steps: ['ensureImage main'],
  },
  {
    title: 'and so is one in the place of an image that is there',
    pod: aPod({ containers: [aContainer('main', { image: 'app:2' })] }),
    observed: anObserved({ sandboxes: [aSandbox()] }),
    memory: withImage('main'),
    steps: ['ensureImage main'],
  },
  {
    title: 'a crash loop is over when the container has another image',
    pod: aPod({ containers: [aContainer('main', { image: 'app:2' })] }),
    observed: anObserved({
      sandboxes: [aSandbox()],
      containers: [exited('main', 1, { hash: containerHash(aContainer('main')) })],
    }),
    memory: (memory) => {
      prepared(memory);
      memory.backoffs.set('main', { delay: 300_000, raisedAt: NOW - 60_000 });
    },
    steps: ['ensureImage main'],
  },
  {
    title: 'a crashed container starts again at once the first time',
    observed: anObserved({ sandboxes: [aSandbox()], containers: [exited('main', 1)] }),
    memory: prepared,
    steps: ['ensureImage main'],
  },
  {
    title: 'and waits the second time, with a word',
    observed: anObserved({ sandboxes: [aSandbox()], containers: [exited('main', 1, { restartCount: 1 })] }),
    memory: (memory) => {
      prepared(memory);
      memory.backoffs.set('main', { delay: 10_000, raisedAt: NOW - 2000 });
    },
    steps: ['announceBackoff main'],
    wakeIn: 9000,
  },
  {
    title: 'OnFailure leaves a container that succeeded',
    pod: aPod({ restartPolicy: 'OnFailure', containers: [aContainer('a'), aContainer('b')] }),
    observed: anObserved({ sandboxes: [aSandbox()], containers: [exited('a', 0), running('b')] }),
    memory: prepared,
    steps: [],
  },
  {
    title: 'a failed liveness probe kills its container',
    observed: anObserved({ sandboxes: [aSandbox()], containers: [running('main')] }),
    memory: (memory) => {
      prepared(memory);
      memory.probes.set('main-1', { startup: 'success', liveness: 'failure', readiness: 'success' });
    },
    steps: ['killContainer main-1', 'ensureImage main'].slice(0, 1),
  },
  {
    title: 'containers of a dead sandbox are killed before a new one is made',
    observed: anObserved({ sandboxes: [aSandbox({ ready: false })], containers: [running('main')] }),
    memory: prepared,
    steps: ['killContainer main-1'],
  },
  {
    title: 'then the dead sandbox is stopped and a new one made',
    observed: anObserved({ sandboxes: [aSandbox({ ready: false })], containers: [exited('main', 137)] }),
    memory: prepared,
    steps: ['stopSandbox s1', 'runSandbox', 'ensureImage main'],
  },
  {
    title: 'of dead containers the newest stays',
    observed: anObserved({
      sandboxes: [aSandbox()],
      containers: [running('main', { id: 'c3' }), exited('main', 1, { id: 'c2' }), exited('main', 1, { id: 'c1' })],
    }),
    memory: prepared,
    steps: ['removeContainer c1'],
  },
  {
    title: 'a container that was made and never started gives its name back first',
    observed: anObserved({ sandboxes: [aSandbox()], containers: [created('main')] }),
    memory: withImage('main'),
    steps: ['removeContainer main-1'],
  },
  {
    title: 'so does an init container, and nothing overtakes it',
    pod: withInit,
    observed: anObserved({ sandboxes: [aSandbox()], containers: [created('init')] }),
    memory: withImage('init', 'main'),
    steps: ['removeContainer init-1'],
  },
  {
    title: 'but not while it is being started',
    observed: anObserved({ sandboxes: [aSandbox()], containers: [created('main')] }),
    memory: (memory) => {
      withImage('main')(memory);
      memory.inFlight.add('container:main');
    },
    steps: [],
  },
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
  { title: 'then its folders', pod: aPod({}, {}, deleted), steps: ['cleanUp'] },
  {
    title: 'and last the API server is told',
    pod: aPod({}, {}, deleted),
    memory: (memory) => (memory.cleaned = 'removed'),
    steps: ['deletePod'],
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

for (const { title, pod = aPod(), removed = false, observed = anObserved(), memory: change, steps, wakeIn } of cases) {
  test(title, () => {
    const input = frozen({ pod, removed, observed, memory: aMemory(change), now: NOW });
    const kill = killOrder(input);
    const result = plan({ ...input, memory: aMemory((memory) => (memory.kill = kill), input.memory) });
    const names = result.steps.map((step) => {
      const what = 'id' in step ? step.id : 'container' in step ? step.container : undefined;
      return what ? `${step.type} ${what}` : step.type;
    });
    assert.deepEqual(names, steps);
    if (wakeIn !== undefined) assert.equal(result.wakeAt, NOW + wakeIn);
  });
}

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
