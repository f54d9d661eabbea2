import type { DiskUsage } from '../node/machine.js';
import type { CriImage } from '../runtime/cri-types.js';

export interface ImagePolicy {
  /** Percent of the disk in use from which on images are removed, and down to which. */
  highPercent: number;
  lowPercent: number;
  /** Milliseconds that an image stays after it was first seen: a pod may be about to use it. */
  minimumAge: number;
}

export interface ImageRecord {
  id: string;
  /** Bytes. */
  size: number;
  /** A container has it, a pod names it, or the runtime needs it itself. */
  inUse: boolean;
  /** Milliseconds since the epoch; 0 for one that was never seen in use. */
  firstSeen: number;
  lastUsed: number;
}

/** By the image's id. */
export type ImageRecords = ReadonlyMap<string, ImageRecord>;

/** Pure: what is known of the images after a look. `used` holds ids, tags or digests. */
export function recordImages(
  before: ImageRecords,
  images: readonly CriImage[],
  used: ReadonlySet<string>,
  now: number,
): ImageRecords {
  return new Map(
    images.map((image) => {
      const known = before.get(image.id);
      const inUse = image.pinned || [image.id, ...image.repoTags, ...image.repoDigests].some((name) => used.has(name));
      const lastUsed = inUse ? now : (known?.lastUsed ?? 0);
      return [image.id, { id: image.id, size: image.size, inUse, firstSeen: known?.firstSeen ?? now, lastUsed }];
    }),
  );
}

/** Pure: images that may go, those first that were not used for the longest time. */
export function removableImages(records: ImageRecords, minimumAge: number, now: number): ImageRecord[] {
  return [...records.values()]
    .filter(({ inUse, firstSeen }) => !inUse && now - firstSeen >= minimumAge)
    .sort((a, b) => a.lastUsed - b.lastUsed || a.firstSeen - b.firstSeen);
}

/** Percent, as kubelet rounds it. */
export function usedPercent({ capacity, available }: DiskUsage): number {
  return 100 - Math.floor((Math.min(available, capacity) * 100) / capacity);
}

/** Pure: bytes of images that have to go now; 0 below the high threshold. */
export function bytesToFree(disk: DiskUsage, { highPercent, lowPercent }: ImagePolicy): number {
  if (usedPercent(disk) < highPercent) return 0;
  return Math.max(Math.floor((disk.capacity * (100 - lowPercent)) / 100) - disk.available, 0);
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** `1.5 GiB`, as kubelet's messages have it. */
export function readableSize(bytes: number): string {
  const power = Math.min(Math.max(Math.floor(Math.log2(bytes) / 10), 0), UNITS.length - 1);
  return power === 0 ? `${bytes} B` : `${(bytes / 1024 ** power).toFixed(1)} ${UNITS[power]}`;
}
