import { setTimeout as sleep } from 'node:timers/promises';
import { encoded, signedToken, signingKey } from '../../apps/api/src/authentication/oidc/testing/issuer-server.js';
import { codes, unauthorized } from './attack.js';
import { TARGET, VICTIM } from './identities.js';
import type { Identity } from './requester.js';
import type { PlaneRow } from './stage.js';

const area = 'foreign tokens';
const SECRET = `/api/v1/namespaces/${VICTIM}/secrets/${TARGET}`;
const WHO = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
const SELF = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
const whoAmI = { method: 'POST', path: WHO, body: SELF };

const bearer = (name: string, token: string): Identity => ({ name, headers: { Authorization: `Bearer ${token}` } });
const seconds = () => Math.floor(Date.now() / 1000);

export const foreignTokenRows: PlaneRow[] = [
  {
    area,
    finding: 'a forged token of an issuer is refused, whatever it says of its key and its algorithm',
    run: async (attempt, { plane }) => {
      const { issuer } = plane.foreign;
      const good = issuer.token();
      const [, payload = '', signature = ''] = good.split('.');
      for (const end = Date.now() + 20_000; Date.now() < end; await sleep(50)) {
        if ((await plane.requester.send(bearer('issuer', good), whoAmI)).code === 201) break;
      }
      await attempt.try(bearer('a good token', good), whoAmI, codes(201));
      await attempt.try(bearer('a good token', good), { path: SECRET }, codes(403));

      const own = signingKey('first');
      const jwk = own.publicKey.export({ format: 'jwk' });
      const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
      const headers: [string, Record<string, unknown>][] = [
        ['of another key', {}],
        ['that brings its key', { jwk }],
        ['that says where its key is', { jku: 'https://127.0.0.1/keys', x5u: 'https://127.0.0.1/keys' }],
        ['without the name of a key', { kid: undefined }],
        ...['', '../../../dev/null', "' OR 1=1", '__proto__', 'x'.repeat(4000)].map(
          (kid): [string, Record<string, unknown>] => [`with the key ${kid.slice(0, 20)}`, { kid }],
        ),
        ['with a key that is no text', { kid: ['first'] }],
        ['with a critical extension', { crit: ['exp'], exp: 0 }],
      ];
      for (const [what, header] of headers) {
        await attempt.try(bearer(what, issuer.token({}, { key: own, header })), whoAmI, unauthorized);
      }
      const forged: [string, string][] = [
        ['without a signature', `${encoded({ alg: 'none' })}.${payload}.`],
        ['with the signature of nobody', `${encoded({ alg: 'none', kid: 'first' })}.${payload}.${signature}`],
        ['signed with the public key', issuer.token({}, { header: { alg: 'HS256' } })],
        [
          'signed with the public key, without its name',
          issuer.token({}, { header: { alg: 'HS512', kid: undefined } }),
        ],
        ['of a curve', signedToken({ alg: 'ES256', kid: 'first' }, claims, signingKey('first', 'P-256'))],
        ['with other claims', `${good.split('.')[0]}.${encoded({ ...claims, sub: 'joe' })}.${signature}`],
        ['for others', issuer.token({ aud: 'other' })],
        ['for nobody', issuer.token({ aud: [] })],
        ['that ended', issuer.token({ exp: seconds() - 1 })],
        ['that never ends', issuer.token({ exp: null })],
        ['that begins tomorrow', issuer.token({ nbf: seconds() + 86_400 })],
        ['of this cluster', issuer.token({ iss: 'https://kubernetes.default.svc.cluster.local' })],
        ['that is long', issuer.token({ filler: 'x'.repeat(8000) }, { key: own })],
        ['of dots', '.'.repeat(8000)],
        ['with four parts', `${good}.${signature}`],
        ['with padding', `${good}=`],
      ];
      for (const [what, token] of forged) await attempt.try(bearer(what, token), whoAmI, unauthorized);
      await attempt.try(bearer('a good token', good), whoAmI, codes(201));
    },
  },
  {
    area,
    finding: 'a review of a huge token takes no time of others',
    run: async (attempt, { plane, who }) => {
      const { issuer } = plane.foreign;
      const tokens = [
        issuer.token({ filler: 'x'.repeat(500_000) }),
        '.'.repeat(500_000),
        `${'a'.repeat(200_000)}.e30.x`,
      ];
      const path = '/apis/authentication.k8s.io/v1/tokenreviews';
      for (const token of tokens) {
        const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token } };
        const startedAt = Date.now();
        const { text } = await attempt.try(who.administrator, { method: 'POST', path, body }, codes(201));
        attempt.check(
          'administrator',
          path,
          'not authenticated',
          !text.includes('"authenticated":true'),
          text.slice(0, 200),
        );
        const took = Date.now() - startedAt;
        attempt.check('administrator', path, 'an answer within five seconds', took < 5000, `${took} ms`);
      }
    },
  },
  {
    area,
    finding: 'an issuer gives nobody a name or a group of the system where a rule forbids it',
    run: async (attempt, { plane }) => {
      const { issuer } = plane.foreign;
      const claims: Record<string, unknown>[] = [
        { sub: 'system:admin' },
        { sub: 'system:node:x', groups: ['system:nodes'] },
        { sub: 'system:serviceaccount:kube-system:generic-garbage-collector' },
        { sub: 'kube-apiserver-kubelet-client' },
        { groups: ['system:masters'] },
        { groups: 'system:masters' },
        { groups: ['dev', 'system:masters'] },
        { sub: '' },
        { sub: null },
        { sub: ['jane'] },
        { sub: undefined },
        { groups: [{}] },
        { _claim_names: { groups: 'x' }, _claim_sources: { x: { endpoint: 'https://127.0.0.1/' } } },
      ];
      for (const more of claims) {
        const { groups = ['dev'] } = more;
        const all = '_claim_names' in more ? more : { ...more, groups };
        await attempt.try(bearer(JSON.stringify(more), issuer.token(all)), { path: SECRET }, unauthorized);
      }
    },
  },
  {
    area,
    finding: 'an issuer that answers rubbish, or not at all, lets nobody in and holds nobody up',
    run: async (attempt, { plane, who }) => {
      for (const [name, { token }] of Object.entries({
        rubbish: plane.foreign.rubbish,
        silence: plane.foreign.silent,
      })) {
        const startedAt = Date.now();
        await Promise.all(
          Array.from({ length: 20 }, (_, i) =>
            attempt.try(bearer(`an issuer of ${name}`, token({ sub: `${i}` })), whoAmI, unauthorized),
          ),
        );
        await attempt.try(who.administrator, { path: '/version' }, codes(200));
        const took = Date.now() - startedAt;
        attempt.check('-', name, 'answers within five seconds', took < 5000, `${took} ms`);
      }
      // Keys that nobody has are not asked for once for each of them.
      const { issuer } = plane.foreign;
      const asked = () => issuer.paths.filter((path) => path === '/keys').length;
      const before = asked();
      const startedAt = Date.now();
      for (let i = 0; i < 50; i += 1) {
        const token = issuer.token({ sub: `${i}` }, { header: { kid: `unknown-${i}` } });
        await attempt.try(bearer('an unknown key', token), whoAmI, unauthorized);
      }
      const most = 2 + Math.ceil((Date.now() - startedAt) / 2000);
      attempt.check(
        '-',
        'keys of the issuer',
        `fetched at most ${most} times`,
        asked() - before <= most,
        asked() - before,
      );
    },
  },
  {
    area,
    finding:
      'a webhook that lies about tokens lets nobody in whom it did not name, and hears of no token of the cluster',
    run: async (attempt, { plane, who }) => {
      const { webhook } = plane.foreign;
      const honest = webhook.handle;
      const review = (status: unknown) => ({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', status });
      const user = { username: 'jane', groups: ['dev'] };
      const lies: [string, unknown][] = [
        ['nothing', review({})],
        ['yes as a text', review({ authenticated: 'true', user })],
        ['yes as a number', review({ authenticated: 1, user })],
        ['nobody', review({ authenticated: true })],
        ['an empty name', review({ authenticated: true, user: { username: '' } })],
        ['a name that is none', review({ authenticated: true, user: { username: ['system:admin'] } })],
        ['groups as a text', review({ authenticated: true, user: { username: 'a', groups: 'system:masters' } })],
        [
          'groups that are none',
          review({ authenticated: true, user: { username: 'a', groups: [['system:masters']] } }),
        ],
        ['other audiences', review({ authenticated: true, user, audiences: ['other'] })],
        ['another kind', { ...review({ authenticated: true, user }), kind: 'SubjectAccessReview' }],
        ['another version', { ...review({ authenticated: true, user }), apiVersion: 'v1' }],
        ['a list', [review({ authenticated: true, user })]],
        ['the client of nodes', review({ authenticated: true, user: { username: 'kube-apiserver-kubelet-client' } })],
        ['a prototype', JSON.parse('{"__proto__":{"status":{"authenticated":true,"user":{"username":"a"}}}}')],
        ['far too much', review({ authenticated: true, user, filler: 'x'.repeat(2 << 20) })],
      ];
      try {
        for (const [what, answer] of lies) {
          webhook.handle = () => answer;
          await attempt.try(bearer(`a webhook that says ${what}`, `lie-${what}`), whoAmI, unauthorized);
        }
        webhook.handle = () => review({ authenticated: true, user });
        const { text } = await attempt.try(bearer('a webhook that tells the truth', 'truth'), whoAmI, codes(201));
        attempt.check('webhook', WHO, 'the user that it named', text.includes('"username":"jane"'), text);
        webhook.received.length = 0;
        await attempt.try(who.owner, whoAmI, codes(201));
        attempt.check('owner', WHO, 'no review', webhook.received.length === 0, webhook.received.length);
      } finally {
        webhook.handle = honest;
      }
    },
  },
];
