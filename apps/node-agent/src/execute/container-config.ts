import { containerAnnotations, containerLabels } from '../pod/labels.js';
import { missingFeatures, missingMessage } from '../pod/missing-features.js';
import type { Container, Pod } from '../pod/pod.js';
import { type ContainerResourceContext, containerResources } from '../pod/resources.js';
import type { CriContainerConfig, CriDevice, CriImage, CriMount } from '../runtime/cri-types.js';
import { ConfigError } from './environment.js';
import { expand } from './expand.js';
import type { KernelPaths } from './kernel-paths.js';
import { containerSecurityContext } from './security-context.js';
import { signalNumber } from './signals.js';

export interface ContainerInput {
  pod: Pod;
  container: Container;
  restartCount: number;
  image: CriImage;
  imageRef: string;
  environment: Map<string, string>;
  mounts: CriMount[];
  devices: CriDevice[];
  logPath: string;
  seccompRoot: string;
  kernelPaths: KernelPaths;
  volumeGroups: number[];
  resources: ContainerResourceContext;
  targetContainerId?: string;
}

/** Pure. Throws ConfigError or SecurityContextError when the container would get less than it asks for. */
export function containerConfig(input: ContainerInput): CriContainerConfig {
  const { pod, container, environment, restartCount } = input;
  checkFeatures(input);
  checkTarget(input);
  checkRecursiveReadOnly(container);
  const lookup = (name: string) => environment.get(name);
  const { stopSignal } = container.lifecycle ?? {};
  return {
    metadata: { name: container.name, attempt: restartCount },
    image: { image: input.imageRef, userSpecifiedImage: container.image ?? '' },
    command: (container.command ?? []).map((text) => expand(text, lookup)),
    args: (container.args ?? []).map((text) => expand(text, lookup)),
    workingDir: container.workingDir ?? '',
    envs: [...environment].map(([key, value]) => ({ key, value })),
    mounts: input.mounts,
    devices: input.devices,
    labels: containerLabels(pod, container),
    annotations: containerAnnotations(pod, container, restartCount),
    logPath: input.logPath,
    stdin: container.stdin === true,
    stdinOnce: container.stdinOnce === true,
    tty: container.tty === true,
    linux: {
      resources: containerResources(pod, container, input.resources),
      securityContext: containerSecurityContext({
        pod,
        container,
        image: input.image,
        seccompRoot: input.seccompRoot,
        kernelPaths: input.kernelPaths,
        volumeGroups: input.volumeGroups,
        targetContainerId: input.targetContainerId,
      }),
    },
    ...(stopSignal ? { stopSignal: signalNumber(stopSignal) } : {}),
  };
}

/** Once more for each container: ephemeral ones come after admission, and who ran under an older agent was asked less. */
function checkFeatures({ pod, container }: ContainerInput): void {
  const missing = missingFeatures({ ...pod, spec: { containers: [container] } });
  if (missing.length > 0) throw new ConfigError(missingMessage(missing));
}

function checkTarget({ container: { targetContainerName }, targetContainerId }: ContainerInput): void {
  if (targetContainerName && !targetContainerId) {
    throw new ConfigError(`unable to find target container ${targetContainerName}`);
  }
}

/** This node has it for nobody: `IfPossible` is a plain read-only mount, `Enabled` is refused. */
function checkRecursiveReadOnly({ volumeMounts = [] }: Container): void {
  const mount = volumeMounts.find(({ recursiveReadOnly }) => recursiveReadOnly === 'Enabled');
  if (!mount) return;
  const why = `volume ${JSON.stringify(mount.name)} requested recursive read-only mode, but it is not supported by the runtime`;
  throw new ConfigError(`failed to resolve recursive read-only mode: ${why}`);
}
