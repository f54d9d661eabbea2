import { deepEqual, quote } from '#apimachinery';
import type { Authorizer } from '../../authorization/authorizer.js';
import type { AdmissionPlugin, AdmissionRequest, AdmissionTarget } from '../admission-request.js';
import { authorizedForSigner } from '../certificate-signers.js';
import { rejection } from '../rejection.js';

/** Putting the certificate into a request needs the right to sign for its signer. */
export class CertificateSigning implements AdmissionPlugin {
  readonly name = 'CertificateSigning';

  constructor(private readonly authorizer: Authorizer) {}

  handles({ operation, resource, subresource }: AdmissionTarget): boolean {
    if (resource.group !== 'certificates.k8s.io' || resource.resource !== 'certificatesigningrequests') return false;
    return operation === 'UPDATE' && subresource === 'status';
  }

  async validate(request: AdmissionRequest): Promise<void> {
    const old = request.oldObject!;
    const before = old['status'] ?? {};
    const after = request.object!['status'] ?? {};
    const same = before.certificate === after.certificate && deepEqual(before.conditions ?? [], after.conditions ?? []);
    if (same) return;
    const signer: string = old['spec']?.signerName ?? '';
    if (await authorizedForSigner(this.authorizer, request.user, 'sign', signer)) return;
    throw rejection(request, `user not permitted to sign requests with signerName ${quote(signer)}`);
  }
}
