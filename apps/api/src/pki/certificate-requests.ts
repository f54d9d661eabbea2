import type { CertificateAuthority, RequestedNames, RequestedValidity } from '#controllers';
import type { KeyPair } from './certificate-profile.js';

/** A PEM certificate request, its names as they are asked for. Throws an Error with the reason. */
export async function readCertificateRequest(pem: string): Promise<RequestedNames> {
  const { namesOf } = await import('./request-issuer.js');
  return namesOf(pem);
}

/** Signs requests with the cluster's authority. Its key stays here: callers have the two methods alone. */
export function certificateAuthority(authority: KeyPair): CertificateAuthority {
  return {
    read: readCertificateRequest,
    async sign(pem: string, usages: readonly string[], validity: RequestedValidity) {
      const { signRequest } = await import('./request-issuer.js');
      return signRequest(authority, pem, usages, validity);
    },
  };
}
