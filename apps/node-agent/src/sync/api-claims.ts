import type { Client } from '#client';
import { gvr, type Node, type PersistentVolume, type PersistentVolumeClaim } from '#kinds';
import type { ClaimSource } from '../pod/claim-source.js';

/** A node may read the claims of its pods and their volumes, by name, and no others. */
export class ApiClaims implements ClaimSource {
  constructor(
    private readonly client: Pick<Client, 'get'>,
    readonly node: () => Node,
  ) {}

  claim(namespace: string, name: string): Promise<PersistentVolumeClaim> {
    return this.client.get<PersistentVolumeClaim>(gvr.persistentvolumeclaims, namespace, name);
  }

  volume(name: string): Promise<PersistentVolume> {
    return this.client.get<PersistentVolume>(gvr.persistentvolumes, '', name);
  }
}
