import 'reflect-metadata';
import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { requestProblem } from '#kinds';
import { newKey } from './certificate-key.js';

describe('A new key', () => {
  const table: [keyType: string, kind: string, details: object][] = [
    ['RSA3072', 'rsa', { modulusLength: 3072 }],
    ['RSA4096', 'rsa', { modulusLength: 4096 }],
    ['ECDSAP256', 'ec', { namedCurve: 'prime256v1' }],
    ['ECDSAP384', 'ec', { namedCurve: 'secp384r1' }],
    ['ECDSAP521', 'ec', { namedCurve: 'secp521r1' }],
    ['ED25519', 'ed25519', {}],
  ];
  for (const [keyType, kind, details] of table) {
    test(`${keyType} comes with a request that it has signed`, async () => {
      const { key, request } = await newKey(keyType);
      assert.match(key, /^-----BEGIN PRIVATE KEY-----\n/);
      const privateKey = createPrivateKey(key);
      assert.equal(privateKey.asymmetricKeyType, kind);
      for (const [name, value] of Object.entries(details)) {
        assert.equal((privateKey.asymmetricKeyDetails as Record<string, unknown>)[name], value);
      }
      const pem = `-----BEGIN CERTIFICATE REQUEST-----\n${request}\n-----END CERTIFICATE REQUEST-----\n`;
      assert.equal(requestProblem(pem), undefined);
      // Another reader of the same form.
      const parsed = new x509.Pkcs10CertificateRequest(Buffer.from(request, 'base64'));
      assert.deepEqual([parsed.subject, parsed.attributes.length], ['', 0]);
      const spki = Buffer.from(parsed.publicKey.rawData);
      assert.deepEqual(createPublicKey(key).export({ type: 'spki', format: 'der' }), spki);
    });
  }

  test('is of a known type', async () => {
    await assert.rejects(newKey('RSA1024'), { message: 'while generating keypair: unknown key type "RSA1024"' });
    await assert.rejects(newKey('constructor'), /unknown key type/);
  });

  test('does not hold up what else runs', async () => {
    let turns = 0;
    const timer = setInterval(() => {
      turns += 1;
    }, 1);
    await newKey('RSA4096');
    clearInterval(timer);
    assert.ok(turns > 0);
  });
});
