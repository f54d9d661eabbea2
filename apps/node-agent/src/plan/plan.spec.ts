import { containerHash } from '../pod/labels.js';
import type { Container } from '../pod/pod.js';
import {
  mounted,
  mountFailed,
  type PlanCase,
  prepared,
  sidecar,
  stale,
  testPlans,
  withVolumes,
} from '../testing/plan-cases.js';
import {
  aContainer,
  anObserved,
  aPod,
  aSandbox,
  created,
  exited,
  type MemoryDraft,
  NOW,
  running,
} from '../testing/pod-builders.js';

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
type Rule = NonNullable<Container['restartPolicyRules']>[number];
const restartOn42: Rule = { action: 'Restart', exitCodes: { operator: 'In', values: [42] } };
const ruled = (...restartPolicyRules: Rule[]) => aContainer('main', { restartPolicy: 'Never', restartPolicyRules });
const withRules = aPod({ containers: [ruled(restartOn42)] });
const withInit = aPod({ initContainers: [aContainer('init')] });

const cases: PlanCase[] = [
  {
    title: 'a new pod: everything that does not wait for something else begins at once',
    pod: withVolumes,
    steps: ['makeCgroup', 'mountVolume data', 'mountVolume config', 'ensureImage main'],
  },
  {
    title: 'with the cgroup ready the sandbox starts beside the volumes and the image',
    pod: withVolumes,
    memory: (memory) => {
      memory.cgroupReady = true;
      memory.inFlight.add('volume:data').add('volume:config').add('image:main');
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
    title: 'nothing starts before the volumes are mounted, of which one waits for its next try',
    pod: withVolumes,
    observed: anObserved({ sandboxes: [aSandbox()] }),
    memory: (memory) => {
      withImage('main')(memory);
      memory.volumes.set('data', mounted).set('config', mountFailed(700));
    },
    steps: [],
    wakeIn: 700,
  },
  {
    title: 'a volume that could not be mounted is tried again alone',
    pod: withVolumes,
    observed: anObserved({ sandboxes: [aSandbox()] }),
    memory: (memory) => {
      withImage('main')(memory);
      memory.volumes.set('data', mounted).set('config', mountFailed(0));
    },
    steps: ['mountVolume config'],
  },
  {
    title: 'and with all of them there the container starts',
    pod: withVolumes,
    observed: anObserved({ sandboxes: [aSandbox()] }),
    memory: (memory) => {
      withImage('main')(memory);
      memory.volumes.set('data', mounted).set('config', mounted);
    },
    steps: ['startContainer main'],
  },
  {
    title: 'what an earlier agent left is made ready anew',
    pod: withVolumes,
    observed: anObserved({ sandboxes: [aSandbox()], containers: [running('main')] }),
    memory: (memory) => {
      prepared(memory);
      memory.volumes.set('data', { phase: 'found' }).set('config', { phase: 'found' });
    },
    steps: ['mountVolume data', 'mountVolume config'],
  },
  {
    title: 'content that is stale is updated, of that volume alone, and not twice at once',
    pod: withVolumes,
    observed: anObserved({ sandboxes: [aSandbox()], containers: [running('main')] }),
    memory: (memory) => {
      prepared(memory);
      memory.inFlight.add('volume:data');
      memory.volumes.set('data', stale).set('config', stale);
    },
    steps: ['updateVolume config'],
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
];

testPlans(cases);
