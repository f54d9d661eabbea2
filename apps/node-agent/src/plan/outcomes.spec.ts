import assert from 'node:assert/strict';
import type { PodMemory, VolumeState } from '../pod/pod-memory.js';
import { aMemory, frozen, type MemoryDraft, NOW } from '../testing/pod-builders.js';
import { type Outcome, remember } from './outcomes.js';

interface Case {
  title: string;
  before?: (memory: MemoryDraft) => unknown;
  outcomes: Outcome[];
  /** Members of the memory afterwards. */
  after: Partial<PodMemory>;
}

const mountFailed = { type: 'volumeMountFailed', volume: 'data', message: 'no' } as const;
const sandboxFailed: Outcome = { type: 'sandboxFailed', message: 'no' };
const pullFailed = (image: string, pulled = true, reason = 'ErrImagePull'): Outcome => ({
  type: 'imageFailed',
  container: 'main',
  image,
  restartCount: 0,
  failure: { reason, message: 'no' },
  pulled,
});
const progress = (image: string, delay: number, reason = 'ErrImagePull', pulled = true) => ({
  images: new Map([
    ['main', { image, restartCount: 0, failure: { reason, message: 'no' }, retryAt: NOW + delay, delay, pulled }],
  ]),
});

const cases: Case[] = [
  {
    title: 'a cgroup is there, with its limits',
    outcomes: [{ type: 'cgroupMade', limits: { cpuShares: 2 } }],
    after: { cgroupReady: true, cgroupLimits: { cpuShares: 2 } },
  },
  {
    title: 'a sandbox that fails waits longer each time',
    outcomes: [sandboxFailed, sandboxFailed, sandboxFailed],
    after: { sandboxFailure: { reason: 'ContainerCreating', message: 'no', retryAt: NOW + 4000, delay: 4000 } },
  },
  {
    title: 'up to half a minute',
    outcomes: Array.from({ length: 9 }, () => sandboxFailed),
    after: { sandboxFailure: { reason: 'ContainerCreating', message: 'no', retryAt: NOW + 30_000, delay: 30_000 } },
  },
  {
    title: 'and one that was made has nothing to wait for',
    outcomes: [sandboxFailed, { type: 'sandboxMade' }],
    after: { sandboxFailure: undefined },
  },
  { title: 'a pull that fails waits', outcomes: [pullFailed('a')], after: progress('a', 10_000) },
  { title: 'and longer the next time', outcomes: [pullFailed('a'), pullFailed('a')], after: progress('a', 20_000) },
  { title: 'but not for another image', outcomes: [pullFailed('a'), pullFailed('b')], after: progress('b', 10_000) },
  {
    title: 'a runtime that cannot be asked for an image is asked again soon',
    outcomes: [pullFailed('a', false, 'ImageInspectError')],
    after: progress('a', 1000, 'ImageInspectError', false),
  },
  {
    title: 'an image that is no longer there is pulled anew',
    outcomes: [pullFailed('a'), { type: 'imageLost', container: 'main' }],
    after: { images: new Map() },
  },
  {
    title: 'a created container has what it was given, and no failed start any more',
    outcomes: [
      {
        type: 'startFailed',
        container: 'main',
        sandboxId: 's1',
        failure: { reason: 'RunContainerError', message: '' },
      },
      { type: 'containerCreated', container: 'main', id: 'c1', resources: { requests: { cpu: '1' } } },
    ],
    after: { startFailures: new Map(), applied: new Map([['c1', { requests: { cpu: '1' } }]]) },
  },
  {
    title: 'what failed for something it refers to is tried at once when that changes',
    outcomes: [
      {
        type: 'startFailed',
        container: 'main',
        sandboxId: 's1',
        failure: { reason: 'CreateContainerConfigError', message: '' },
      },
      {
        type: 'startFailed',
        container: 'other',
        sandboxId: 's1',
        failure: { reason: 'RunContainerError', message: '' },
      },
      { type: 'referenceChanged' },
    ],
    after: {
      startFailures: new Map([
        ['main', { reason: 'CreateContainerConfigError', message: '', sandboxId: 's1', retryAt: NOW }],
        ['other', { reason: 'RunContainerError', message: '', sandboxId: 's1', retryAt: NOW + 10_000 }],
      ]),
    },
  },
  {
    title: 'the container that ran out of memory is remembered, and no other',
    before: (memory) => {
      memory.outOfMemory.add('c1');
    },
    outcomes: [{ type: 'outOfMemory', id: 'c2' }],
    after: { outOfMemory: new Set(['c1', 'c2']) },
  },
  {
    title: 'nothing is kept of a container that is removed',
    before: (memory) => {
      memory.applied.set('c1', {});
      memory.terminationMessages.set('c1', 'bye');
      memory.outOfMemory.add('c1').add('c2');
    },
    outcomes: [{ type: 'containerRemoved', id: 'c1' }],
    after: { applied: new Map(), terminationMessages: new Map(), outOfMemory: new Set(['c2']) },
  },
  {
    title: 'a pod that was resized has nothing left to change',
    before: (memory) => {
      memory.cgroupStale = true;
    },
    outcomes: [
      { type: 'resizeFailed', message: 'no' },
      { type: 'podResized', limits: {} },
    ],
    after: { cgroupStale: false, cgroupLimits: {}, resizeFailure: undefined },
  },
  {
    title: 'a volume that cannot be mounted waits longer each time, the others stay',
    before: (memory) => memory.volumes.set('other', { phase: 'mounted', path: '/o' }),
    outcomes: [mountFailed, mountFailed],
    after: {
      volumes: new Map<string, VolumeState>([
        ['other', { phase: 'mounted', path: '/o' }],
        [
          'data',
          {
            phase: 'mountFailed',
            failure: { reason: 'FailedMount', message: 'no', retryAt: NOW + 1000, delay: 1000 },
          },
        ],
      ]),
    },
  },
  {
    title: 'one whose image could not be pulled spares the registry, and says what containers wait for',
    outcomes: [{ ...mountFailed, image: { reason: 'ErrImagePull', message: 'gone', pulled: true } }],
    after: {
      volumes: new Map<string, VolumeState>([
        [
          'data',
          {
            phase: 'mountFailed',
            failure: { reason: 'FailedMount', message: 'no', retryAt: NOW + 10_000, delay: 10_000 },
            waiting: { reason: 'ErrImagePull', message: 'gone' },
          },
        ],
      ]),
    },
  },
  {
    title: 'what is on the disk says nothing of a volume that has been mounted since',
    outcomes: [
      { type: 'volumeMounted', volume: 'data', path: '/d' },
      { type: 'volumesFound', volumes: ['data', 'old'] },
    ],
    after: {
      volumes: new Map<string, VolumeState>([
        ['data', { phase: 'mounted', path: '/d' }],
        ['old', { phase: 'found' }],
      ]),
    },
  },
  {
    title: 'content that changes while it is updated is stale again',
    outcomes: [
      { type: 'volumeMounted', volume: 'data', path: '/d' },
      { type: 'volumesStale', volumes: ['data', 'absent'] },
      { type: 'volumeUpdateBegun', volume: 'data' },
      { type: 'volumesStale', volumes: ['data'] },
    ],
    after: { volumes: new Map<string, VolumeState>([['data', { phase: 'mounted', path: '/d', stale: true }]]) },
  },
  {
    title: 'a volume is gone when it is unmounted, also after it could not be',
    outcomes: [
      { type: 'volumeMounted', volume: 'data', path: '/d' },
      { type: 'volumeUnmountFailed', volume: 'data', message: 'busy' },
      { type: 'volumeUnmounted', volume: 'data' },
    ],
    after: { volumes: new Map() },
  },
  {
    title: 'a pod whose things are gone has no cgroup',
    before: (memory) => (memory.cgroupReady = true),
    outcomes: [{ type: 'cleanedUp', everything: true }],
    after: { cgroupReady: false, cleaned: 'removed' },
  },
];

describe('What is remembered', () => {
  for (const { title, before, outcomes, after } of cases) {
    test(title, () => {
      const memory = outcomes.reduce((known, outcome) => frozen(remember(known, outcome, NOW)), aMemory(before));
      for (const [member, expected] of Object.entries(after)) {
        assert.deepEqual(plain(memory[member as keyof PodMemory]), expected, member);
      }
    });
  }
});

/** Without what `frozen` puts on collections. */
function plain(value: unknown): unknown {
  if (value instanceof Map) return new Map(value);
  return value instanceof Set ? new Set(value) : value;
}
