import { type KubeObject, Quantity } from '#apimachinery';
import type { Lister } from '../../storage/lister.js';
import type { AdmissionPlugin, AdmissionRequest, AdmissionTarget } from '../admission-request.js';
import { rejection, targets } from '../rejection.js';

/** Claims grow only when they are bound and their StorageClass lets them. */
export class PersistentVolumeClaimResize implements AdmissionPlugin {
  readonly name = 'PersistentVolumeClaimResize';

  constructor(private readonly lister: Lister) {}

  handles(target: AdmissionTarget): boolean {
    return targets(target, '', 'persistentvolumeclaims', ['UPDATE']);
  }

  validate(request: AdmissionRequest): void {
    const claim = request.object!;
    const old = request.oldObject!;
    if (sizeOf(claim).compare(sizeOf(old)) <= 0) return;
    if (old['status']?.phase !== 'Bound') {
      throw rejection(request, 'Only bound persistent volume claims can be expanded');
    }
    const className = classOf(claim);
    const found = className ? this.lister.get('storage.k8s.io/storageclasses', '', className) : undefined;
    if (className === classOf(old) && found?.['allowVolumeExpansion'] === true) return;
    throw rejection(
      request,
      'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
    );
  }
}

function sizeOf(claim: KubeObject): Quantity {
  return Quantity.parse(claim['spec']?.resources?.requests?.storage ?? '0');
}

function classOf(claim: KubeObject): string {
  return (
    claim.metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? claim['spec']?.storageClassName ?? ''
  );
}
