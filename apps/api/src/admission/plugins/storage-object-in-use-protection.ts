import { bare } from '#apimachinery';
import type { AdmissionPlugin, AdmissionRequest, AdmissionTarget } from '../admission-request.js';
import { targets } from '../rejection.js';

const FINALIZERS = bare<string>({
  persistentvolumes: 'kubernetes.io/pv-protection',
  persistentvolumeclaims: 'kubernetes.io/pvc-protection',
  volumeattributesclasses: 'kubernetes.io/vac-protection',
});

/** Volumes and claims outlive their use: a controller takes the finalizer off when nothing uses them. */
export class StorageObjectInUseProtection implements AdmissionPlugin {
  readonly name = 'StorageObjectInUseProtection';

  handles(target: AdmissionTarget): boolean {
    return (
      targets(target, '', 'persistentvolumes', ['CREATE']) ||
      targets(target, '', 'persistentvolumeclaims', ['CREATE']) ||
      targets(target, 'storage.k8s.io', 'volumeattributesclasses', ['CREATE'])
    );
  }

  admit({ object, resource }: AdmissionRequest): void {
    const finalizer = FINALIZERS[resource.resource]!;
    const { metadata } = object!;
    if (!metadata.finalizers?.includes(finalizer)) metadata.finalizers = [...(metadata.finalizers ?? []), finalizer];
  }
}
