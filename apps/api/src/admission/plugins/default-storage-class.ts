import { newestDefault } from '#kinds';
import type { Lister } from '../../storage/lister.js';
import type { AdmissionPlugin, AdmissionRequest, AdmissionTarget } from '../admission-request.js';
import { targets } from '../rejection.js';

const ANNOTATIONS = ['storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class'];
const CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class';

/** Claims that name no StorageClass get the default one. An empty name is a choice: no class. */
export class DefaultStorageClass implements AdmissionPlugin {
  readonly name = 'DefaultStorageClass';

  constructor(private readonly lister: Lister) {}

  handles(target: AdmissionTarget): boolean {
    return targets(target, '', 'persistentvolumeclaims', ['CREATE']);
  }

  admit({ object }: AdmissionRequest): void {
    const claim = object!;
    if (claim.metadata.annotations?.[CLASS_ANNOTATION] !== undefined || claim['spec']?.storageClassName != null) return;
    const found = newestDefault(this.lister.list('storage.k8s.io/storageclasses'), ANNOTATIONS);
    if (found) (claim['spec'] ??= {}).storageClassName = found.metadata.name;
  }
}
