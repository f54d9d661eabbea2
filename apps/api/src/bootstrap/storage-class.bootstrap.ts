import type { KubeObject } from '#apimachinery';
import { gvr, type StorageClass } from '#kinds';
import type { BootstrapOptions } from './bootstrap-options.js';
import { ensureObject } from './ensure-object.js';

const NAME = 'local-path';
const DEFAULT = 'storageclass.kubernetes.io/is-default-class';

/**
 * The class of claims that name none: folders on the disk of the pod's node. One that is there, whoever's it is, stays as
 * it is. It is the default one unless another is: claims of a cluster keep the class that they had.
 */
export async function ensureStorageClass({ client, localStorage }: BootstrapOptions): Promise<void> {
  if (!localStorage) return;
  const { items } = await client.list<StorageClass & KubeObject>(gvr.storageclasses);
  const isDefault = !items.some(
    ({ metadata: { name, annotations } }) => name !== NAME && annotations?.[DEFAULT] === 'true',
  );
  await ensureObject(client, gvr.storageclasses, {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: NAME, ...(isDefault ? { annotations: { [DEFAULT]: 'true' } } : {}) },
    provisioner: 'berth.io/local-path',
    volumeBindingMode: 'WaitForFirstConsumer',
    reclaimPolicy: 'Delete',
    allowVolumeExpansion: true,
  });
}
