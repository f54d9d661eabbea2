import type { UserInfo } from '#apimachinery';
import type { Authorizer } from '../authorization/authorizer.js';

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

/** Subject of a PEM certificate request, base64 as the API carries it. Throws an Error with the reason. */
export async function requestSubject(request: unknown): Promise<{ commonName: string; organizations: string[] }> {
  const text = typeof request === 'string' ? Buffer.from(request, 'base64').toString('latin1') : '';
  const body = /-----BEGIN CERTIFICATE REQUEST-----([\s\S]+?)-----END CERTIFICATE REQUEST-----/.exec(text)?.[1];
  if (body === undefined) throw new Error('PEM block type must be CERTIFICATE REQUEST');
  await import('reflect-metadata');
  const { Pkcs10CertificateRequest } = await import('@peculiar/x509');
  const { subjectName } = new Pkcs10CertificateRequest(Buffer.from(body, 'base64'));
  return { commonName: subjectName.getField('CN').at(-1) ?? '', organizations: subjectName.getField('O') };
}
