import { createHash } from 'node:crypto';
import { GrpcCode, type RuntimeChannel } from '../runtime/cri.js';
import {
  ContainerState,
  type CriContainerConfig,
  type CriContainerStatus,
  type CriImage,
  type CriSandboxConfig,
  type CriSandboxStatus,
  type RuntimeEvent,
  SandboxState,
} from '../runtime/cri-types.js';

export const HOLLOW_RUNTIME = 'hollow';

/** Bytes that each image is said to have. */
const IMAGE_SIZE = 1 << 20;
const NANOSECONDS = 1e6;

interface HollowContainer {
  sandboxId: string;
  status: CriContainerStatus;
}

export interface HollowRuntimeOptions {
  /** Where images are said to lie: a folder that there is. */
  imagePath: string;
  /** The address of the next pod; given back when the sandbox goes. */
  takeAddress(): string;
  returnAddress(address: string): void;
  now?(): number;
}

type Call = (request: any) => unknown;

/**
 * A container runtime that runs nothing: sandboxes and containers are records, each image is there as soon as it is pulled, and
 * a container runs until it is stopped. It answers the calls of CRI v1 in the form of the binding, so the agent above it is the
 * one that production has.
 */
export class HollowRuntime implements RuntimeChannel {
  private readonly sandboxes = new Map<string, CriSandboxStatus>();
  private readonly containers = new Map<string, HollowContainer>();
  private readonly images = new Map<string, CriImage>();
  private readonly watchers = new Set<(event: string) => void>();
  private readonly now: () => number;
  private sequence = 0;
  private readonly calls: ReadonlyMap<string, Call>;

  constructor(private readonly options: HollowRuntimeOptions) {
    this.now = options.now ?? Date.now;
    this.calls = new Map(Object.entries(this.table()));
  }

  async call(method: string, request: string): Promise<string> {
    const call = this.calls.get(method);
    if (!call) throw failure(GrpcCode.Unimplemented, `a hollow node has no ${method}`);
    return JSON.stringify(call(JSON.parse(request)) ?? {});
  }

  async openImageView(): Promise<string> {
    throw failure(GrpcCode.Unimplemented, 'a hollow node has no files of images');
  }

  async closeImageViews(): Promise<void> {}

  /** Never ends: this runtime lives as long as its agent. */
  watchEvents(deliver: (event: string) => void): Promise<void> {
    this.watchers.add(deliver);
    deliver(JSON.stringify({ kind: 'connected', id: '' } satisfies RuntimeEvent));
    return new Promise(() => {});
  }

  private table(): Record<string, Call> {
    return {
      Version: () => ({ version: '0.1.0', runtimeName: HOLLOW_RUNTIME, runtimeVersion: '1', runtimeApiVersion: 'v1' }),
      Status: () => ({
        status: { conditions: ['RuntimeReady', 'NetworkReady'].map((type) => ({ type, status: true })) },
        runtimeHandlers: [],
        features: null,
      }),
      ImageFsInfo: () => ({
        imageFilesystems: [{ fsId: { mountpoint: this.options.imagePath } }],
        containerFilesystems: [],
      }),
      RunPodSandbox: ({ config, runtimeHandler }) => ({ podSandboxId: this.runSandbox(config, runtimeHandler) }),
      StopPodSandbox: ({ podSandboxId }) => this.stopSandbox(podSandboxId),
      RemovePodSandbox: ({ podSandboxId }) => this.removeSandbox(podSandboxId),
      PodSandboxStatus: ({ podSandboxId }) => ({ status: this.sandbox(podSandboxId) }),
      ListPodSandbox: ({ filter }) => ({
        items: [...this.sandboxes.values()].filter(labelled(filter)),
      }),
      CreateContainer: ({ podSandboxId, config }) => ({ containerId: this.createContainer(podSandboxId, config) }),
      StartContainer: ({ containerId }) => this.startContainer(containerId),
      StopContainer: ({ containerId }) => this.stopContainer(this.container(containerId)),
      RemoveContainer: ({ containerId }) => this.removeContainer(containerId),
      ContainerStatus: ({ containerId }) => ({ status: this.container(containerId).status }),
      ListContainers: ({ filter }) => ({
        containers: [...this.containers.values()]
          .map(({ sandboxId, status }) => ({ ...status, podSandboxId: sandboxId }))
          .filter(labelled(filter)),
      }),
      UpdateContainerResources: ({ containerId, linux }) => {
        this.container(containerId).status.resources = { linux };
      },
      ReopenContainerLog: () => {},
      ExecSync: ({ containerId }) => {
        this.container(containerId);
        return { stdout: '', stderr: '', exitCode: 0 };
      },
      ListContainerStats: () => ({ stats: [] }),
      ListPodSandboxStats: () => ({ stats: [] }),
      ListImages: () => ({ images: [...new Set(this.images.values())] }),
      ImageStatus: ({ image }) => ({ image: this.images.get(image.image) ?? null }),
      PullImage: ({ image }) => ({ imageRef: this.pull(image.image) }),
      RemoveImage: ({ image }) => {
        this.images.delete(image.image);
      },
    };
  }

  private newId(): string {
    return (++this.sequence).toString(16).padStart(64, '0');
  }

  private time(): number {
    return this.now() * NANOSECONDS;
  }

  private sandbox(id: string): CriSandboxStatus {
    const found = this.sandboxes.get(id);
    if (!found) throw failure(GrpcCode.NotFound, `no sandbox ${id}`);
    return found;
  }

  private container(id: string): HollowContainer {
    const found = this.containers.get(id);
    if (!found) throw failure(GrpcCode.NotFound, `no container ${id}`);
    return found;
  }

  private runSandbox(config: CriSandboxConfig, runtimeHandler: string): string {
    const id = this.newId();
    const options = config.linux.securityContext?.namespaceOptions ?? {};
    const status: CriSandboxStatus = {
      id,
      metadata: config.metadata,
      state: SandboxState.Ready,
      createdAt: this.time(),
      labels: config.labels,
      annotations: config.annotations,
      runtimeHandler,
      network: { ip: this.options.takeAddress(), additionalIps: [] },
      linux: { namespaces: { options } },
    };
    this.sandboxes.set(id, status);
    return id;
  }

  private stopSandbox(id: string): void {
    const status = this.sandbox(id);
    if (status.state !== SandboxState.Ready) return;
    for (const container of this.containers.values()) if (container.sandboxId === id) this.stopContainer(container);
    status.state = SandboxState.NotReady;
    if (status.network) this.options.returnAddress(status.network.ip);
    status.network = null;
    this.announce('stopped', id);
  }

  private removeSandbox(id: string): void {
    this.stopSandbox(id);
    for (const [containerId, { sandboxId }] of this.containers)
      if (sandboxId === id) this.containers.delete(containerId);
    this.sandboxes.delete(id);
    this.announce('deleted', id);
  }

  private createContainer(sandboxId: string, config: CriContainerConfig): string {
    this.sandbox(sandboxId);
    const id = this.newId();
    const image = this.images.get(config.image.image);
    const status: CriContainerStatus = {
      id,
      metadata: config.metadata,
      state: ContainerState.Created,
      createdAt: this.time(),
      startedAt: 0,
      finishedAt: 0,
      exitCode: 0,
      image: config.image,
      imageRef: image?.id ?? config.image.image,
      imageId: image?.id ?? config.image.image,
      reason: '',
      message: '',
      labels: config.labels,
      annotations: config.annotations,
      mounts: config.mounts ?? [],
      logPath: '',
      resources: { linux: config.linux.resources ?? {} },
      user: null,
    };
    this.containers.set(id, { sandboxId, status });
    return id;
  }

  private startContainer(id: string): void {
    const { status } = this.container(id);
    if (status.state !== ContainerState.Created) {
      throw failure(GrpcCode.FailedPrecondition, `container ${id} was started before`);
    }
    status.state = ContainerState.Running;
    status.startedAt = this.time();
    this.announce('started', id);
  }

  /** It ends as a program does that obeys the signal to terminate. */
  private stopContainer({ status }: HollowContainer): void {
    if (status.state !== ContainerState.Running) return;
    Object.assign(status, { state: ContainerState.Exited, finishedAt: this.time(), exitCode: 0, reason: 'Completed' });
    this.announce('stopped', status.id);
  }

  private removeContainer(id: string): void {
    this.containers.delete(id);
    this.announce('deleted', id);
  }

  private pull(image: string): string {
    const id = `sha256:${createHash('sha256').update(image).digest('hex')}`;
    const entry = { id, repoTags: [image], repoDigests: [], size: IMAGE_SIZE, uid: null, username: '', pinned: false };
    this.images.set(image, entry);
    this.images.set(id, entry);
    return id;
  }

  /** After the answer to the call that caused it, as a runtime's events come. */
  private announce(kind: RuntimeEvent['kind'], id: string): void {
    const text = JSON.stringify({ kind, id } satisfies RuntimeEvent);
    setImmediate(() => {
      for (const deliver of this.watchers) deliver(text);
    });
  }
}

/** An error in the binding's form. */
function failure(code: number, message: string): Error {
  return new Error(JSON.stringify({ code, message }));
}

function labelled(filter: { labelSelector?: Record<string, string> } | undefined) {
  const wanted = Object.entries(filter?.labelSelector ?? {});
  return ({ labels }: { labels: Record<string, string> }) =>
    wanted.every(([name, value]) => Object.hasOwn(labels, name) && labels[name] === value);
}
