import { stat } from 'node:fs/promises';
import type { CriRuntime } from '../runtime/cri.js';
import { type DiskUsage, diskUsage } from './machine.js';

export interface Filesystems {
  /** Of volumes, logs and all else that is the agent's. */
  node: DiskUsage;
  /** Of images and of what containers write. */
  image: DiskUsage;
  /** The two are different. */
  imageIsApart: boolean;
}

/** Measures the disks that pods fill. */
export class NodeFilesystems {
  /** Where the runtime says that it keeps images; the agent's folder until it has said so. */
  private imagePath: string | undefined;
  private isApart = false;

  constructor(
    private readonly runtime: Pick<CriRuntime, 'imageFilesystems'>,
    private readonly path: string,
  ) {}

  async usage(): Promise<Filesystems> {
    const imagePath = await this.locateImages();
    const node = await diskUsage(this.path);
    const image = this.isApart ? await diskUsage(imagePath) : node;
    return { node, image, imageIsApart: this.isApart };
  }

  private async locateImages(): Promise<string> {
    if (this.imagePath) return this.imagePath;
    try {
      const { imageFilesystems } = await this.runtime.imageFilesystems();
      const found = imageFilesystems[0]?.fsId?.mountpoint;
      if (!found) return this.path;
      this.isApart = (await stat(found)).dev !== (await stat(this.path)).dev;
      this.imagePath = found;
      return found;
    } catch {
      // The runtime is down, or keeps its images where only it can see them.
      return this.path;
    }
  }
}
