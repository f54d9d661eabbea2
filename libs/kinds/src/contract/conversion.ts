import type { KubeObject } from '#apimachinery';

/**
 * Between the version of a resource that is served and the one that is stored. Each function is given a list and gives as
 * many objects, in the same order: whoever converts by asking another process asks once. It does not change what it is
 * given.
 */
export type Conversion = SyncConversion | AsyncConversion;

interface Settling {
  /** Objects that are stored in the served version are read through it, too: its schema was another when they were written. */
  readonly settles?: boolean;
}

export interface SyncConversion extends Settling {
  readonly sync: true;
  toStorage(objects: readonly KubeObject[]): KubeObject[];
  fromStorage(objects: readonly KubeObject[]): KubeObject[];
}

export interface AsyncConversion extends Settling {
  readonly sync: false;
  toStorage(objects: readonly KubeObject[]): Promise<KubeObject[]>;
  fromStorage(objects: readonly KubeObject[]): Promise<KubeObject[]>;
}

/** A conversion that takes every object by itself. */
export function convertEach(
  toStorage: (object: KubeObject) => KubeObject,
  fromStorage: (object: KubeObject) => KubeObject,
): SyncConversion {
  return {
    sync: true,
    toStorage: (objects) => objects.map(toStorage),
    fromStorage: (objects) => objects.map(fromStorage),
  };
}
