import { join } from 'node:path';
import type { PodState } from '../plan/pod-state.js';
import { type Container, findContainer, type Pod } from '../pod/pod.js';
import { podCgroup } from '../pod/resources.js';
import { CriError } from '../runtime/cri.js';
import type { CriContainerConfig, CriImage } from '../runtime/cri-types.js';
import { containerConfig } from './container-config.js';
import { containerDevices } from './container-devices.js';
import { recordContainer } from './container-events.js';
import { containerMounts, type MountServices } from './container-mounts.js';
import { buildEnvironment, ConfigError } from './environment.js';
import type { KillServices } from './kill-container.js';
import { postStart } from './post-start.js';
import { sandboxConfig } from './sandbox-config.js';
import { SecurityContextError } from './security-context.js';
import type { Needs, Outcomes, StepOf } from './step-services.js';
import { type VolumeServices, volumeContext } from './volume-context.js';

type StartStep = StepOf<'startContainer'>;
type StartServices = VolumeServices &
  MountServices &
  KillServices &
  Needs<'cgroups' | 'seccompRoot' | 'kernelPaths' | 'services' | 'policies'>;

/** Reason and message are those of the container's waiting state. */
class StartError extends Error {
  constructor(
    readonly reason: string,
    message: string,
  ) {
    super(message);
  }
}

/** The image was removed since it was pulled: it must be pulled anew. */
class ImageLost extends StartError {}

/** Creates and starts a container and runs its postStart hook. */
export async function* startContainer(services: StartServices, state: PodState, step: StartStep): Outcomes {
  const { pod } = state;
  const { container: name, sandboxId } = step;
  const container = findContainer(pod, name, step.kind);
  const failed = (reason: string, message: string) => {
    recordContainer(services, pod, name, 'Warning', 'Failed', `Error: ${message}`);
    return { type: 'startFailed', container: name, sandboxId, failure: { reason, message } } as const;
  };
  const id = await create(services, state, step, container).catch((error) => {
    if (error instanceof StartError) return error;
    throw error;
  });
  if (step.backoff) yield { type: 'restarted', container: name, backoff: step.backoff };
  if (id instanceof StartError) {
    if (id instanceof ImageLost) yield { type: 'imageLost', container: name };
    yield failed(id.reason, id.message);
    return;
  }
  yield { type: 'containerCreated', container: name, id, resources: container.resources ?? {} };
  try {
    await services.runtime.startContainer(id);
  } catch (error) {
    yield failed('RunContainerError', descriptionOf(error));
    return;
  }
  recordContainer(services, pod, name, 'Normal', 'Started', 'Container started');
  await postStart(services, state, container, id);
}

/** The id of the new container. Throws StartError. */
async function create(
  services: StartServices,
  state: PodState,
  step: StartStep,
  container: Container,
): Promise<string> {
  const { runtime, paths, cgroups, dns, seccompRoot } = services;
  const { pod, observed } = state;
  const image = await runtime.imageStatus(step.imageRef);
  if (!image) throw new ImageLost('CreateContainerError', `image "${step.imageRef}" is no longer on the node`);
  await isolate(services, state, step);
  const config = await configOf(services, state, step, container, image);
  const logDirectory = paths.logDirectory(pod);
  await paths.logFiles.makeFolder(join(logDirectory, step.container), 0o755);
  const sandbox = sandboxConfig({
    pod,
    attempt: observed.sandboxes.find(({ id }) => id === step.sandboxId)?.attempt ?? 0,
    logDirectory,
    cgroupParent: cgroups.runtimeParent(podCgroup(pod)),
    dns,
    seccompRoot,
  });
  try {
    const id = await runtime.createContainer(step.sandboxId, config, sandbox);
    recordContainer(services, pod, step.container, 'Normal', 'Created', 'Container created');
    return id;
  } catch (error) {
    throw new StartError('CreateContainerError', descriptionOf(error));
  }
}

/** Before the first packet of a container, the rules of its pod hold. */
async function isolate(
  { policies }: StartServices,
  { pod, observed }: PodState,
  { sandboxId }: StartStep,
): Promise<void> {
  if (pod.spec.hostNetwork) return;
  const addresses = observed.sandboxes.find(({ id }) => id === sandboxId)?.ips ?? [];
  try {
    await policies.isolate(pod, addresses);
  } catch (error) {
    throw new StartError('CreateContainerError', `network policies are not in force: ${(error as Error).message}`);
  }
}

async function configOf(
  services: StartServices,
  state: PodState,
  step: StartStep,
  container: Container,
  image: CriImage,
): Promise<CriContainerConfig> {
  const { paths, node, seccompRoot, kernelPaths, logger } = services;
  const { pod, observed } = state;
  const target = container.targetContainerName;
  try {
    const environment = await environmentOf(services, state, container);
    return containerConfig({
      pod,
      container,
      restartCount: step.restartCount,
      image,
      imageRef: step.imageRef,
      environment,
      mounts: await containerMounts(services, state, container, environment),
      devices: containerDevices(state, container),
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
    if (!expected) logger.warn('container config failed', { pod: pod.metadata.name, error });
    throw new StartError('CreateContainerConfigError', (error as Error).message);
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
  services: StartServices,
  state: PodState,
  container: Container,
): Promise<Map<string, string>> {
  const { pod } = state;
  const known = await services.services(pod);
  return buildEnvironment({
    ...volumeContext(services, state),
    container,
    source: services.source,
    services: known.services,
    masterService: known.master,
    onInvalid: (from, keys) => {
      const list = keys.join(', ');
      const message = `Keys [${list}] from the EnvFrom source ${pod.metadata.namespace}/${from} were skipped since they are considered invalid environment variable names.`;
      services.events.event(pod, 'Warning', 'InvalidEnvironmentVariableNames', message);
    },
  });
}
