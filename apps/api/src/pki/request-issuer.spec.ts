import 'reflect-metadata';
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { createAuthority, issueCertificate } from './certificate-issuer.js';
import { namesOf, signRequest } from './request-issuer.js';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** A request whose subject has these texts as they are, whatever a distinguished name would make of them. */
async function requestOf(commonName: string, organization: string): Promise<string> {
  const keys = await globalThis.crypto.subtle.generateKey(ALGORITHM, false, ['sign', 'verify']);
  const name = new x509.Name([{ O: [{ utf8String: organization }] }, { CN: [{ utf8String: commonName }] }]);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({ name, keys, signingAlgorithm: ALGORITHM });
  return request.toString('pem');
}

describe('The issuer of a signed certificate', () => {
  for (const commonName of ['plain', '"quoted"', '#0c0161', 'a+CN=b,O=c']) {
    it(`is the authority, byte by byte: ${commonName}`, async () => {
      const now = new Date();
      const keys = await globalThis.crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
      const name = new x509.Name([{ CN: [{ utf8String: commonName }] }]);
      const self = await x509.X509CertificateGenerator.createSelfSigned({
        ...{ name, keys, signingAlgorithm: ALGORITHM, notBefore: now },
        notAfter: new Date(now.getTime() + 24 * 3600 * 1000),
        extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
      });
      const key = await globalThis.crypto.subtle.exportKey('pkcs8', keys.privateKey);
      const authority = { certificate: self.toString('pem'), key: x509.PemConverter.encode(key, 'PRIVATE KEY') };
      const validity = { notBefore: now, notAfter: new Date(now.getTime() + 1000), now };
      const signed = await signRequest(authority, await requestOf('a', 'b'), ['client auth'], validity);
      const { certificate } = await issueCertificate(authority, { commonName: 'c', usages: ['client'] }, now);
      for (const issued of [signed, certificate]) {
        assert.deepEqual(
          Buffer.from(new x509.X509Certificate(issued).issuerName.toArrayBuffer()),
          Buffer.from(name.toArrayBuffer()),
        );
      }
    });
  }
});

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
