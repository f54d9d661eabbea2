import { MASTERS_GROUP } from '../../identity/users.js';
import type { AdmissionPlugin, AdmissionRequest, AdmissionTarget } from '../admission-request.js';
import { requestedNames } from '../certificate-signers.js';
import { rejection, targets } from '../rejection.js';

const SIGNER = 'kubernetes.io/kube-apiserver-client';

/** Nobody becomes system:masters through a certificate request. */
export class CertificateSubjectRestriction implements AdmissionPlugin {
  readonly name = 'CertificateSubjectRestriction';

  handles(target: AdmissionTarget): boolean {
    return targets(target, 'certificates.k8s.io', 'certificatesigningrequests', ['CREATE']);
  }

  async validate(request: AdmissionRequest): Promise<void> {
    const spec = request.object!['spec'] ?? {};
    if (spec.signerName !== SIGNER) return;
    let organizations: string[];
    try {
      organizations = (await requestedNames(spec.request)).organizations;
    } catch (error) {
      throw rejection(request, `failed to parse CSR: ${(error as Error).message}`);
    }
    if (!organizations.includes(MASTERS_GROUP)) return;
    throw rejection(request, `use of ${SIGNER} signer with ${MASTERS_GROUP} group is not allowed`);
  }
}
