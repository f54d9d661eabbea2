import { loadNative } from '#host';
import type { RuntimeClient } from '#native/cri';
import type {
  CriAuth,
  CriContainer,
  CriContainerConfig,
  CriContainerStats,
  CriContainerStatus,
  CriFilesystemUsage,
  CriImage,
  CriLinuxResources,
  CriMountCall,
  CriRuntimeConfig,
  CriRuntimeStatus,
  CriSandbox,
  CriSandboxConfig,
  CriSandboxStats,
  CriSandboxStatus,
  CriVersion,
  RuntimeEvent,
} from './cri-types.js';

/** gRPC codes that callers branch on. */
export const GrpcCode = {
  Cancelled: 1,
  Unknown: 2,
  DeadlineExceeded: 4,
  NotFound: 5,
  FailedPrecondition: 9,
  Unimplemented: 12,
  Unavailable: 14,
} as const;

const CODE_NAMES: Record<number, string> = {
  1: 'Canceled',
  2: 'Unknown',
  3: 'InvalidArgument',
  4: 'DeadlineExceeded',
  5: 'NotFound',
  6: 'AlreadyExists',
  7: 'PermissionDenied',
  8: 'ResourceExhausted',
  9: 'FailedPrecondition',
  10: 'Aborted',
  11: 'OutOfRange',
  12: 'Unimplemented',
  13: 'Internal',
  14: 'Unavailable',
};

/** The runtime refused a call. The message reads as a Go client prints it, since it ends in events and statuses. */
export class CriError extends Error {
  override name = 'CriError';

  constructor(
    readonly code: number,
    /** What the runtime said. */
    readonly description: string,
  ) {
    super(`rpc error: code = ${CODE_NAMES[code] ?? code} desc = ${description}`);
  }
}

const load = () => loadNative<typeof import('#native/cri')>('cri');

/** Kubelet's runtime-request-timeout. */
const TIMEOUT = 120_000;
const CONTAINER_CALL_TIMEOUT = 240_000;
/** The binding takes 32 bits: more would begin at zero again. Milliseconds. */
const LONGEST_TIMEOUT = 2 ** 32 - 1;
/** What kubelet gives StopContainer and ExecSync beyond their own time. */
const SLACK = 10_000;

/** How calls reach a runtime: the binding, or a runtime that this process itself plays. */
export type RuntimeChannel = Pick<RuntimeClient, 'call' | 'openImageView' | 'closeImageViews' | 'watchEvents'>;

export class CriRuntime {
  private readonly client: RuntimeChannel;
  /** Is told of each call, with the milliseconds that it took. */
  onDone: (method: string, ms: number, failed: boolean) => void = () => {};

  /** The path of the runtime's socket, or the runtime itself. */
  constructor(endpoint: string | RuntimeChannel) {
    this.client = typeof endpoint === 'string' ? new (load().RuntimeClient)(endpoint) : endpoint;
  }

  private async call<T>(method: string, request: object, timeout = TIMEOUT): Promise<T> {
    const begun = performance.now();
    let failed = true;
    try {
      const answer = await this.client.call(method, JSON.stringify(request), Math.min(timeout, LONGEST_TIMEOUT));
      failed = false;
      return JSON.parse(answer) as T;
    } catch (error) {
      throw asCriError(error);
    } finally {
      this.onDone(method, performance.now() - begun, failed);
    }
  }

  version(): Promise<CriVersion> {
    return this.call('Version', { version: 'v1' }, 10_000);
  }

  status(): Promise<CriRuntimeStatus> {
    return this.call('Status', {}, 10_000);
  }

  /** What sandboxes are made of, where the runtime tells: containerd before 1.7 does not pin it. */
  async sandboxImage(): Promise<string | undefined> {
    const config = JSON.parse((await this.verboseConfig()) ?? '{}') as { sandboxImage?: string };
    return config.sandboxImage;
  }

  /** containerd's configuration as JSON; undefined from a runtime that does not tell. */
  async verboseConfig(): Promise<string | undefined> {
    const { info } = await this.call<CriRuntimeStatus>('Status', { verbose: true }, 10_000);
    return info?.['config'];
  }

  runtimeConfig(): Promise<CriRuntimeConfig> {
    return this.call('RuntimeConfig', {}, 10_000);
  }

  async runPodSandbox(config: CriSandboxConfig, runtimeHandler = ''): Promise<string> {
    const answer = await this.call<{ podSandboxId: string }>(
      'RunPodSandbox',
      { config, runtimeHandler },
      CONTAINER_CALL_TIMEOUT,
    );
    return answer.podSandboxId;
  }

  stopPodSandbox(id: string): Promise<void> {
    return this.call('StopPodSandbox', { podSandboxId: id });
  }

  removePodSandbox(id: string): Promise<void> {
    return this.call('RemovePodSandbox', { podSandboxId: id });
  }

  async podSandboxStatus(id: string): Promise<CriSandboxStatus> {
    return (await this.call<{ status: CriSandboxStatus }>('PodSandboxStatus', { podSandboxId: id })).status;
  }

  async listSandboxes(labelSelector: Record<string, string> = {}): Promise<CriSandbox[]> {
    return (await this.call<{ items: CriSandbox[] }>('ListPodSandbox', { filter: { labelSelector } })).items;
  }

  async listContainers(labelSelector: Record<string, string> = {}): Promise<CriContainer[]> {
    return (await this.call<{ containers: CriContainer[] }>('ListContainers', { filter: { labelSelector } }))
      .containers;
  }

  async containerStatus(id: string): Promise<CriContainerStatus> {
    return (await this.call<{ status: CriContainerStatus }>('ContainerStatus', { containerId: id })).status;
  }

  async createContainer(
    podSandboxId: string,
    config: CriContainerConfig,
    sandboxConfig: CriSandboxConfig,
  ): Promise<string> {
    const request = { podSandboxId, config, sandboxConfig };
    return (await this.call<{ containerId: string }>('CreateContainer', request, CONTAINER_CALL_TIMEOUT)).containerId;
  }

  startContainer(id: string): Promise<void> {
    return this.call('StartContainer', { containerId: id }, CONTAINER_CALL_TIMEOUT);
  }

  /** Sends the stop signal, and SIGKILL after `graceSeconds`. */
  stopContainer(id: string, graceSeconds: number): Promise<void> {
    const timeout = Math.max(0, Math.ceil(graceSeconds));
    return this.call('StopContainer', { containerId: id, timeout }, TIMEOUT + timeout * 1000 + SLACK);
  }

  removeContainer(id: string): Promise<void> {
    return this.call('RemoveContainer', { containerId: id });
  }

  updateContainerResources(id: string, linux: CriLinuxResources): Promise<void> {
    return this.call('UpdateContainerResources', { containerId: id, linux });
  }

  reopenContainerLog(id: string): Promise<void> {
    return this.call('ReopenContainerLog', { containerId: id });
  }

  /** Output beyond what the runtime keeps is cut. A zero timeout waits for the command for as long as it takes. */
  execSync(
    id: string,
    cmd: string[],
    timeoutSeconds: number,
  ): Promise<{ stdout: string; stderr: string; exitCode: number }> {
    const limit = timeoutSeconds > 0 ? timeoutSeconds * 1000 + SLACK : 0;
    return this.call('ExecSync', { containerId: id, cmd, timeout: timeoutSeconds }, limit);
  }

  /** The URL of the runtime's streaming server. */
  async exec(request: {
    containerId: string;
    cmd: string[];
    tty: boolean;
    stdin: boolean;
    stdout: boolean;
    stderr: boolean;
  }): Promise<string> {
    return (await this.call<{ url: string }>('Exec', request)).url;
  }

  async attach(request: {
    containerId: string;
    tty: boolean;
    stdin: boolean;
    stdout: boolean;
    stderr: boolean;
  }): Promise<string> {
    return (await this.call<{ url: string }>('Attach', request)).url;
  }

  async portForward(podSandboxId: string, port: number[]): Promise<string> {
    return (await this.call<{ url: string }>('PortForward', { podSandboxId, port })).url;
  }

  async containerStats(id: string): Promise<CriContainerStats> {
    return (await this.call<{ stats: CriContainerStats }>('ContainerStats', { containerId: id })).stats;
  }

  async listContainerStats(): Promise<CriContainerStats[]> {
    return (await this.call<{ stats: CriContainerStats[] }>('ListContainerStats', {})).stats;
  }

  /** Of one sandbox, or of all; containerd fails the whole list when one sandbox has stopped. */
  async listPodSandboxStats(id?: string): Promise<CriSandboxStats[]> {
    const request = id === undefined ? {} : { filter: { id } };
    return (await this.call<{ stats: CriSandboxStats[] }>('ListPodSandboxStats', request)).stats;
  }

  async listImages(): Promise<CriImage[]> {
    return (await this.call<{ images: CriImage[] }>('ListImages', {})).images;
  }

  /** Undefined when the image is not on the node. */
  async imageStatus(image: string): Promise<CriImage | undefined> {
    const answer = await this.call<{ image: CriImage | null }>('ImageStatus', { image: { image } });
    return answer.image ?? undefined;
  }

  /** Waits for as long as the pull takes; the runtime ends one that makes no progress. */
  async pullImage(image: string, auth?: CriAuth, sandboxConfig?: CriSandboxConfig): Promise<string> {
    const request = { image: { image, userSpecifiedImage: image }, auth, sandboxConfig };
    return (await this.call<{ imageRef: string }>('PullImage', request, 0)).imageRef;
  }

  removeImage(image: string): Promise<void> {
    return this.call('RemoveImage', { image: { image } });
  }

  /**
   * How an image that is on the node is mounted as a folder; it stays there until its owner's views are closed. A runtime
   * other than containerd rejects with Unimplemented.
   */
  async openImageView(image: string, owner: string, key: string): Promise<CriMountCall[]> {
    try {
      return JSON.parse(await this.client.openImageView(image, owner, key)) as CriMountCall[];
    } catch (error) {
      throw asCriError(error);
    }
  }

  async closeImageViews(owner: string): Promise<void> {
    try {
      await this.client.closeImageViews(owner);
    } catch (error) {
      throw asCriError(error);
    }
  }

  imageFilesystems(): Promise<{
    imageFilesystems: CriFilesystemUsage[];
    containerFilesystems: CriFilesystemUsage[];
  }> {
    return this.call('ImageFsInfo', {});
  }

  /** Runs until the stream ends or fails; a runtime without events rejects with Unimplemented. */
  async watchEvents(deliver: (event: RuntimeEvent) => void): Promise<void> {
    try {
      await this.client.watchEvents((text) => deliver(JSON.parse(text) as RuntimeEvent));
    } catch (error) {
      throw asCriError(error);
    }
  }
}

/** Undefined when the service is serving; otherwise why not. */
export async function checkGrpcHealth(
  address: string,
  service: string,
  timeoutMs: number,
): Promise<string | undefined> {
  const limit = Math.min(timeoutMs, LONGEST_TIMEOUT);
  return (await load().checkGrpcHealth(address, service, limit)) || undefined;
}

export function hasCode(error: unknown, code: number): boolean {
  return error instanceof CriError && error.code === code;
}

/** For what is to be gone: that it is not there is no failure. */
export async function ignoreMissing(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!hasCode(error, GrpcCode.NotFound)) throw error;
  }
}

function asCriError(error: unknown): Error {
  const text = error instanceof Error ? error.message : String(error);
  try {
    const { code, message } = JSON.parse(text) as { code: number; message: string };
    return new CriError(code, message);
  } catch {
    return error instanceof Error ? error : new Error(text);
  }
}
