import type { KubeObject } from '#apimachinery';
import { goDuration } from '../pod/go-duration.js';
import type { Container } from '../pod/pod.js';
import type { WaitReason } from '../pod/pod-memory.js';
import { CriError, type CriRuntime } from '../runtime/cri.js';
import type { CriAuth } from '../runtime/cri-types.js';
import { normalizeImage } from './image-name.js';
import { credentialsFor } from './pull-secrets.js';

/** Kubelet's maxParallelImagePulls has no limit by default; a node of ours would drown its disk. */
const PARALLEL_PULLS = 5;

export class ImageError extends Error implements WaitReason {
  constructor(
    readonly reason: string,
    message: string,
    /** Repeating soon may help: a pull that failed. Others are looked at again, too, but cost nothing. */
    readonly pulled: boolean,
  ) {
    super(message);
  }
}

export type ImageEvent = (type: 'Normal' | 'Warning', reason: string, message: string) => void;

/** Makes sure that a container's image is on the node, as its pull policy wants it. */
export class ImageService {
  private running = 0;
  private readonly waiting: (() => void)[] = [];
  /** Pulls under way by image and credentials: pods that start together share one. */
  private readonly pulls = new Map<string, Promise<string>>();

  constructor(
    private readonly runtime: Pick<CriRuntime, 'imageStatus' | 'pullImage'>,
    private readonly now: () => number = Date.now,
  ) {}

  /** The reference to give the runtime. Throws ImageError. */
  async ensure(
    container: Pick<Container, 'image' | 'imagePullPolicy'>,
    secrets: readonly KubeObject[],
    event: ImageEvent,
  ): Promise<string> {
    const requested = container.image ?? '';
    const image = normalizeImage(requested);
    if (!image) {
      const message = `Failed to apply default image tag "${requested}": couldn't parse image name "${requested}": invalid reference format`;
      event('Warning', 'InspectFailed', message);
      throw new ImageError('InvalidImageName', message, false);
    }
    const policy = container.imagePullPolicy ?? (image.endsWith(':latest') ? 'Always' : 'IfNotPresent');
    const present = await this.inspect(image, event);
    if (present && policy !== 'Always') {
      event(
        'Normal',
        'Pulled',
        `Container image "${requested}" already present on machine and can be accessed by the pod`,
      );
      return present;
    }
    if (policy === 'Never') {
      const message = `Container image "${requested}" is not present with pull policy of Never`;
      event('Warning', 'ErrImageNeverPull', message);
      throw new ImageError('ErrImageNeverPull', message, false);
    }
    return this.pull(requested, image, secrets, event);
  }

  private async inspect(image: string, event: ImageEvent): Promise<string | undefined> {
    try {
      return (await this.runtime.imageStatus(image))?.id;
    } catch (error) {
      const message = `Failed to inspect image "${image}": ${(error as Error).message}`;
      event('Warning', 'InspectFailed', message);
      throw new ImageError('ImageInspectError', message, false);
    }
  }

  private async pull(
    requested: string,
    image: string,
    secrets: readonly KubeObject[],
    event: ImageEvent,
  ): Promise<string> {
    event('Normal', 'Pulling', `Pulling image "${requested}"`);
    const queuedAt = this.now();
    let startedAt = queuedAt;
    try {
      const candidates: (CriAuth | undefined)[] = credentialsFor(image, secrets);
      if (candidates.length === 0) candidates.push(undefined);
      const reference = await this.shared(image, candidates, () => (startedAt = this.now()));
      const size = (await this.runtime.imageStatus(image).catch(() => undefined))?.size ?? 0;
      const end = this.now();
      event(
        'Normal',
        'Pulled',
        `Successfully pulled image "${requested}" in ${precise(end - startedAt)} (${precise(end - queuedAt)} including waiting). Image size: ${size} bytes.`,
      );
      return reference;
    } catch (error) {
      const text = (error as Error).message;
      event('Warning', 'Failed', `Failed to pull image "${requested}": ${text}`);
      throw new ImageError('ErrImagePull', error instanceof CriError ? text : `failed to pull image: ${text}`, true);
    }
  }

  private shared(image: string, candidates: (CriAuth | undefined)[], onStart: () => void): Promise<string> {
    const key = JSON.stringify([image, candidates]);
    const running = this.pulls.get(key);
    if (running) return running;
    const pull = this.slot(async () => {
      onStart();
      let last: unknown;
      for (const auth of candidates) {
        try {
          return await this.runtime.pullImage(image, auth);
        } catch (error) {
          last = error;
        }
      }
      throw last;
    }).finally(() => this.pulls.delete(key));
    this.pulls.set(key, pull);
    return pull;
  }

  private async slot<T>(work: () => Promise<T>): Promise<T> {
    if (this.running >= PARALLEL_PULLS) await new Promise<void>((resolve) => this.waiting.push(resolve));
    this.running++;
    try {
      return await work();
    } finally {
      this.running--;
      this.waiting.shift()?.();
    }
  }
}

function precise(ms: number): string {
  if (ms < 1000) return `${ms}ms`;
  return ms < 60_000 ? `${ms / 1000}s` : goDuration(ms);
}
