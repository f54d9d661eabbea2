import type { KubeObject } from '#apimachinery';
import type { EventRecorder, Logger } from '#client';
import type { ImageService } from '../images/image-service.js';
import type { ObservedPod } from '../observe/observed-pod.js';
import type { ConfigSource } from '../pod/config-source.js';
import { type Container, type ContainerKind, containerFieldPath, type Pod, type ResourceList } from '../pod/pod.js';
import type { PodMemory } from '../pod/pod-memory.js';
import type { PodPaths } from '../pod/pod-paths.js';
import type { Cgroups } from '../runtime/cgroups.js';
import type { CriRuntime } from '../runtime/cri.js';
import type { Mounter, TokenSource, UnmountContext, VolumeContext } from '../volumes/volume-plugin.js';
import type { KernelPaths } from './kernel-paths.js';
import type { DnsSettings } from './pod-dns.js';

/** What steps act with; one for the whole agent. */
export interface Execution {
  runtime: CriRuntime;
  cgroups: Cgroups;
  images: ImageService;
  paths: PodPaths;
  source: ConfigSource;
  tokens: TokenSource;
  events: EventRecorder;
  logger: Logger;
  mounter: Mounter;
  memoryDirectory: string;
  seccompRoot: string;
  kernelPaths: KernelPaths;
  dns: DnsSettings;
  node: NodeFacts;
  /** Services that the pod sees as variables; waits until they are known, unless the pod must run without an API server. */
  services(pod: Pod): Promise<{ services: readonly KubeObject[]; master: KubeObject | undefined }>;
  /** What its RuntimeClass names in the runtime; '' for the default. Rejects when there is no such class. */
  runtimeHandler(pod: Pod): Promise<string>;
  /** Takes the pod from the API server for good. */
  deletePod(pod: Pod): Promise<void>;
  now(): number;
}

export interface NodeFacts {
  name: string;
  hostIPs: string[];
  allocatable: ResourceList;
  memoryCapacity: number;
  minimumOomScore: number;
  /** Processes a pod may have; 0 is no limit. */
  podPidsLimit: number;
}

/** One pod as a step sees it. */
export interface PodState {
  pod: Pod;
  removed: boolean;
  observed: ObservedPod;
  memory: PodMemory;
  /** Host paths by volume name, once mounted. */
  volumes: Map<string, string>;
}

export function findContainer(pod: Pod, name: string, kind: ContainerKind): Container {
  const lists = {
    init: pod.spec.initContainers,
    container: pod.spec.containers,
    ephemeral: pod.spec.ephemeralContainers,
  };
  const container = lists[kind]?.find((candidate) => candidate.name === name);
  if (!container) throw new Error(`container ${name} is not in the pod`);
  return container;
}

export function kindOf(pod: Pod, name: string): ContainerKind | undefined {
  if (pod.spec.containers.some((container) => container.name === name)) return 'container';
  if (pod.spec.initContainers?.some((container) => container.name === name)) return 'init';
  return pod.spec.ephemeralContainers?.some((container) => container.name === name) ? 'ephemeral' : undefined;
}

export function recordContainer(
  { events }: Pick<Execution, 'events'>,
  pod: Pod,
  name: string,
  type: 'Normal' | 'Warning',
  reason: string,
  message: string,
): void {
  const kind = kindOf(pod, name);
  events.event(pod, type, reason, message, kind && containerFieldPath(kind, name));
}

export function podIPs(state: PodState, node: NodeFacts): string[] {
  if (state.pod.spec.hostNetwork) return node.hostIPs;
  return state.observed.sandboxes.find((sandbox) => sandbox.ready)?.ips ?? [];
}

export function volumeContext(execution: Execution, state: PodState): VolumeContext {
  const { node, paths, source, tokens, mounter, memoryDirectory } = execution;
  return {
    pod: state.pod,
    podIPs: podIPs(state, node),
    hostIPs: node.hostIPs,
    nodeName: node.name,
    nodeAllocatable: node.allocatable,
    paths,
    source,
    tokens,
    mounter,
    memoryDirectory,
    images: {
      async ensure(volume, image, imagePullPolicy) {
        const { pod } = state;
        const secrets = await pullSecrets(execution, pod);
        return execution.images.ensure({ image, imagePullPolicy }, secrets, (type, reason, message) =>
          execution.events.event(pod, type, reason, `Volume "${volume}": ${message}`),
        );
      },
      open: (uid, volume, image) => execution.runtime.openImageView(image, uid, `image-volume-${uid}-${volume}`),
    },
  };
}

export function unmountContext(execution: Execution): UnmountContext {
  const { paths, memoryDirectory, runtime } = execution;
  return { paths, memoryDirectory, closeImages: (uid) => runtime.closeImageViews(uid) };
}

/** Those of the pod's imagePullSecrets that exist. */
export async function pullSecrets({ source }: Pick<Execution, 'source'>, pod: Pod): Promise<KubeObject[]> {
  const names = (pod.spec.imagePullSecrets ?? [])
    .map(({ name }) => name)
    .filter((name): name is string => Boolean(name));
  const secrets = await Promise.all(
    names.map((name) => source.secret(pod.metadata.namespace, name).catch(() => undefined)),
  );
  return secrets.filter((secret): secret is KubeObject => secret !== undefined);
}
