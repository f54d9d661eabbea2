import type { KubeObject } from '#apimachinery';
import type { EventRecorder, Logger } from '#client';
import type { NodeFilesystems } from '../node/filesystems.js';
import type { CriRuntime } from '../runtime/cri.js';
import {
  bytesToFree,
  type ImagePolicy,
  type ImageRecords,
  readableSize,
  recordImages,
  removableImages,
  usedPercent,
} from './image-garbage.js';

export interface ImageCollectorOptions {
  runtime: Pick<CriRuntime, 'listImages' | 'removeImage' | 'sandboxImage'>;
  filesystems: Pick<NodeFilesystems, 'usage'>;
  policy: ImagePolicy;
  /** Ids and names of images that containers have or pods ask for. */
  used(): Iterable<string>;
  /** What events are about. */
  node(): KubeObject;
  events: EventRecorder;
  logger: Logger;
  now(): number;
}

/** Keeps the disk of the images from filling with those that nobody uses any more. */
export class ImageCollector {
  private records: ImageRecords = new Map();
  private failedBefore = false;

  constructor(private readonly options: ImageCollectorOptions) {}

  /** Looks which images are used, and removes others when the disk has become too full. */
  async collect(): Promise<void> {
    const { policy, logger, events, node } = this.options;
    // As upstream: a high threshold of 100 is none at all.
    if (policy.highPercent === 100) return;
    try {
      await this.removeOverThreshold();
      this.failedBefore = false;
    } catch (error) {
      const { message } = error as Error;
      logger.warn('images not collected', { error });
      if (this.failedBefore) events.event(node(), 'Warning', 'ImageGCFailed', message);
      this.failedBefore = true;
    }
  }

  /** For a disk under pressure: all that nobody uses goes. Throws when one could not be removed. */
  async removeUnused(): Promise<void> {
    await this.free(Number.POSITIVE_INFINITY, await this.look());
  }

  private async removeOverThreshold(): Promise<void> {
    const { filesystems, policy, events, node, logger } = this.options;
    const seenAt = await this.look();
    const { image } = await filesystems.usage();
    const fail = (reason: string, message: string) => {
      events.event(node(), 'Warning', reason, message);
      throw new Error(message);
    };
    if (image.capacity === 0) fail('InvalidDiskCapacity', 'invalid capacity 0 on image filesystem');
    const wanted = bytesToFree(image, policy);
    if (wanted === 0) return;
    const percent = usedPercent(image);
    logger.info('removing images: their disk is too full', { percent, bytes: wanted });
    const freed = await this.free(wanted, seenAt);
    if (freed >= wanted) return;
    const size = readableSize(image.capacity);
    fail(
      'FreeDiskSpaceFailed',
      `Insufficient free disk space on the node's image filesystem (${percent}% of ${size} used). ` +
        `Failed to free sufficient space by deleting unused images (freed ${freed} bytes). ` +
        'Investigate disk usage, as it could be used by active images, logs, volumes, or other data.',
    );
  }

  /** Gives the time that ages of images count from: one that is new is no older when it comes to removing. */
  private async look(): Promise<number> {
    const { runtime, used, now } = this.options;
    const [images, sandboxImage] = await Promise.all([runtime.listImages(), runtime.sandboxImage()]);
    const needed = new Set([...used(), ...(sandboxImage ? [sandboxImage] : [])]);
    const at = now();
    this.records = recordImages(this.records, images, needed, at);
    return at;
  }

  private async free(bytes: number, at: number): Promise<number> {
    const { runtime, policy, logger } = this.options;
    const errors: string[] = [];
    let freed = 0;
    for (const { id, size } of removableImages(this.records, policy.minimumAge, at)) {
      try {
        logger.info('removing an image that nobody uses', { image: id, bytes: size });
        await runtime.removeImage(id);
        freed += size;
      } catch (error) {
        errors.push((error as Error).message);
      }
      if (freed >= bytes) break;
    }
    if (errors.length === 0) return freed;
    const wanted = Number.isFinite(bytes) ? bytes : 'all';
    throw new Error(
      `wanted to free ${wanted} bytes, but freed ${freed} bytes space with errors in image deletion: ${errors.join(', ')}`,
    );
  }
}
