import type { Informer } from '#client';
import type { PersistentVolume, PersistentVolumeClaim, StorageClass } from '#kinds';
import { isReservedFor, volumeClass } from '#kinds';
import type { VolumeLookup } from './node-volumes.js';

const BY_CLASS = 'storageClass';

interface Assumed<T> {
  /** Of the object that it was made of: once the informer has another one, that one counts. */
  version: string | undefined;
  object: T;
}

/**
 * Claims and volumes as they will be when what was decided is written: a volume that was promised to a claim is its, and a
 * claim whose volume will be made on a node has that node.
 */
export class VolumeView {
  private readonly assumedClaims = new Map<string, Assumed<PersistentVolumeClaim>>();
  private readonly assumedVolumes = new Map<string, Assumed<PersistentVolume>>();

  constructor(
    private readonly claims: Informer<PersistentVolumeClaim>,
    private readonly volumes: Informer<PersistentVolume>,
    private readonly classes: Informer<StorageClass>,
  ) {
    volumes.addIndex(BY_CLASS, (volume) => [volumeClass(volume)]);
  }

  claim(namespace: string, name: string): PersistentVolumeClaim | undefined {
    return current(this.claims.get(namespace, name), this.assumedClaims.get(`${namespace}/${name}`));
  }

  volume(name: string): PersistentVolume | undefined {
    return current(this.volumes.getByKey(name), this.assumedVolumes.get(name));
  }

  volumesOfClass(name: string): PersistentVolume[] {
    const found = this.volumes.byIndex(BY_CLASS, name);
    return found.map((volume) => current(volume, this.assumedVolumes.get(volume.metadata.name!))!);
  }

  /** The same, with those volumes of a class alone that one of the claims could get: worked out once for many nodes. */
  candidates(claims: readonly PersistentVolumeClaim[]): VolumeLookup {
    const found = new Map<string, PersistentVolume[]>();
    return {
      volume: (name) => this.volume(name),
      storageClass: (name) => this.storageClass(name),
      volumesOfClass: (name) => {
        let volumes = found.get(name);
        if (!volumes) {
          const free = (volume: PersistentVolume) =>
            !volume.spec.claimRef || claims.some((claim) => isReservedFor(volume, claim));
          volumes = this.volumesOfClass(name).filter(free);
          found.set(name, volumes);
        }
        return volumes;
      },
    };
  }

  storageClass(name: string): StorageClass | undefined {
    return this.classes.getByKey(name);
  }

  assumeClaim(claim: PersistentVolumeClaim): void {
    const { namespace, name, resourceVersion } = claim.metadata;
    this.assumedClaims.set(`${namespace}/${name}`, { version: resourceVersion, object: claim });
  }

  assumeVolume(volume: PersistentVolume): void {
    const { name, resourceVersion } = volume.metadata;
    this.assumedVolumes.set(name!, { version: resourceVersion, object: volume });
  }

  /** What was decided is written, or will not be. */
  forget(claims: readonly PersistentVolumeClaim[], volumes: readonly PersistentVolume[]): void {
    for (const { metadata } of claims) this.assumedClaims.delete(`${metadata.namespace}/${metadata.name}`);
    for (const { metadata } of volumes) this.assumedVolumes.delete(metadata.name!);
  }
}

function current<T extends { metadata: { resourceVersion?: string } }>(
  known: T | undefined,
  assumed: Assumed<T> | undefined,
): T | undefined {
  return known && assumed?.version === known.metadata.resourceVersion ? assumed?.object : known;
}
