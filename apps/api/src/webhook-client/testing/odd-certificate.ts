/** A server with a certificate that no client of today accepts. */

import { webcrypto } from 'node:crypto';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';

export interface OddCertificate {
  /** Subject alternative names; none: the certificate has a common name alone. */
  names: readonly string[];
  /** What the authority signs it with; by default SHA-256. */
  hash?: 'SHA-1' | 'SHA-256';
}

export async function oddWebhookServer({ names, hash = 'SHA-256' }: OddCertificate): Promise<{
  port: number;
  /** PEM in base64. */
  caBundle: string;
  close(): Promise<void>;
}> {
  x509.cryptoProvider.set(webcrypto);
  const algorithm = (used: string) => ({
    ...{ name: 'RSASSA-PKCS1-v1_5', hash: used, modulusLength: 2048 },
    publicExponent: new Uint8Array([1, 0, 1]),
  });
  const pair = (used: string) => webcrypto.subtle.generateKey(algorithm(used), true, ['sign', 'verify']);
  const [authorityKeys, keys] = await Promise.all([pair('SHA-256'), pair('SHA-256')]);
  const day = 24 * 3600 * 1000;
  const lifetime = { notBefore: new Date(Date.now() - day), notAfter: new Date(Date.now() + day) };
  // One key under two algorithms: the authority vouches for itself with SHA-256.
  const key = await webcrypto.subtle.exportKey('pkcs8', authorityKeys.privateKey);
  const signingKey = await webcrypto.subtle.importKey('pkcs8', key, algorithm(hash), false, ['sign']);
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    ...{ name: 'CN=authority', keys: authorityKeys, signingAlgorithm: algorithm('SHA-256'), ...lifetime },
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  });
  const certificate = await x509.X509CertificateGenerator.create({
    ...{ subject: 'CN=hook.example.com', issuer: 'CN=authority', publicKey: keys.publicKey, ...lifetime },
    ...{ signingKey, signingAlgorithm: algorithm(hash) },
    extensions:
      names.length > 0
        ? [new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns' as const, value })))]
        : [],
  });
  const own = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  const server = createServer({
    cert: certificate.toString('pem'),
    key: x509.PemConverter.encode(own, 'PRIVATE KEY'),
    // The server itself may show it.
    ciphers: 'DEFAULT@SECLEVEL=0',
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    caBundle: Buffer.from(authority.toString('pem')).toString('base64'),
    close: () => new Promise((resolve) => void server.close(() => resolve())),
  };
}
