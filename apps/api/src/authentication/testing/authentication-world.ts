import assert from 'node:assert/strict';
import { createPrivateKey, generateKeyPairSync, sign, webcrypto, X509Certificate } from 'node:crypto';
import type { KubeObject, StatusError } from '#apimachinery';
import type { Authorizer } from '../../authorization/authorizer.js';
import { ENDLESS } from '../../registry/request-lifetime.js';
import type { Lister } from '../../storage/lister.js';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { tokenRequestResource } from '../../kinds/service-accounts/token-request.js';
import { createAuthority, issueCertificate } from '../../pki/certificate-issuer.js';
import type { KeyPair } from '../../pki/certificate-profile.js';
import type { Credentials } from '../authenticator.js';
import { type Authentication, createAuthenticator } from '../request-authenticator.js';
import { ServiceAccountTokenIssuer } from '../service-account-tokens.js';

/** What the specs of authentication share: keys, authorities, and a world with one account, pod, node and bootstrap token. */

export const ISSUER = 'https://kubernetes.default.svc.cluster.local';
export const DAY_MS = 24 * 3600 * 1000;

export const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
export const otherKeys = generateKeyPairSync('rsa', { modulusLength: 2048 });
export const pem = (key: typeof keys.privateKey) => key.export({ type: 'pkcs8', format: 'pem' }).toString();
export const publicPem = keys.publicKey.export({ type: 'spki', format: 'pem' }).toString();

export class FakeLister implements Lister {
  readonly objects = new Map<string, KubeObject>();
  /** What other replicas have written and this one learns of at the next barrier. */
  unseen = () => {};
  barriers = 0;

  readonly readBarrier = async (): Promise<void> => {
    this.barriers += 1;
    this.unseen();
  };

  add(resource: string, namespace: string, name: string, more: Record<string, unknown> = {}): KubeObject {
    const metadata = { name, namespace, uid: `${name}-uid` };
    const object = { apiVersion: 'v1', kind: '', metadata, ...more } as KubeObject;
    this.objects.set(`${resource}/${namespace}/${name}`, object);
    return object;
  }

  get(resource: string, namespace: string, name: string): KubeObject | undefined {
    return this.objects.get(`${resource}/${namespace}/${name}`);
  }

  list(): KubeObject[] {
    return [];
  }
}

export const authorizer: Authorizer = {
  authorize: ({ user, verb }) => ({
    decision: user.name === 'boss' && verb === 'impersonate' ? 'Allow' : 'NoOpinion',
    reason: '',
  }),
};

export interface World {
  lister: FakeLister;
  authentication: Authentication;
  issuer: ServiceAccountTokenIssuer;
  time: { now: number };
}

export let ca: KeyPair;
export let proxyCa: KeyPair;
export let foreignCa: KeyPair;

export function world(): World {
  const lister = new FakeLister();
  const time = { now: Date.now() };
  lister.add('serviceaccounts', 'web', 'app');
  lister.add('pods', 'web', 'pod-1', { spec: { serviceAccountName: 'app', nodeName: 'node-1' } });
  lister.add('nodes', '', 'node-1');
  lister.add('secrets', 'kube-system', 'bootstrap-token-abcdef', {
    type: 'bootstrap.kubernetes.io/token',
    data: Object.fromEntries(
      Object.entries({
        'token-id': 'abcdef',
        'token-secret': '0123456789abcdef',
        'usage-bootstrap-authentication': 'true',
        'auth-extra-groups': 'system:bootstrappers:workers',
        expiration: new Date(time.now + DAY_MS).toISOString(),
      }).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
    ),
  });
  const authentication = createAuthenticator({
    clientCa: ca.certificate,
    frontProxyCa: proxyCa.certificate,
    serviceAccountPublicKeys: [publicPem],
    issuers: [ISSUER],
    lister,
    readBarrier: lister.readBarrier,
    authorizer,
    clock: () => time.now,
  });
  return { lister, authentication, issuer: new ServiceAccountTokenIssuer(pem(keys.privateKey), ISSUER), time };
}

export async function certificate(
  authority: KeyPair,
  commonName: string,
  organizations: string[] = [],
  now = new Date(),
) {
  const pair = await issueCertificate(authority, { commonName, organizations, usages: ['client'] }, now);
  return new X509Certificate(pair.certificate).raw;
}

/** With any subject, at any time. */
export async function certificateOf(authority: KeyPair, subject: x509.JsonName): Promise<Buffer> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const { subtle } = webcrypto;
  const own = await subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const der = createPrivateKey(authority.key).export({ type: 'pkcs8', format: 'der' });
  const made = await x509.X509CertificateGenerator.create({
    subject,
    issuer: new x509.X509Certificate(authority.certificate).subjectName.toJSON(),
    publicKey: own.publicKey as x509.PublicKeyType,
    signingKey: await subtle.importKey('pkcs8', der, algorithm, false, ['sign']),
    signingAlgorithm: algorithm,
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + DAY_MS),
  });
  return Buffer.from(made.rawData);
}

/** What the token's parts say, written again as told and signed with the cluster's key. */
export function rewritten(text: string, change: (header: Record<string, unknown>) => void): string {
  const [header, payload] = text.split('.') as [string, string];
  const fields = JSON.parse(Buffer.from(header, 'base64url').toString());
  change(fields);
  const signed = `${Buffer.from(JSON.stringify(fields)).toString('base64url')}.${payload}`;
  return `${signed}.${sign('sha256', Buffer.from(signed), keys.privateKey).toString('base64url')}`;
}

export async function token({ issuer, lister, time }: World, spec: Record<string, unknown> = {}): Promise<string> {
  const { readBarrier } = lister;
  const resource = tokenRequestResource({ issuer, audiences: [ISSUER], lister, readBarrier, clock: () => time.now });
  const object = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', metadata: {}, spec } as KubeObject;
  const user = { name: 'x', groups: [] };
  const answer = await resource.create(
    {
      user,
      namespace: 'web',
      name: 'app',
      object,
      dryRun: false,
      warn: () => {},
      lifetime: ENDLESS,
    },
    {} as never,
  );
  return answer['status'].token;
}

export const bearer = (text: string): Credentials => ({ authorization: `Bearer ${text}` });

export async function rejected(promise: Promise<unknown>, code: number, message?: string): Promise<void> {
  await assert.rejects(promise, (error: StatusError) => {
    assert.equal(error.code, code);
    if (message) assert.equal(error.message, message);
    return true;
  });
}

beforeAll(async () => {
  [ca, proxyCa, foreignCa] = (await Promise.all(['a', 'b', 'c'].map((name) => createAuthority(name, new Date())))) as [
    KeyPair,
    KeyPair,
    KeyPair,
  ];
});
