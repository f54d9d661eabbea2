import { quote } from '#apimachinery';
import type { Authorizer } from '../../authorization/authorizer.js';
import type { AdmissionPlugin, AdmissionRequest, AdmissionTarget } from '../admission-request.js';
import { authorizedForSigner } from '../certificate-signers.js';
import { rejection, targets } from '../rejection.js';
import { changesGarbageCollectionOnly } from './escalation-check.js';

/** A trust bundle in the name of a signer needs the right to attest for it. */
export class ClusterTrustBundleAttest implements AdmissionPlugin {
  readonly name = 'ClusterTrustBundleAttest';

  constructor(private readonly authorizer: Authorizer) {}

  handles(target: AdmissionTarget): boolean {
    return targets(target, 'certificates.k8s.io', 'clustertrustbundles', ['CREATE', 'UPDATE']);
  }

  async validate(request: AdmissionRequest): Promise<void> {
    const { object, oldObject, user } = request;
    const signer: string = object!['spec']?.signerName ?? '';
    if (signer === '') return;
    // Nothing is said anew when only owners or finalizers change.
    if (oldObject && changesGarbageCollectionOnly(object!, oldObject)) return;
    if (await authorizedForSigner(this.authorizer, user, 'attest', signer)) return;
    throw rejection(request, `user not permitted to attest for signerName ${quote(signer)}`);
  }
}
