import type { Node, PersistentVolume, PersistentVolumeClaim } from '#kinds';

/** Claims and their volumes, as the API server has them now: mounting the wrong one cannot be undone. */
export interface ClaimSource {
  /** Rejects when it cannot be read, also when there is none. */
  claim(namespace: string, name: string): Promise<PersistentVolumeClaim>;
  volume(name: string): Promise<PersistentVolume>;
  /** This node. */
  node(): Node;
}
