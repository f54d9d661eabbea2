import type { ResourceRequirements } from '#kinds';
import type { BackoffEntry, Failure, ImageProgress, PodMemory, VolumeState, WaitReason } from '../pod/pod-memory.js';
import type { CgroupLimits } from '../runtime/cgroups.js';
import { IMAGE_INSPECT_RETRY, IMAGE_PULL, nextDelay, RESIZE_RETRY, SANDBOX, START_RETRY, VOLUME } from './backoff.js';

/** What became of a step, or of a part of it. Steps yield these; the pod's worker remembers them. */
export type Outcome =
  | { type: 'cgroupMade'; limits: CgroupLimits }
  /** Names of volumes that are on the disk. */
  | { type: 'volumesFound'; volumes: readonly string[] }
  /** Names of volumes whose content may have changed. */
  | { type: 'volumesStale'; volumes: readonly string[] }
  /** `path` is on the host. */
  | { type: 'volumeMounted'; volume: string; path: string }
  /** `image`: it failed for its image; `pulled`: for which a registry was asked. */
  | { type: 'volumeMountFailed'; volume: string; message: string; image?: WaitReason & { pulled: boolean } }
  | { type: 'volumeUpdateBegun'; volume: string }
  | { type: 'volumeUnmounted'; volume: string }
  | { type: 'volumeUnmountFailed'; volume: string; message: string }
  | { type: 'sandboxMade' }
  | { type: 'sandboxFailed'; message: string }
  | { type: 'imagePresent'; container: string; image: string | undefined; restartCount: number; imageRef: string }
  | {
      type: 'imageFailed';
      container: string;
      image: string | undefined;
      restartCount: number;
      failure: WaitReason;
      /** A registry was asked. */
      pulled: boolean;
    }
  /** It was there and is no more. */
  | { type: 'imageLost'; container: string }
  | { type: 'containerCreated'; container: string; id: string; resources: ResourceRequirements }
  | { type: 'startFailed'; container: string; sandboxId: string; failure: WaitReason }
  /** The container was restarted after an exit, or that was tried. */
  | { type: 'restarted'; container: string; backoff: BackoffEntry }
  | { type: 'preStopHookRun'; key: string }
  | { type: 'backoffAnnounced'; key: string }
  /** The container waits with ImagePullBackOff from now on. */
  | { type: 'imagePullBackedOff'; container: string; message: string }
  | { type: 'containerResized'; id: string; resources: ResourceRequirements }
  | { type: 'podResized'; limits: CgroupLimits }
  | { type: 'resizeFailed'; message: string }
  /** The kernel killed a process of the container. */
  | { type: 'outOfMemory'; id: string }
  | { type: 'containerRemoved'; id: string }
  | { type: 'sandboxStopped'; id: string }
  /** Something that the pod refers to is there, or is another one now: what may have failed for it is tried at once. */
  | { type: 'referenceChanged' }
  | { type: 'cleanedUp'; everything: boolean }
  /** The API server has removed the pod, or will when its finalizers are gone. */
  | { type: 'podDeleted' };

type Change = Partial<PodMemory>;
type Of<T extends Outcome['type']> = Extract<Outcome, { type: T }>;

/** Pure: the memory that knows of the outcome, which came at `now` (ms). */
export function remember(memory: PodMemory, outcome: Outcome, now: number): PodMemory {
  const change = CHANGES[outcome.type] as (memory: PodMemory, outcome: Outcome, now: number) => Change;
  return { ...memory, ...change(memory, outcome, now) };
}

type ChangeOf<T extends Outcome['type']> = (memory: PodMemory, outcome: Of<T>, now: number) => Change;

type VolumeOutcome = Extract<Outcome['type'], `volume${string}`>;

const VOLUME_CHANGES: { [T in VolumeOutcome]: ChangeOf<T> } = {
  // What has been mounted since is known better.
  volumesFound: (memory, { volumes }) => ({
    volumes: new Map([...volumes.map((name): [string, VolumeState] => [name, { phase: 'found' }]), ...memory.volumes]),
  }),
  volumesStale: (memory, { volumes }) => ({
    volumes: new Map(
      [...memory.volumes].map(([name, state]) => [
        name,
        state.phase === 'mounted' && volumes.includes(name) ? { ...state, stale: true } : state,
      ]),
    ),
  }),
  volumeMounted: ({ volumes }, { volume, path }) => ({
    volumes: withEntry<VolumeState>(volumes, volume, { phase: 'mounted', path }),
  }),
  volumeMountFailed: ({ volumes }, { volume, message, image }, now) => {
    const before = volumes.get(volume);
    // A registry is spared as it is for containers.
    const retry = nextRetry(failureOf(before, 'mountFailed'), image?.pulled ? IMAGE_PULL : VOLUME, now);
    return {
      volumes: withEntry<VolumeState>(volumes, volume, {
        phase: 'mountFailed',
        failure: { reason: 'FailedMount', message, ...retry },
        ...(image ? { waiting: { reason: image.reason, message: image.message } } : {}),
      }),
    };
  },
  volumeUpdateBegun: ({ volumes }, { volume }) => {
    const state = volumes.get(volume);
    if (state?.phase !== 'mounted') return {};
    return { volumes: withEntry<VolumeState>(volumes, volume, { phase: 'mounted', path: state.path }) };
  },
  volumeUnmounted: ({ volumes }, { volume }) => ({ volumes: without(volumes, volume) }),
  volumeUnmountFailed: ({ volumes }, { volume, message }, now) => {
    const retry = nextRetry(failureOf(volumes.get(volume), 'unmountFailed'), VOLUME, now);
    return {
      volumes: withEntry<VolumeState>(volumes, volume, {
        phase: 'unmountFailed',
        failure: { reason: 'FailedUnmount', message, ...retry },
      }),
    };
  },
};

const CHANGES: { [T in Outcome['type']]: ChangeOf<T> } = {
  cgroupMade: (_memory, { limits }) => ({ cgroupReady: true, cgroupLimits: limits }),
  ...VOLUME_CHANGES,
  sandboxMade: () => ({ sandboxFailure: undefined }),
  sandboxFailed: ({ sandboxFailure }, { message }, now) => ({
    sandboxFailure: { reason: 'ContainerCreating', message, ...nextRetry(sandboxFailure, SANDBOX, now) },
  }),
  imagePresent: ({ images }, { container, image, restartCount, imageRef }) => ({
    images: withEntry(images, container, { image, restartCount, imageRef }),
  }),
  imageFailed: ({ images }, outcome, now) => {
    const { container, image, restartCount, failure, pulled } = outcome;
    const delay = imageDelay(images.get(container), outcome);
    const progress: ImageProgress = { image, restartCount, failure, retryAt: now + delay, delay, pulled };
    return { images: withEntry(images, container, progress) };
  },
  imageLost: ({ images }, { container }) => ({ images: without(images, container) }),
  containerCreated: ({ startFailures, applied }, { container, id, resources }) => ({
    startFailures: without(startFailures, container),
    applied: withEntry(applied, id, resources),
  }),
  startFailed: ({ startFailures }, { container, sandboxId, failure }, now) => ({
    startFailures: withEntry(startFailures, container, { ...failure, sandboxId, retryAt: now + START_RETRY }),
  }),
  restarted: ({ backoffs }, { container, backoff }) => ({ backoffs: withEntry(backoffs, container, backoff) }),
  preStopHookRun: ({ preStopHooks }, { key }) => ({ preStopHooks: withMember(preStopHooks, key) }),
  backoffAnnounced: ({ announcedBackoffs }, { key }) => ({ announcedBackoffs: withMember(announcedBackoffs, key) }),
  imagePullBackedOff: ({ images }, { container, message }) => {
    const progress = images.get(container);
    if (!progress?.failure) return {};
    const failure = { reason: 'ImagePullBackOff', message };
    return { images: withEntry(images, container, { ...progress, failure }) };
  },
  containerResized: ({ applied }, { id, resources }) => ({ applied: withEntry(applied, id, resources) }),
  podResized: (_memory, { limits }) => ({ cgroupLimits: limits, cgroupStale: false, resizeFailure: undefined }),
  resizeFailed: (_memory, { message }, now) => ({
    resizeFailure: { reason: 'Error', message, retryAt: now + RESIZE_RETRY },
  }),
  outOfMemory: ({ outOfMemory }, { id }) => ({ outOfMemory: withMember(outOfMemory, id) }),
  containerRemoved: ({ terminationMessages, probes, outOfMemory, applied }, { id }) => ({
    terminationMessages: without(terminationMessages, id),
    probes: without(probes, id),
    outOfMemory: withoutMember(outOfMemory, id),
    applied: without(applied, id),
  }),
  sandboxStopped: ({ stoppedSandboxes }, { id }) => ({ stoppedSandboxes: withMember(stoppedSandboxes, id) }),
  referenceChanged: ({ volumes, startFailures }, _outcome, now) => ({
    volumes: new Map(
      [...volumes].map(([name, state]) => [
        name,
        state.phase === 'mountFailed' ? { ...state, failure: { ...state.failure, retryAt: now } } : state,
      ]),
    ),
    startFailures: new Map(
      [...startFailures].map(([name, failure]) => [
        name,
        failure.reason === 'CreateContainerConfigError' ? { ...failure, retryAt: now } : failure,
      ]),
    ),
  }),
  cleanedUp: (_memory, { everything }) => ({
    volumes: new Map(),
    cgroupReady: false,
    cleaned: everything ? 'removed' : 'released',
  }),
  podDeleted: () => ({ deleted: true }),
};

function failureOf(state: VolumeState | undefined, phase: 'mountFailed' | 'unmountFailed'): Failure | undefined {
  return state?.phase === phase ? state.failure : undefined;
}

/** Only a registry must be spared; the runtime itself may be back in a moment. */
function imageDelay(before: ImageProgress | undefined, { image, failure, pulled }: Of<'imageFailed'>): number {
  if (!pulled) return failure.reason === 'ImageInspectError' ? IMAGE_INSPECT_RETRY : IMAGE_PULL.initial;
  return nextDelay(before?.pulled && before.image === image ? before.delay : undefined, IMAGE_PULL);
}

function nextRetry(
  before: Failure | undefined,
  limits: { initial: number; max: number },
  now: number,
): Pick<Failure, 'retryAt' | 'delay'> {
  const delay = nextDelay(before?.delay, limits);
  return { retryAt: now + delay, delay };
}

export function withEntry<V>(map: ReadonlyMap<string, V>, key: string, value: V): ReadonlyMap<string, V> {
  return new Map(map).set(key, value);
}

function without<V>(map: ReadonlyMap<string, V>, key: string): ReadonlyMap<string, V> {
  if (!map.has(key)) return map;
  const rest = new Map(map);
  rest.delete(key);
  return rest;
}

export function withMember(set: ReadonlySet<string>, member: string): ReadonlySet<string> {
  return new Set(set).add(member);
}

export function withoutMember(set: ReadonlySet<string>, member: string): ReadonlySet<string> {
  const rest = new Set(set);
  rest.delete(member);
  return rest;
}
