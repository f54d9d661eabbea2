import type { UserInfo } from '#apimachinery';
import type { RequestedNames } from '#controllers';
import type { Authorizer } from '../authorization/authorizer.js';
import { readCertificateRequest } from '../pki/certificate-requests.js';

/** Whether the user has `verb` on a signer, or on all of its domain (`example.com/*`). */
export async function authorizedForSigner(
  authorizer: Authorizer,
  user: UserInfo,
  verb: 'approve' | 'sign' | 'attest',
  signerName: string,
): Promise<boolean> {
  for (const name of [signerName, `${signerName.split('/')[0]}/*`]) {
    const { decision } = await authorizer.authorize({
      user,
      verb,
      resourceRequest: true,
      group: 'certificates.k8s.io',
      version: '*',
      resource: 'signers',
      subresource: '',
      namespace: '',
      name,
      path: '',
    });
    if (decision === 'Allow') return true;
  }
  return false;
}

/** Names of a PEM certificate request, base64 as the API carries it. Throws an Error with the reason. */
export async function requestedNames(request: unknown): Promise<RequestedNames> {
  return readCertificateRequest(typeof request === 'string' ? Buffer.from(request, 'base64').toString('latin1') : '');
}
