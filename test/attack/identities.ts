import { createHmac, createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { createAuthority, issueCertificate } from '../../apps/api/src/pki/certificate-issuer.js';
import type { ControlPlane } from './control-plane.js';
import type { Identity } from './requester.js';

/** Of the attackers. */
export const OWN = 'attack';
/** Of somebody else: whatever is in it stays as it is. */
export const VICTIM = 'victim';
/** Of the attackers as well: restricted, and with a quota that is full. */
export const CONFINED = 'confined';
/** The objects of the victim, and cluster-scoped ones that are nobody's business, have this name. */
export const TARGET = 'target';

const YEAR_MS = 366 * 24 * 3600 * 1000;

/** Whoever attacks the control plane. What each may do is set up by `makeIdentities`, nothing more. */
export interface Identities {
  administrator: Identity;
  /** Shows nothing. */
  anonymous: Identity;
  /** A ServiceAccount without any role. */
  nobody: Identity;
  /** ClusterRoles `view`, `edit` and `admin`, bound in the attackers' namespace. */
  viewer: Identity;
  editor: Identity;
  namespaceAdmin: Identity;
  /** A Role of all verbs on all resources of the attackers' namespace. */
  owner: Identity;
  /** May `get` nodes/proxy, as collectors of metrics do. */
  collector: Identity;
  /** The node `x`, on which the attackers' pod runs. */
  node: Identity;
  otherNode: Identity;
  /** The token that the attackers' pod mounts. */
  pod: Identity;
}

export async function makeIdentities(plane: ControlPlane): Promise<Identities> {
  const authority = { certificate: plane.pki('ca.crt'), key: plane.pki('ca.key') };
  const node = async (name: string): Promise<Identity> => {
    const profile = { commonName: `system:node:${name}`, organizations: ['system:nodes'], usages: ['client' as const] };
    const { certificate, key } = await issueCertificate(authority, profile, new Date());
    return { name: `node ${name}`, cert: certificate, key };
  };
  const account = async (name: string, shown: string, bound?: object): Promise<Identity> => {
    const { status } = await plane.create(`/api/v1/namespaces/${OWN}/serviceaccounts/${name}/token`, {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { expirationSeconds: 3600, ...(bound ? { boundObjectRef: bound } : undefined) },
    });
    return { name: shown, headers: { Authorization: `Bearer ${status.token}` } };
  };
  const runner = await plane.json(`/api/v1/namespaces/${OWN}/pods/runner`);
  return {
    administrator: plane.admin,
    anonymous: { name: 'anonymous' },
    nobody: await account('nobody', 'rightless ServiceAccount'),
    viewer: await account('viewer', 'namespace viewer'),
    editor: await account('editor', 'namespace editor'),
    namespaceAdmin: await account('administrator', 'namespace administrator'),
    owner: await account('owner', 'namespace owner'),
    collector: await account('collector', 'holder of get nodes/proxy'),
    node: await node('x'),
    otherNode: await node('y'),
    pod: await account('app', 'a pod', { apiVersion: 'v1', kind: 'Pod', name: 'runner', uid: runner.metadata.uid }),
  };
}

/** Certificates that must not be believed, each of a member of system:masters. */
export async function forgedCertificates(plane: ControlPlane): Promise<Identity[]> {
  const own = { certificate: plane.pki('ca.crt'), key: plane.pki('ca.key') };
  const foreign = await createAuthority('kubernetes', new Date());
  const frontProxy = { certificate: plane.pki('front-proxy-ca.crt'), key: plane.pki('front-proxy-ca.key') };
  const masters = { commonName: 'attacker', organizations: ['system:masters'], usages: ['client' as const] };
  const leaf = await issueCertificate(own, masters, new Date());
  const pair = async (name: string, issuer: typeof own, profile: Parameters<typeof issueCertificate>[1], now: Date) => {
    const { certificate, key } = await issueCertificate(issuer, profile, now);
    return { name, cert: certificate, key };
  };
  const today = new Date();
  return [
    await pair('certificate of another authority of the same name', foreign, masters, today),
    await pair('certificate of the front proxy authority', frontProxy, masters, today),
    await pair('expired certificate', own, masters, new Date(Date.now() - 2 * YEAR_MS)),
    await pair('certificate of the future', own, masters, new Date(Date.now() + YEAR_MS)),
    await pair('certificate for servers', own, { ...masters, usages: ['server'] }, today),
    await pair('certificate that a client certificate signed', leaf, masters, today),
    { name: "the server's own certificate", cert: plane.pki('server.crt'), key: plane.pki('server.key') },
    {
      name: 'the front proxy, saying nobody',
      cert: plane.pki('front-proxy-client.crt'),
      key: plane.pki('front-proxy-client.key'),
    },
    {
      name: "the server's certificate towards nodes",
      cert: plane.pki('kubelet-client.crt'),
      key: plane.pki('kubelet-client.key'),
    },
  ];
}

/** Of system:masters by its organization, without a common name. */
export async function namelessCertificate(plane: ControlPlane): Promise<Identity> {
  const own = { certificate: plane.pki('ca.crt'), key: plane.pki('ca.key') };
  const profile = { commonName: '', organizations: ['system:masters'], usages: ['client' as const] };
  const { certificate, key } = await issueCertificate(own, profile, new Date());
  return { name: 'certificate without a name', cert: certificate, key };
}

/** Tokens that must not be believed. `good` is one that is. */
export function forgedTokens(plane: ControlPlane, good: string): [what: string, token: string][] {
  const [header, payload, signature] = good.split('.') as [string, string, string];
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
  const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString());
  const key = plane.pki('sa.key');
  const foreign = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const foreignPem = foreign.export({ type: 'pkcs8', format: 'pem' }).toString();
  const publicPem = createPublicKey(createPrivateKey(key)).export({ type: 'spki', format: 'pem' }).toString();
  const now = Math.floor(Date.now() / 1000);
  const signed = (changes: object, headers: object = {}, by = key, hash = 'sha256'): string => {
    const text = `${encode({ alg: 'RS256', kid, ...headers })}.${encode({ ...claims, ...changes })}`;
    return `${text}.${sign(hash, Buffer.from(text), by).toString('base64url')}`;
  };
  const keyed = (secret: string): string => {
    const text = `${encode({ alg: 'HS256', kid })}.${payload}`;
    return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
  };
  const masters = { ...claims, sub: 'system:admin', groups: ['system:masters'] };
  const jwk = createPublicKey(foreign).export({ format: 'jwk' });
  const middle = Math.floor(signature.length / 2);
  return [
    ['alg none', `${encode({ alg: 'none' })}.${payload}.`],
    ['alg None with a signature', `${encode({ alg: 'None', kid })}.${payload}.${signature}`],
    ['HS256 with the public key', keyed(publicPem)],
    ['RS512 named, RS256 signed', signed({}, { alg: 'RS512' })],
    ['RS512', signed({}, { alg: 'RS512' }, key, 'sha512')],
    ['a foreign key with our key id', signed({}, {}, foreignPem)],
    ['a foreign key without an id', signed({}, { kid: undefined }, foreignPem)],
    ['a foreign key in the header', signed({}, { jwk, kid: undefined }, foreignPem)],
    ['a foreign key, with the address of its set', signed({}, { jku: 'https://192.0.2.1/jwks' }, foreignPem)],
    ['a key id that is a list', signed({}, { kid: [kid] }, foreignPem)],
    ['a changed payload', `${header}.${encode(masters)}.${signature}`],
    ['a changed signature', `${header}.${payload}.${flip(signature, middle)}`],
    ['no signature', `${header}.${payload}.`],
    ['two parts', `${header}.${payload}`],
    ['five parts', `${good}.${payload}.${signature}`],
    ['expired', signed({ exp: now - 3600 })],
    ['not valid yet', signed({ nbf: now + 3600 })],
    ['issued in the future', signed({ iat: now + 3600 })],
    ['another audience', signed({ aud: ['https://elsewhere'] })],
    ['no audience', signed({ aud: [] })],
    ['another issuer', signed({ iss: 'https://elsewhere' })],
    ['another uid', signed({ 'kubernetes.io': withAccount(claims, { uid: '00000000-0000-0000-0000-000000000000' }) })],
    ['an account that is not there', signed({ 'kubernetes.io': withAccount(claims, { name: 'ghost' }) })],
    ['an account of a prototype', signed({ 'kubernetes.io': withAccount(claims, { name: '__proto__' }) })],
    ['letters that are no base64url in the signature', `${header}.${payload}.!!${signature}`],
    ['blanks in the signature', `${header}.${payload}.${signature.slice(0, middle)} ${signature.slice(middle)}`],
    ['padding after the signature', `${good}==`],
    ['a critical header that nobody knows', signed({}, { crit: ['attack'], attack: true })],
    ['no JSON in the header', `${Buffer.from('nonsense').toString('base64url')}.${payload}.${signature}`],
    ['a bootstrap token that nobody made', 'abcdef.0123456789abcdef'],
    ['text', 'nonsense'],
    ['8 KB of text', 'x'.repeat(8192)],
  ];
}

function withAccount(claims: any, changes: object): object {
  const bound = claims['kubernetes.io'];
  return { ...bound, serviceaccount: { ...bound.serviceaccount, ...changes } };
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function flip(text: string, at: number): string {
  return `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`;
}
