import { gvr } from '#kinds';
import type { BootstrapOptions } from './bootstrap-options.js';
import { ensureObject } from './ensure-object.js';

/**
 * The class of claims that name none: folders on the disk of the pod's node. One that is there, whoever's it is, stays as
 * it is.
 */
export async function ensureStorageClass({ client, localStorage }: BootstrapOptions): Promise<void> {
  if (!localStorage) return;
  await ensureObject(client, gvr.storageclasses, {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: 'local-path', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
    provisioner: 'berth.io/local-path',
    volumeBindingMode: 'WaitForFirstConsumer',
    reclaimPolicy: 'Delete',
    allowVolumeExpansion: true,
  });
}
