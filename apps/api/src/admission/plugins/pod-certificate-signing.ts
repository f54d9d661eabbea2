import { deepEqual, field, invalid, quote } from '#apimachinery';
import type { Authorizer } from '../../authorization/authorizer.js';
import type { AdmissionPlugin, AdmissionRequest, AdmissionTarget } from '../admission-request.js';
import { authorizedForSigner } from '../certificate-signers.js';

const GROUP = 'certificates.k8s.io';

/**
 * Answering a request for a pod's certificate needs the right to sign for its signer. Not a plugin in the reference but part
 * of the validation there, which ends with it; so it is an error of a field.
 */
export class PodCertificateSigning implements AdmissionPlugin {
  readonly name = 'PodCertificateSigning';

  constructor(private readonly authorizer: Authorizer) {}

  handles({ operation, resource, subresource }: AdmissionTarget): boolean {
    if (resource.group !== GROUP || resource.resource !== 'podcertificaterequests') return false;
    return operation === 'UPDATE' && subresource === 'status';
  }

  async validate({ object, oldObject, name, user }: AdmissionRequest): Promise<void> {
    if (deepEqual(oldObject!['status'] ?? {}, object!['status'] ?? {})) return;
    const signer: string = oldObject!['spec']?.signerName ?? '';
    if (await authorizedForSigner(this.authorizer, user, 'sign', signer)) return;
    const text = `User ${quote(user.name)} is not permitted to "sign" for signer ${quote(signer)}`;
    throw invalid({ group: GROUP, kind: 'PodCertificateRequest' }, name, [field.forbidden('spec.signerName', text)]);
  }
}
