import { quote } from '#apimachinery';
import type { Authorizer } from '../../authorization/authorizer.js';
import type { AdmissionPlugin, AdmissionRequest, AdmissionTarget } from '../admission-request.js';
import { authorizedForSigner } from '../certificate-signers.js';
import { rejection } from '../rejection.js';

/** Approving a certificate request needs the right to approve for its signer. */
export class CertificateApproval implements AdmissionPlugin {
  readonly name = 'CertificateApproval';

  constructor(private readonly authorizer: Authorizer) {}

  handles({ operation, resource, subresource }: AdmissionTarget): boolean {
    if (resource.group !== 'certificates.k8s.io' || resource.resource !== 'certificatesigningrequests') return false;
    return operation === 'UPDATE' && subresource === 'approval';
  }

  async validate(request: AdmissionRequest): Promise<void> {
    // The stored signer counts: the request at hand could claim another.
    const signer: string = request.oldObject!['spec']?.signerName ?? '';
    if (await authorizedForSigner(this.authorizer, request.user, 'approve', signer)) return;
    throw rejection(request, `user not permitted to approve requests with signerName ${quote(signer)}`);
  }
}
