import 'reflect-metadata';
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { createAuthority } from './certificate-issuer.js';
import { namesOf, signRequest } from './request-issuer.js';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** A request whose subject has these texts as they are, whatever a distinguished name would make of them. */
async function requestOf(commonName: string, organization: string): Promise<string> {
  const keys = await globalThis.crypto.subtle.generateKey(ALGORITHM, false, ['sign', 'verify']);
  const name = new x509.Name([{ O: [{ utf8String: organization }] }, { CN: [{ utf8String: commonName }] }]);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({ name, keys, signingAlgorithm: ALGORITHM });
  return request.toString('pem');
}

describe('The subject of a signed certificate', () => {
  const day = 24 * 3600 * 1000;
  for (const [commonName, organization] of [
    ['system:node:a', 'system:nodes'],
    ['system:node:"system:kube-controller-manager"', '"system:masters"'],
    ['system:node:\\"x', 'system\\:masters'],
    ['#0c0e73797374656d3a6d617374657273', '#130e73797374656d3a6d617374657273'],
    ['a+CN=b,O=c', ' system:masters '],
    ['näme', 'Gruppe ß'],
  ] as const) {
    it(`is the one that was checked: ${commonName}, ${organization}`, async () => {
      const now = new Date();
      const authority = await createAuthority('authority', now);
      const request = await requestOf(commonName, organization);
      const names = namesOf(request);
      assert.deepEqual([names.commonName, names.organizations], [commonName, [organization]]);
      const validity = { notBefore: now, notAfter: new Date(now.getTime() + day), now };
      const signed = await signRequest(authority, request, ['client auth'], validity);
      const { subject } = new X509Certificate(signed).toLegacyObject();
      assert.deepEqual([subject.CN, subject.O], [commonName, organization]);
    });
  }
});
