/** An OpenID Connect issuer for specs: HTTPS on a free port of this machine, with a certificate of its own authority. */

import { constants, createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createAuthority, issueCertificate } from '../../../pki/certificate-issuer.js';

export interface SigningKey {
  kid: string;
  privateKey: KeyObject;
  publicKey: KeyObject;
}

export interface IssuerServer {
  readonly url: string;
  /** PEM. */
  readonly ca: string;
  /** What it publishes. */
  keys: SigningKey[];
  /** Paths that were asked for. */
  readonly paths: string[];
  /** Answers in place of the issuer where it returns true. */
  intercept: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** More, or other, fields of the discovery document. */
  document: Record<string, unknown>;
  /** A token that is good for ten minutes, signed with the first key. */
  token(claims?: Record<string, unknown>, how?: { header?: Record<string, unknown>; key?: SigningKey }): string;
  close(): Promise<void>;
}

export function signingKey(kid: string, kind: 'RSA' | 'P-256' | 'P-384' | 'P-521' = 'RSA'): SigningKey {
  const pair =
    kind === 'RSA'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ec', { namedCurve: kind });
  return { kid, ...pair };
}

/** Making an RSA key takes a while. */
const FIRST = signingKey('first');

export const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** With whatever the header says; HS256 takes the public key as the secret, as attackers do. */
export function signedToken(header: Record<string, unknown>, claims: unknown, key: SigningKey): string {
  const text = `${encoded(header)}.${encoded(claims)}`;
  return `${text}.${signatureOf(String(header['alg']), text, key).toString('base64url')}`;
}

function signatureOf(algorithm: string, text: string, { privateKey, publicKey }: SigningKey): Buffer {
  const bytes = Buffer.from(text);
  const hash = `sha${algorithm.slice(2)}`;
  switch (algorithm.slice(0, 2)) {
    case 'RS':
      return sign(hash, bytes, privateKey);
    case 'PS':
      return sign(hash, bytes, {
        key: privateKey,
        padding: constants.RSA_PKCS1_PSS_PADDING,
        saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
      });
    case 'ES':
      return sign(hash, bytes, { key: privateKey, dsaEncoding: 'ieee-p1363' });
    case 'HS':
      return createHmac(hash, publicKey.export({ type: 'spki', format: 'pem' }))
        .update(bytes)
        .digest();
    default:
      return Buffer.alloc(0);
  }
}

/** @param path - of the issuer, below the server. */
export async function issuerServer(path = ''): Promise<IssuerServer> {
  const now = new Date();
  const authority = await createAuthority('issuer test', now);
  const profile = { commonName: 'issuer', usages: ['server'] as ['server'], ipAddresses: ['127.0.0.1'] };
  const { certificate, key } = await issueCertificate(authority, profile, now);
  const paths: string[] = [];
  const server = createServer({ cert: certificate, key }, (request, response) => {
    paths.push(request.url!);
    if (own.intercept(request, response)) return;
    const answer = (value: unknown) =>
      response.setHeader('content-type', 'application/json').end(JSON.stringify(value));
    if (request.url?.endsWith('/openid-configuration')) {
      answer({ issuer: own.url, jwks_uri: `${own.url}/keys`, ...own.document });
    } else if (request.url === `${path}/keys`) {
      answer({ keys: own.keys.map(({ kid, publicKey }) => ({ ...publicKey.export({ format: 'jwk' }), kid })) });
    } else response.writeHead(404).end('nothing here');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const own: IssuerServer = {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}${path}`,
    ca: authority.certificate,
    keys: [FIRST],
    paths,
    intercept: () => false,
    document: {},
    token(claims = {}, { header = {}, key: signing = own.keys[0]! } = {}) {
      const seconds = Math.floor(Date.now() / 1000);
      const all = { iss: own.url, aud: 'berth', sub: 'jane', exp: seconds + 600, iat: seconds, ...claims };
      return signedToken({ alg: 'RS256', kid: signing.kid, ...header }, all, signing);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return own;
}
