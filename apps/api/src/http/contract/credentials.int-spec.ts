import assert from 'node:assert/strict';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KubeObject } from '#apimachinery';
import { gvr } from '#kinds';
import { request, type Sent, type TestServer, testServer } from '#testing';
import { ServiceAccountTokenIssuer } from '../../authentication/service-account-tokens.js';
import { createAuthority, issueCertificate } from '../../pki/certificate-issuer.js';

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
const ISSUER = 'https://kubernetes.default.svc.cluster.local';
const YEAR_MS = 366 * 24 * 3600 * 1000;

/** What a request shows of its sender, and the answer: 401 or 403, or 200. */
type Shown = Pick<Sent, 'as' | 'headers'>;

describe('who comes over HTTPS', () => {
  let server: TestServer;
  let account: KubeObject;
  beforeAll(async () => {
    server = await testServer();
    account = await server.client().create<KubeObject>(gvr.serviceaccounts, 'default', {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'app' },
    });
  });
  afterAll(() => server.close());

  const pki = (name: string) => readFileSync(join(server.dataDir, 'pki', name), 'utf8');

  /** A certificate of system:masters: only whether it is believed makes a difference. */
  async function certificate(authority: 'own' | 'foreign', now: Date, usages: ('client' | 'server')[] = ['client']) {
    const own = { certificate: pki('ca.crt'), key: pki('ca.key') };
    const issuer = authority === 'own' ? own : await createAuthority('kubernetes', new Date());
    const profile = { commonName: 'someone', organizations: ['system:masters'], usages };
    const pair = await issueCertificate(issuer, profile, now);
    return { cert: pair.certificate, key: pair.key };
  }

  function token(
    more: { key?: string; issuer?: string; audience?: string; expiresIn?: number; uid?: string } = {},
  ): string {
    const {
      key = pki('sa.key'),
      issuer = ISSUER,
      audience = ISSUER,
      expiresIn = 600,
      uid = account.metadata.uid!,
    } = more;
    const now = Math.floor(Date.now() / 1000);
    return new ServiceAccountTokenIssuer(key, issuer).issue({
      aud: [audience],
      iat: now - 3600,
      nbf: now - 3600,
      exp: now + expiresIn,
      sub: 'system:serviceaccount:default:app',
      'kubernetes.io': { namespace: 'default', serviceaccount: { name: 'app', uid } },
    });
  }

  const bearer = (text: string): Shown => ({ as: 'nobody', headers: { Authorization: `Bearer ${text}` } });
  const foreignKey = () =>
    generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  /** With another letter in the middle of the signature. */
  const tampered = (text: string) => {
    const at = text.length - 100;
    return `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`;
  };
  const unsigned = () => {
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    return `${encode({ alg: 'none' })}.${token().split('.')[1]}.`;
  };

  const CASES: [what: string, shown: () => Shown | Promise<Shown>, code: number][] = [
    ['a certificate of this cluster', async () => ({ as: await certificate('own', new Date()) }), 200],
    ['an expired certificate', async () => ({ as: await certificate('own', new Date(Date.now() - 2 * YEAR_MS)) }), 401],
    [
      'a certificate of the future',
      async () => ({ as: await certificate('own', new Date(Date.now() + YEAR_MS)) }),
      401,
    ],
    ['a certificate of another cluster', async () => ({ as: await certificate('foreign', new Date()) }), 401],
    ['a certificate for servers', async () => ({ as: await certificate('own', new Date(), ['server']) }), 401],
    [
      'an expired certificate beside a good token',
      async () => ({ ...bearer(token()), as: await certificate('own', new Date(Date.now() - 2 * YEAR_MS)) }),
      403,
    ],
    ['a token of this cluster', () => bearer(token()), 403],
    ['an expired token', () => bearer(token({ expiresIn: -120 })), 401],
    ['a token with a foreign signature', () => bearer(token({ key: foreignKey() })), 401],
    ['a token that was changed', () => bearer(tampered(token())), 401],
    ['a token without a signature', () => bearer(unsigned()), 401],
    ['a token of another issuer', () => bearer(token({ issuer: 'https://elsewhere' })), 401],
    ['a token for others', () => bearer(token({ audience: 'https://elsewhere' })), 401],
    ['a token of an account that was made anew', () => bearer(token({ uid: randomUUID() })), 401],
    ['text instead of a token', () => bearer('nonsense'), 401],
    ['a bootstrap token that nobody made', () => bearer('abcdef.0123456789abcdef'), 401],
    ['no token after all', () => bearer(''), 403],
    ['a password', () => ({ as: 'nobody', headers: { Authorization: 'Basic YTpi' } }), 403],
    ['nothing', () => ({ as: 'nobody' }), 403],
    [
      'the headers of a proxy without its certificate',
      () => ({ as: 'nobody', headers: { 'X-Remote-User': 'admin', 'X-Remote-Group': 'system:masters' } }),
      403,
    ],
  ];
  for (const [what, shown, code] of CASES) {
    test(`${what}: ${code}`, async () => {
      const answer = await request(server, CONFIG_MAPS, await shown());
      assert.equal(answer.code, code, answer.body.toString());
      if (code !== 401) return;
      const { metadata, message, reason } = answer.json;
      assert.deepEqual([metadata, message, reason], [{}, 'Unauthorized', 'Unauthorized']);
    });
  }

  const REVIEWS = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
  const REVIEW = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };

  test('a token that the API gave is its account, may what the account may, and ends with it', async () => {
    const asked = await request(server, '/api/v1/namespaces/default/serviceaccounts/app/token', {
      method: 'POST',
      body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 600 } },
    });
    assert.equal(asked.code, 201, asked.body.toString());
    const shown = bearer(asked.json.status.token);
    const me = await request(server, REVIEWS, { ...shown, method: 'POST', body: REVIEW });
    assert.equal(me.json.status.userInfo.username, 'system:serviceaccount:default:app');
    const can = await request(server, '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
      ...shown,
      method: 'POST',
      body: {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec: { resourceAttributes: { namespace: 'default', verb: 'list', resource: 'pods' } },
      },
    });
    assert.equal(can.json.status.allowed, false);
    const refused = await request(server, CONFIG_MAPS, shown);
    assert.equal(
      refused.json.message,
      'configmaps is forbidden: User "system:serviceaccount:default:app" cannot list resource "configmaps" in API group "" in the namespace "default"',
    );
    await server.client().delete(gvr.serviceaccounts, 'default', 'app');
    assert.equal((await request(server, '/version', shown)).code, 401);
  });

  test('a front proxy is whom it names, and nobody itself', async () => {
    const as = { cert: pki('front-proxy-client.crt'), key: pki('front-proxy-client.key') };
    const headers = { 'X-Remote-User': 'carol', 'X-Remote-Group': 'dev' };
    const me = await request(server, REVIEWS, { as, headers, method: 'POST', body: REVIEW });
    assert.deepEqual(me.json.status.userInfo, { username: 'carol', groups: ['dev', 'system:authenticated'] });
    assert.equal((await request(server, CONFIG_MAPS, { as })).code, 401);
  });

  test('strangers may see the version and little else', async () => {
    assert.equal((await request(server, '/version', { as: 'nobody' })).code, 200);
    const refused = await request(server, '/api/v1/namespaces', { as: 'nobody' });
    assert.equal(
      refused.json.message,
      'namespaces is forbidden: User "system:anonymous" cannot list resource "namespaces" in API group "" at the cluster scope',
    );
  });
});
