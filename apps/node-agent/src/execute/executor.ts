import { basename, dirname, join } from 'node:path';
import { FileTree } from '#files';
import { ImageError } from '../images/image-service.js';
import { IMAGE_PULL } from '../plan/backoff.js';
import type { Step } from '../plan/steps.js';
import type { ImageProgress } from '../pod/pod-memory.js';
import { podCgroup, podLimits } from '../pod/resources.js';
import { CriError, GrpcCode, hasCode } from '../runtime/cri.js';
import { ContainerState } from '../runtime/cri-types.js';
import { MountFailure, mountAll, unmountAll } from '../volumes/volume-set.js';
import {
  type Execution,
  findContainer,
  type PodState,
  pullSecrets,
  recordContainer,
  unmountContext,
  volumeContext,
} from './execution.js';
import { killContainer, runPreStop } from './kill-container.js';
import { resizePod } from './resize-pod.js';
import { sandboxConfig } from './sandbox-config.js';
import { startContainer } from './start-container.js';

/** Doubles from half a second to two minutes, as upstream's volume operations do. Milliseconds. */
const VOLUME_RETRY = { initial: 500, max: 122_000 };
/** Upstream tries a failed sandbox again with the pod's next sync. */
const SANDBOX_RETRY = { initial: 1000, max: 30_000 };

/** Milliseconds. */
const INSPECT_RETRY = 1000;

type Handler<T extends Step['type']> = (
  execution: Execution,
  state: PodState,
  step: Extract<Step, { type: T }>,
) => Promise<void>;

const HANDLERS: { [T in Step['type']]: Handler<T> } = {
  makeCgroup,
  mountVolumes,
  runSandbox,
  ensureImage,
  startContainer,
  killContainer,
  preStop: async (execution, state, step) => {
    state.memory.stopHooks.add(step.key);
    await runPreStop(execution, state, step);
  },
  resizePod,
  noteBackoff,
  removeContainer,
  stopSandbox: async ({ runtime }, { memory }, { id }) => {
    await ignoreMissing(runtime.stopPodSandbox(id));
    memory.stoppedSandboxes.add(id);
  },
  removeSandbox: ({ runtime }, _state, { id }) => ignoreMissing(runtime.removePodSandbox(id)),
  cleanUp,
  deletePod: ({ deletePod }, { pod }) => deletePod(pod),
};

/** Runs one step. What it finds out goes into the pod's memory; what it throws is unexpected and tried again later. */
export function execute(execution: Execution, state: PodState, step: Step): Promise<void> {
  const handler = HANDLERS[step.type] as Handler<Step['type']>;
  return handler(execution, state, step);
}

async function makeCgroup({ cgroups, node, paths }: Execution, { pod, memory }: PodState): Promise<void> {
  // First of all that is made for a pod, and removed last: by it the agent knows its own pods.
  await paths.files.makeFolder(paths.pod(pod.metadata.uid), 0o750);
  const limits = podLimits(pod, node.podPidsLimit);
  cgroups.apply(podCgroup(pod), limits);
  memory.cgroupLimits = limits;
  memory.cgroupReady = true;
}

async function mountVolumes(execution: Execution, state: PodState): Promise<void> {
  const { pod, memory } = state;
  const { paths, events, logger } = execution;
  try {
    await paths.files.makeFolder(paths.volumes(pod.metadata.uid), 0o750);
    const mounted = await mountAll(volumeContext(execution, state));
    for (const [name, path] of mounted) state.volumes.set(name, path);
    memory.volumes = 'ready';
    memory.volumeFailure = undefined;
  } catch (error) {
    if (!(error instanceof MountFailure)) throw error;
    events.event(pod, 'Warning', 'FailedMount', error.message);
    logger.warn('volume not mounted', { pod: `${pod.metadata.namespace}/${pod.metadata.name}`, error });
    const { cause } = error;
    const image = cause instanceof ImageError ? cause : undefined;
    // A registry is spared as it is for containers.
    const retryAt = nextRetry(execution, memory.volumeFailure, image?.pulled ? IMAGE_PULL : VOLUME_RETRY);
    memory.volumeFailure = image
      ? { reason: image.reason, message: image.message, volume: error.volume, ...retryAt }
      : { reason: 'ContainerCreating', message: error.message, ...retryAt };
  }
}

async function runSandbox(
  execution: Execution,
  state: PodState,
  step: Extract<Step, { type: 'runSandbox' }>,
): Promise<void> {
  const { runtime, paths, cgroups, dns, seccompRoot, events, logger } = execution;
  const { pod, memory, observed } = state;
  if (observed.sandboxes.length > 0) {
    events.event(pod, 'Normal', 'SandboxChanged', 'Pod sandbox changed, it will be killed and re-created.');
  }
  const logDirectory = paths.logDirectory(pod);
  await paths.logFiles.makeFolder(logDirectory, 0o755);
  try {
    const config = sandboxConfig({
      pod,
      attempt: step.attempt,
      logDirectory,
      cgroupParent: cgroups.runtimePath(podCgroup(pod)),
      dns,
      seccompRoot,
    });
    await runtime.runPodSandbox(config, await execution.runtimeHandler(pod));
    memory.sandboxFailure = undefined;
  } catch (error) {
    const message = (error as Error).message;
    events.event(pod, 'Warning', 'FailedCreatePodSandBox', `Failed to create pod sandbox: ${message}`);
    logger.warn('sandbox not created', { pod: `${pod.metadata.namespace}/${pod.metadata.name}`, error });
    const retryAt = nextRetry(execution, memory.sandboxFailure, SANDBOX_RETRY);
    memory.sandboxFailure = { reason: 'ContainerCreating', message, ...retryAt };
  }
}

async function ensureImage(
  execution: Execution,
  state: PodState,
  step: Extract<Step, { type: 'ensureImage' }>,
): Promise<void> {
  const { pod, memory } = state;
  const { restartCount } = step;
  const container = findContainer(pod, step.container, step.kind);
  const { image } = container;
  const before = memory.images.get(step.container);
  try {
    const secrets = await pullSecrets(execution, pod);
    const imageRef = await execution.images.ensure(container, secrets, (type, reason, message) => {
      recordContainer(execution, pod, step.container, type, reason, message);
    });
    memory.images.set(step.container, { image, restartCount, imageRef });
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    recordContainer(execution, pod, step.container, 'Warning', 'Failed', `Error: ${error.reason}`);
    const doubled =
      before?.pulled && before.delay && before.image === image
        ? Math.min(before.delay * 2, IMAGE_PULL.max)
        : IMAGE_PULL.initial;
    // Only a registry must be spared; the runtime itself may be back in a moment.
    const delay = error.pulled ? doubled : error.reason === 'ImageInspectError' ? INSPECT_RETRY : IMAGE_PULL.initial;
    const failed: ImageProgress = {
      image,
      restartCount,
      failure: { reason: error.reason, message: error.message },
      retryAt: execution.now() + delay,
      delay,
      pulled: error.pulled,
    };
    memory.images.set(step.container, failed);
  }
}

async function noteBackoff(
  execution: Execution,
  { pod, memory }: PodState,
  step: Extract<Step, { type: 'noteBackoff' }>,
): Promise<void> {
  memory.noted.add(step.key);
  const { name, namespace, uid } = pod.metadata;
  if (step.cause === 'crash') {
    const message = `Back-off restarting failed container ${step.container} in pod ${name}_${namespace}(${uid})`;
    return recordContainer(execution, pod, step.container, 'Warning', 'BackOff', message);
  }
  const image = memory.images.get(step.container);
  if (!image?.failure) return;
  const message = `Back-off pulling image "${image.image}"`;
  recordContainer(execution, pod, step.container, 'Normal', 'BackOff', message);
  recordContainer(execution, pod, step.container, 'Warning', 'Failed', 'Error: ImagePullBackOff');
  image.failure = { reason: 'ImagePullBackOff', message: `${message}: ErrImagePull: ${image.failure.message}` };
}

/** With its logs and its last words: both lie on the host and only grow. */
async function removeContainer(
  { runtime, paths }: Execution,
  { observed, memory }: PodState,
  { id }: Extract<Step, { type: 'removeContainer' }>,
): Promise<void> {
  const container = observed.containers.find((candidate) => candidate.id === id);
  // What was seen before it was started may run by now, and the runtime would end it.
  if (container?.state === 'created' && (await isStarted(runtime, id))) return;
  await ignoreMissing(runtime.removeContainer(id));
  memory.messages.delete(id);
  memory.probes.delete(id);
  memory.outOfMemory.delete(id);
  memory.applied.delete(id);
  if (container?.messageFile) await paths.files.remove(container.messageFile);
  if (container?.logPath) await removeLogs(container.logPath);
}

async function isStarted(runtime: Execution['runtime'], id: string): Promise<boolean> {
  try {
    return (await runtime.containerStatus(id)).state === ContainerState.Running;
  } catch (error) {
    if (hasCode(error, GrpcCode.NotFound)) return false;
    throw error;
  }
}

async function removeLogs(path: string): Promise<void> {
  const folder = new FileTree(dirname(path));
  const names = (await folder.list(folder.root)).map(({ name }) => name);
  const parts = names.filter((name) => name === basename(path) || name.startsWith(`${basename(path)}.`));
  for (const name of parts) await folder.remove(join(folder.root, name));
}

async function cleanUp(
  execution: Execution,
  { pod, memory, volumes }: PodState,
  step: Extract<Step, { type: 'cleanUp' }>,
): Promise<void> {
  const { uid } = pod.metadata;
  await unmountAll(unmountContext(execution), uid);
  volumes.clear();
  memory.volumes = 'absent';
  await execution.cgroups.remove(podCgroup(pod));
  memory.cgroupReady = false;
  if (step.everything) {
    const { paths } = execution;
    await paths.logFiles.remove(paths.logDirectory(pod));
    await paths.files.remove(paths.pod(uid));
  }
  memory.cleaned = step.everything ? 'removed' : 'released';
}

function nextRetry(
  { now }: Execution,
  before: { delay?: number } | undefined,
  limits: { initial: number; max: number },
): { retryAt: number; delay: number } {
  const delay = before?.delay ? Math.min(before.delay * 2, limits.max) : limits.initial;
  return { retryAt: now() + delay, delay };
}

async function ignoreMissing(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof CriError) || !hasCode(error, GrpcCode.NotFound)) throw error;
  }
}
