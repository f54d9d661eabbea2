import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { ownValue } from '#apimachinery';
import { nodeHosts } from '../node/machine.js';
import type { Step } from '../plan/steps.js';
import type { Container, Pod } from '../pod/pod.js';
import { podCgroup } from '../pod/resources.js';
import { CriError } from '../runtime/cri.js';
import { type CriMount, MountPropagation } from '../runtime/cri-types.js';
import { readOnlyVolumes } from '../volumes/volume-set.js';
import { containerConfig } from './container-config.js';
import { buildEnvironment, ConfigError } from './environment.js';
import { type Execution, findContainer, type PodState, podIPs, recordContainer, volumeContext } from './execution.js';
import { expand } from './expand.js';
import { runHook } from './hooks.js';
import { hostsFile } from './hosts-file.js';
import { killContainer } from './kill-container.js';
import { podHostname } from './pod-dns.js';
import { sandboxConfig } from './sandbox-config.js';
import { SecurityContextError } from './security-context.js';

type StartStep = Extract<Step, { type: 'startContainer' }>;

/** How long a start that failed for its configuration waits; a crash has its own back-off. Milliseconds. */
const RETRY_DELAY = 10_000;
const GOING_POLL = 100;

/** Reason and message are those of the container's waiting state. */
class StartError extends Error {
  constructor(
    readonly reason: string,
    message: string,
  ) {
    super(message);
  }
}

/** Creates and starts a container and runs its postStart hook. Failures go into the pod's memory. */
export async function startContainer(execution: Execution, state: PodState, step: StartStep): Promise<void> {
  const { pod, memory } = state;
  const name = step.container;
  const fail = (reason: string, message: string): void => {
    const retryAt = execution.now() + RETRY_DELAY;
    memory.startFailures.set(name, { reason, message, retryAt, sandboxId: step.sandboxId });
  };
  let id: string;
  const container = findContainer(pod, name, step.kind);
  try {
    id = await create(execution, state, step, container);
    memory.startFailures.delete(name);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    recordContainer(execution, pod, name, 'Warning', 'Failed', `Error: ${error.message}`);
    return fail(error.reason, error.message);
  } finally {
    if (step.backoff) memory.backoffs.set(name, step.backoff);
  }
  try {
    await execution.runtime.startContainer(id);
  } catch (error) {
    const message = descriptionOf(error);
    recordContainer(execution, pod, name, 'Warning', 'Failed', `Error: ${message}`);
    return fail('RunContainerError', message);
  }
  recordContainer(execution, pod, name, 'Normal', 'Started', 'Container started');
  await postStart(execution, state, step, container, id);
}

export async function postStart(
  execution: Execution,
  state: PodState,
  step: Pick<StartStep, 'container'>,
  container: Container,
  id: string,
): Promise<void> {
  const handler = container.lifecycle?.postStart;
  if (!handler) return;
  const podIP = podIPs(state, execution.node)[0] ?? '';
  try {
    const hook = runHook(execution.runtime, handler, { containerId: id, container, podIP }, 0);
    await unlessGoing(state, id, hook);
  } catch (error) {
    const { pod } = state;
    execution.logger.warn('postStart hook failed', { pod: pod.metadata.name, container: step.container, error });
    recordContainer(execution, pod, step.container, 'Warning', 'FailedPostStartHook', 'PostStartHook failed');
    await killContainer(execution, state, {
      type: 'killContainer',
      key: `kill:${id}`,
      id,
      container: step.container,
      graceSeconds: pod.spec.terminationGracePeriodSeconds ?? 30,
      reason: 'Unknown',
      message: 'FailedPostStartHook',
    });
  }
}

/**
 * Waits no longer when the pod must go, whose containers are stopped whether a hook has ended or not, or when the container
 * has ended, which the hook need not notice: somebody else may be asked by it.
 */
async function unlessGoing(state: PodState, id: string, hook: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const going = new Promise<void>((resolve) => {
    const hasEnded = () => state.observed.containers.some((other) => other.id === id && other.state === 'exited');
    timer = setInterval(() => (state.memory.kill || hasEnded()) && resolve(), GOING_POLL);
  });
  try {
    await Promise.race([hook, going]);
  } finally {
    clearInterval(timer);
  }
}

async function create(execution: Execution, state: PodState, step: StartStep, container: Container): Promise<string> {
  const { runtime, paths, node, cgroups, dns, seccompRoot, kernelPaths } = execution;
  const { pod, observed } = state;
  const image = await runtime.imageStatus(step.imageRef);
  if (!image) {
    // Removed since it was pulled: ensure it anew.
    state.memory.images.delete(step.container);
    throw new StartError('CreateContainerError', `image "${step.imageRef}" is no longer on the node`);
  }
  let config: Parameters<typeof runtime.createContainer>[1];
  try {
    const environment = await environmentOf(execution, state, container);
    const mounts = await containerMounts(execution, state, container, environment);
    const target = container.targetContainerName;
    config = containerConfig({
      pod,
      container,
      restartCount: step.restartCount,
      image,
      imageRef: step.imageRef,
      environment,
      mounts,
      logPath: paths.containerLog(step.container, step.restartCount),
      seccompRoot,
      kernelPaths,
      volumeGroups: fsGroups(pod),
      resources: node,
      targetContainerId:
        target && observed.containers.find((other) => other.name === target && other.state === 'running')?.id,
    });
  } catch (error) {
    const expected = error instanceof ConfigError || error instanceof SecurityContextError;
    if (!expected) execution.logger.warn('container config failed', { pod: pod.metadata.name, error });
    throw new StartError('CreateContainerConfigError', (error as Error).message);
  }
  await paths.logFiles.makeFolder(join(paths.logDirectory(pod), step.container), 0o755);
  const sandbox = sandboxConfig({
    pod,
    attempt: observed.sandboxes.find(({ id }) => id === step.sandboxId)?.attempt ?? 0,
    logDirectory: paths.logDirectory(pod),
    cgroupParent: cgroups.runtimePath(podCgroup(pod)),
    dns,
    seccompRoot,
  });
  try {
    const id = await runtime.createContainer(step.sandboxId, config, sandbox);
    state.memory.applied.set(id, container.resources ?? {});
    recordContainer(execution, pod, step.container, 'Normal', 'Created', 'Container created');
    return id;
  } catch (error) {
    throw new StartError('CreateContainerError', descriptionOf(error));
  }
}

function descriptionOf(error: unknown): string {
  return error instanceof CriError ? error.description : (error as Error).message;
}

function fsGroups(pod: Pod): number[] {
  const group = pod.spec.securityContext?.fsGroup;
  return group === undefined ? [] : [group];
}

async function environmentOf(
  execution: Execution,
  state: PodState,
  container: Container,
): Promise<Map<string, string>> {
  const { pod } = state;
  const known = await execution.services(pod);
  return buildEnvironment({
    ...volumeContext(execution, state),
    container,
    source: execution.source,
    services: known.services,
    masterService: known.master,
    onInvalid: (from, keys) => {
      const list = keys.join(', ');
      const message = `Keys [${list}] from the EnvFrom source ${pod.metadata.namespace}/${from} were skipped since they are considered invalid environment variable names.`;
      execution.events.event(pod, 'Warning', 'InvalidEnvironmentVariableNames', message);
    },
  });
}

async function containerMounts(
  execution: Execution,
  state: PodState,
  container: Container,
  environment: Map<string, string>,
): Promise<CriMount[]> {
  const { pod, volumes } = state;
  const { uid } = pod.metadata;
  const { paths } = execution;
  const mounts: CriMount[] = [];
  const readOnly = readOnlyVolumes(pod.spec.volumes);
  for (const [index, mount] of (container.volumeMounts ?? []).entries()) {
    const volume = volumes.get(mount.name);
    if (volume === undefined)
      throw new ConfigError(`cannot find volume "${mount.name}" to mount into container "${container.name}"`);
    const subPath = mount.subPathExpr ? expandStrictly(mount.subPathExpr, environment) : mount.subPath;
    let hostPath = volume;
    if (subPath) {
      hostPath = paths.subPath(uid, mount.name, container.name, index);
      await bindSubPath(execution, container, mount.name, { volume, subPath, place: hostPath });
    }
    mounts.push({
      containerPath: mount.mountPath.startsWith('/') ? mount.mountPath : `/${mount.mountPath}`,
      hostPath,
      readonly: mount.readOnly === true || readOnly.has(mount.name),
      propagation: ownValue(MountPropagation, mount.mountPropagation ?? 'None') ?? 0,
    });
  }
  const hosts = await writeHosts(execution, state);
  if (!mounts.some((mount) => mount.containerPath === '/etc/hosts')) {
    mounts.push({ containerPath: '/etc/hosts', hostPath: hosts, selinuxRelabel: true });
  }
  const messagePath = container.terminationMessagePath ?? '/dev/termination-log';
  if (messagePath) {
    const directory = paths.container(uid, container.name);
    await paths.files.makeFolder(directory, 0o750);
    const hostPath = join(directory, randomBytes(4).toString('hex'));
    // A process of any user writes its last words here.
    await paths.files.write(hostPath, '', 0o666);
    mounts.push({ containerPath: messagePath, hostPath, selinuxRelabel: true });
  }
  return mounts;
}

/** Errors are kubelet's words: what the node's files look like is told to its log only. */
async function bindSubPath(
  { paths, logger }: Execution,
  container: Container,
  mount: string,
  { volume, subPath, place }: { volume: string; subPath: string; place: string },
): Promise<void> {
  if (subPath.startsWith('/')) throw new ConfigError(`error SubPath \`${subPath}\` must not be an absolute path`);
  if (subPath.split('/').includes('..'))
    throw new ConfigError(`unable to provision SubPath \`${subPath}\`: must not contain '..'`);
  try {
    await paths.files.bindSubPath(volume, subPath, place);
  } catch (error) {
    logger.warn('subPath not prepared', { container: container.name, mount, error });
    throw new ConfigError(`failed to prepare subPath for volumeMount "${mount}" of container "${container.name}"`);
  }
}

/** subPathExpr must resolve completely. */
function expandStrictly(expression: string, environment: Map<string, string>): string {
  return expand(expression, (name) => {
    const value = environment.get(name);
    if (value === undefined)
      throw new ConfigError(`failed to expand subPathExpr: ${expression}: ${name} is not defined`);
    return value;
  });
}

/** Written at each start: the pod's address changes with its sandbox. */
async function writeHosts(execution: Execution, state: PodState): Promise<string> {
  const { pod } = state;
  const path = execution.paths.etcHosts(pod.metadata.uid);
  const { hostname, domain } = podHostname(pod, execution.dns.clusterDomain);
  const host = pod.spec.hostNetwork ? await nodeHosts() : '';
  const text = hostsFile(pod, podIPs(state, execution.node), hostname, domain, host);
  await execution.paths.files.write(path, text, 0o644);
  return path;
}
