import assert from 'node:assert/strict';
import { createPrivateKey, generateKeyPairSync, sign, webcrypto, X509Certificate } from 'node:crypto';
import type { KubeObject, StatusError } from '#apimachinery';
import type { Authorizer } from '../authorization/authorizer.js';
import { ENDLESS } from '../registry/request-lifetime.js';
import type { Lister } from '../storage/lister.js';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { tokenReviewResource } from '../kinds/reviews/identity-reviews.js';
import { tokenRequestResource } from '../kinds/service-accounts/token-request.js';
import { createAuthority, issueCertificate } from '../pki/certificate-issuer.js';
import type { KeyPair } from '../pki/certificate-profile.js';
import type { Credentials } from './authenticator.js';
import { type Authentication, createAuthenticator } from './request-authenticator.js';
import { ServiceAccountTokenIssuer } from './service-account-tokens.js';
import { LIST_PODS } from './testing/list-pods.js';

const ISSUER = 'https://kubernetes.default.svc.cluster.local';
const DAY_MS = 24 * 3600 * 1000;

const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
const otherKeys = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pem = (key: typeof keys.privateKey) => key.export({ type: 'pkcs8', format: 'pem' }).toString();
const publicPem = keys.publicKey.export({ type: 'spki', format: 'pem' }).toString();

class FakeLister implements Lister {
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

const authorizer: Authorizer = {
  authorize: ({ user, verb }) => ({
    decision: user.name === 'boss' && verb === 'impersonate' ? 'Allow' : 'NoOpinion',
    reason: '',
  }),
};

interface World {
  lister: FakeLister;
  authentication: Authentication;
  issuer: ServiceAccountTokenIssuer;
  time: { now: number };
}

let ca: KeyPair;
let proxyCa: KeyPair;
let foreignCa: KeyPair;

function world(): World {
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

async function certificate(authority: KeyPair, commonName: string, organizations: string[] = [], now = new Date()) {
  const pair = await issueCertificate(authority, { commonName, organizations, usages: ['client'] }, now);
  return new X509Certificate(pair.certificate).raw;
}

/** With any subject, at any time. */
async function certificateOf(authority: KeyPair, subject: x509.JsonName): Promise<Buffer> {
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
function rewritten(text: string, change: (header: Record<string, unknown>) => void): string {
  const [header, payload] = text.split('.') as [string, string];
  const fields = JSON.parse(Buffer.from(header, 'base64url').toString());
  change(fields);
  const signed = `${Buffer.from(JSON.stringify(fields)).toString('base64url')}.${payload}`;
  return `${signed}.${sign('sha256', Buffer.from(signed), keys.privateKey).toString('base64url')}`;
}

async function token({ issuer, lister, time }: World, spec: Record<string, unknown> = {}): Promise<string> {
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

const bearer = (text: string): Credentials => ({ authorization: `Bearer ${text}` });

async function rejected(promise: Promise<unknown>, code: number, message?: string): Promise<void> {
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

describe('client certificates', () => {
  it('give user and groups', async () => {
    const { authentication } = world();
    const user = await authentication.authenticate({
      clientCertificate: await certificate(ca, 'alice', ['dev', 'ops']),
    });
    assert.equal(user.name, 'alice');
    assert.deepEqual(user.groups, ['dev', 'ops', 'system:authenticated']);
    assert.match(user.extra!['authentication.kubernetes.io/credential-id']![0]!, /^X509SHA256=[0-9a-f]{64}$/);
  });

  it('give the same object for the same certificate', async () => {
    const { authentication } = world();
    const clientCertificate = await certificate(ca, 'alice');
    const [first, second] = [
      await authentication.authenticate({ clientCertificate }),
      await authentication.authenticate({ clientCertificate }),
    ];
    assert.equal(first, second);
  });

  it('of a foreign authority are 401', async () => {
    const { authentication } = world();
    await rejected(
      authentication.authenticate({ clientCertificate: await certificate(foreignCa, 'alice') }),
      401,
      'Unauthorized',
    );
  });

  it('that end are 401 from then on, also when they were known', async () => {
    const { authentication, time } = world();
    const clientCertificate = await certificate(ca, 'alice');
    await authentication.authenticate({ clientCertificate });
    time.now += 400 * DAY_MS;
    await rejected(authentication.authenticate({ clientCertificate }), 401);
  });

  it('for servers only are 401', async () => {
    const pair = await issueCertificate(ca, { commonName: 'alice', usages: ['server'] }, new Date());
    const clientCertificate = new X509Certificate(pair.certificate).raw;
    await rejected(world().authentication.authenticate({ clientCertificate }), 401);
  });

  it('with several common names name the last', async () => {
    const clientCertificate = await certificateOf(ca, [{ CN: ['first'] }, { O: ['dev'] }, { CN: ['last'] }]);
    assert.equal((await world().authentication.authenticate({ clientCertificate })).name, 'last');
  });

  it('of this server towards nodes are 401, also with groups, with a token, or in a front proxy’s headers', async () => {
    const cluster = world();
    const { authentication } = cluster;
    const user = 'kube-apiserver-kubelet-client';
    for (const groups of [[], ['system:masters']]) {
      const clientCertificate = await certificate(ca, user, groups);
      await rejected(authentication.authenticate({ clientCertificate }), 401, 'Unauthorized');
      await rejected(authentication.authenticate({ clientCertificate, ...bearer(await token(cluster)) }), 401);
      const headers = { 'impersonate-user': 'bob' };
      await rejected(authentication.authenticate({ clientCertificate, headers, request: LIST_PODS }), 401);
    }
    const clientCertificate = await certificate(proxyCa, 'front-proxy-client');
    await rejected(authentication.authenticate({ clientCertificate, headers: { 'x-remote-user': user } }), 401);
  });

  it('that are none are 401', async () => {
    await rejected(world().authentication.authenticate({ clientCertificate: Buffer.from('no certificate') }), 401);
  });
});

describe('anonymous', () => {
  it('is who shows nothing', async () => {
    const user = await world().authentication.authenticate({});
    assert.deepEqual(user, { name: 'system:anonymous', groups: ['system:unauthenticated'] });
  });

  it('is who uses another scheme of authorization', async () => {
    const user = await world().authentication.authenticate({ authorization: 'Basic YTpi' });
    assert.equal(user.name, 'system:anonymous');
  });
});

describe('ServiceAccount tokens', () => {
  it('name the account, its groups, and the pod', async () => {
    const cluster = world();
    const user = await cluster.authentication.authenticate(
      bearer(
        await token(cluster, { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'pod-1', uid: 'pod-1-uid' } }),
      ),
    );
    assert.equal(user.name, 'system:serviceaccount:web:app');
    assert.equal(user.uid, 'app-uid');
    assert.deepEqual(user.groups, ['system:serviceaccounts', 'system:serviceaccounts:web', 'system:authenticated']);
    assert.deepEqual(user.extra!['authentication.kubernetes.io/pod-name'], ['pod-1']);
    assert.deepEqual(user.extra!['authentication.kubernetes.io/pod-uid'], ['pod-1-uid']);
    assert.deepEqual(user.extra!['authentication.kubernetes.io/node-name'], ['node-1']);
    assert.deepEqual(user.extra!['authentication.kubernetes.io/node-uid'], ['node-1-uid']);
    assert.match(user.extra!['authentication.kubernetes.io/credential-id']![0]!, /^JTI=/);
  });

  const bound = { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'pod-1' } };
  const broken: [string, (cluster: World) => Promise<string> | string][] = [
    ['that are no token', () => 'nonsense'],
    [
      'with a changed payload',
      async (cluster) => (await token(cluster)).replace(/\.(.)/, (_all, c) => `.${c === 'e' ? 'f' : 'e'}`),
    ],
    [
      'with another signature',
      async (cluster) => {
        const [header, payload, signature] = (await token(cluster)).split('.');
        return `${header}.${payload}.${signature!.split('').reverse().join('')}`;
      },
    ],
    [
      'signed by another key',
      (cluster) => token({ ...cluster, issuer: new ServiceAccountTokenIssuer(pem(otherKeys.privateKey), ISSUER) }),
    ],
    [
      'of another issuer',
      (cluster) =>
        token({ ...cluster, issuer: new ServiceAccountTokenIssuer(pem(keys.privateKey), 'https://elsewhere') }),
    ],
    ['for another audience', (cluster) => token(cluster, { audiences: ['vault'] })],
    [
      'without signature (alg none)',
      async (cluster) =>
        `${Buffer.from('{"alg":"none"}').toString('base64url')}.${(await token(cluster)).split('.')[1]}.`,
    ],
    [
      'that have expired',
      async (cluster) => {
        const text = await token(cluster);
        cluster.time.now += 3 * 3600_000;
        return text;
      },
    ],
    [
      'that are not valid yet',
      async (cluster) => {
        cluster.time.now += DAY_MS;
        const text = await token(cluster);
        cluster.time.now -= DAY_MS;
        return text;
      },
    ],
    [
      'of a deleted account',
      async (cluster) => {
        const text = await token(cluster);
        cluster.lister.objects.delete('serviceaccounts/web/app');
        return text;
      },
    ],
    [
      'of an account that was made anew',
      async (cluster) => {
        const text = await token(cluster);
        cluster.lister.get('serviceaccounts', 'web', 'app')!.metadata.uid = 'new';
        return text;
      },
    ],
    [
      'of a deleted pod',
      async (cluster) => {
        const text = await token(cluster, bound);
        cluster.lister.objects.delete('pods/web/pod-1');
        return text;
      },
    ],
    [
      'of a pod that was made anew',
      async (cluster) => {
        const text = await token(cluster, bound);
        cluster.lister.get('pods', 'web', 'pod-1')!.metadata.uid = 'new';
        return text;
      },
    ],
  ];
  const respelled: [string, (parts: string[]) => string[]][] = [
    [
      'a character that is not of the alphabet in the signature',
      ([h, p, s]) => [h!, p!, `${s!.slice(0, 9)}!!${s!.slice(9)}`],
    ],
    ['a line break in the signature', ([h, p, s]) => [h!, p!, `${s!.slice(0, 9)}\n${s!.slice(9)}`]],
    ['padding', ([h, p, s]) => [h!, p!, `${s}==`]],
    ['the other alphabet of base64', ([h, p, s]) => [h!, p!, s!.replaceAll('-', '+').replaceAll('_', '/')]],
    [
      'other unused bits at the signature’s end',
      ([h, p, s]) => [h!, p!, `${s!.slice(0, -1)}${nextLetter(s!.at(-1)!)}`],
    ],
    ['a character that is not of the alphabet in the header', ([h, p, s]) => [`${h}!`, p!, s!]],
  ];
  for (const [title, change] of respelled) {
    it(`with ${title} are 401`, async () => {
      const cluster = world();
      // A signature that holds both letters in which the alphabets differ.
      let text = '';
      while (!/-.*_|_.*-/.test(text.split('.')[2] ?? '')) text = await token(cluster);
      assert.ok(await cluster.authentication.authenticate(bearer(text)));
      await rejected(cluster.authentication.authenticate(bearer(change(text.split('.')).join('.'))), 401);
    });
  }

  it('with critical extensions are 401, whatever they are', async () => {
    const cluster = world();
    const text = await token(cluster);
    assert.ok(await cluster.authentication.authenticate(bearer(rewritten(text, (header) => (header['x'] = 1)))));
    for (const crit of [['exp'], [], 'exp', null]) {
      const marked = rewritten(text, (header) => (header['crit'] = crit));
      await rejected(cluster.authentication.authenticate(bearer(marked)), 401);
    }
  });

  for (const [title, make] of broken) {
    it(`${title} are 401`, async () => {
      const cluster = world();
      await rejected(cluster.authentication.authenticate(bearer(await make(cluster))), 401, 'Unauthorized');
    });
  }

  it('end at once when their pod goes, also when they were used before', async () => {
    const cluster = world();
    const text = await token(cluster, bound);
    await cluster.authentication.authenticate(bearer(text));
    cluster.lister.objects.delete('pods/web/pod-1');
    await rejected(cluster.authentication.authenticate(bearer(text)), 401);
  });

  const boundTo = (kind: string, name: string) => ({ boundObjectRef: { apiVersion: 'v1', kind, name } });
  const late: [what: string, spec: Record<string, unknown>, object: string][] = [
    ['account', {}, 'serviceaccounts/web/app'],
    ['pod', bound, 'pods/web/pod-1'],
    ['secret', boundTo('Secret', 'key'), 'secrets/web/key'],
    ['node', boundTo('Node', 'node-1'), 'nodes//node-1'],
  ];
  for (const [what, spec, key] of late) {
    for (const [made, seen] of [
      ['made', undefined],
      ['made anew', 'old'],
    ] as const) {
      it(`are good when their ${what} was ${made} a moment ago through another replica`, async () => {
        const cluster = world();
        const { lister, authentication } = cluster;
        lister.add('secrets', 'web', 'key');
        const text = await token(cluster, spec);
        const object = lister.objects.get(key)!;
        lister.objects.delete(key);
        if (seen) lister.objects.set(key, { ...object, metadata: { ...object.metadata, uid: seen } });
        lister.unseen = () => lister.objects.set(key, object);
        assert.equal((await authentication.authenticate(bearer(text))).name, 'system:serviceaccount:web:app');
      });
    }
  }

  it('that are good ask nobody for the newest state, nor do those with another fault', async () => {
    const cluster = world();
    const { lister, authentication, time } = cluster;
    const text = await token(cluster, bound);
    const before = lister.barriers;
    await authentication.authenticate(bearer(text));
    time.now += 3 * 3600_000;
    await rejected(authentication.authenticate(bearer(text)), 401);
    assert.equal(lister.barriers, before);
  });

  it('are made for what is there in the newest state', async () => {
    const cluster = world();
    cluster.lister.unseen = () => cluster.lister.add('pods', 'web', 'pod-2', { spec: { serviceAccountName: 'app' } });
    await token(cluster, boundTo('Pod', 'pod-2'));
  });

  it('that pods mount live long, with the time to renew in them', async () => {
    const cluster = world();
    const claims = (text: string) => JSON.parse(Buffer.from(text.split('.')[1]!, 'base64url').toString());
    const mounted = claims(await token(cluster, { ...bound, expirationSeconds: 3607 }));
    assert.equal(mounted.exp - mounted.iat, 365 * 24 * 3600);
    assert.equal(mounted['kubernetes.io'].warnafter - mounted.iat, 3607);
    const asked = claims(await token(cluster, { expirationSeconds: 3607 }));
    assert.equal(asked.exp - asked.iat, 3607);
    assert.deepEqual(asked.aud, [ISSUER]);
  });
});

/** The letter of the alphabet that differs in the last bit. */
function nextLetter(letter: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return alphabet[alphabet.indexOf(letter) ^ 1]!;
}

describe('TokenRequest', () => {
  const cases: [string, Record<string, unknown>, number, string][] = [
    [
      'under ten minutes',
      { expirationSeconds: 599 },
      422,
      'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes',
    ],
    [
      'beyond 2^32 seconds',
      { expirationSeconds: 2 ** 32 + 1 },
      422,
      'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 4294967297: may not specify a duration larger than 2^32 seconds',
    ],
    [
      'for a missing pod',
      { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'gone' } },
      404,
      'pods "gone" not found',
    ],
    [
      'for another uid',
      { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'pod-1', uid: 'x' } },
      409,
      'Operation cannot be fulfilled on Pod "pod-1": the UID in the bound object reference (x) does not match the UID in record. The object might have been deleted and then recreated',
    ],
    [
      'for another kind',
      { boundObjectRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' } },
      400,
      'cannot bind token to object of type apps/v1, Kind=Deployment',
    ],
  ];
  for (const [title, spec, code, message] of cases) {
    it(`refuses ${title}`, () => rejected(token(world(), spec), code, message));
  }

  it('refuses a pod of another account', () => {
    const cluster = world();
    cluster.lister.add('pods', 'web', 'other', { spec: { serviceAccountName: 'else' } });
    const spec = { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'other' } };
    return rejected(
      token(cluster, spec),
      400,
      'cannot bind token for serviceaccount "app" to pod running with different serviceaccount name.',
    );
  });
});

describe('TokenReview', () => {
  async function review(cluster: World, spec: Record<string, unknown>): Promise<any> {
    const resource = tokenReviewResource(cluster.authentication.tokens, cluster.authentication.audiences);
    const object = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', metadata: {}, spec } as KubeObject;
    const answer = await resource.create(
      {
        user: { name: 'x', groups: [] },
        namespace: '',
        name: '',
        object,
        dryRun: false,
        warn: () => {},
        lifetime: ENDLESS,
      },
      {} as never,
    );
    return answer['status'];
  }

  it('tells whose token it is and for which audiences', async () => {
    const cluster = world();
    const status = await review(cluster, {
      token: await token(cluster, { audiences: ['vault', 'other'] }),
      audiences: ['vault'],
    });
    assert.equal(status.authenticated, true);
    assert.equal(status.user.username, 'system:serviceaccount:web:app');
    assert.deepEqual(status.audiences, ['vault']);
  });

  it('tells why a token is no good', async () => {
    const cluster = world();
    const status = await review(cluster, { token: await token(cluster, { audiences: ['vault'] }) });
    assert.equal(status.authenticated, undefined);
    assert.match(status.error, /token audiences \["vault"\] is invalid for the target audiences/);
  });
});

describe('bootstrap tokens', () => {
  it('name the token and its groups', async () => {
    const user = await world().authentication.authenticate(bearer('abcdef.0123456789abcdef'));
    assert.equal(user.name, 'system:bootstrap:abcdef');
    assert.deepEqual(user.groups, ['system:bootstrappers', 'system:bootstrappers:workers', 'system:authenticated']);
  });

  it('with another secret are 401', () =>
    rejected(world().authentication.authenticate(bearer('abcdef.0123456789abcdee')), 401));
  it('that are unknown are 401', () =>
    rejected(world().authentication.authenticate(bearer('zzzzzz.0123456789abcdef')), 401));
  it('that have expired are 401', () => {
    const cluster = world();
    cluster.time.now += 2 * DAY_MS;
    return rejected(cluster.authentication.authenticate(bearer('abcdef.0123456789abcdef')), 401);
  });
});

describe('front proxies', () => {
  const headers = {
    'x-remote-user': 'bob',
    'x-remote-group': ['dev', 'ops'],
    'x-remote-extra-acme.com%2fproject': 'x',
  };

  it('speak for others', async () => {
    const clientCertificate = await certificate(proxyCa, 'front-proxy-client');
    const user = await world().authentication.authenticate({ clientCertificate, headers });
    assert.equal(user.name, 'bob');
    assert.deepEqual(user.groups, ['dev', 'ops', 'system:authenticated']);
    assert.deepEqual(user.extra, { 'acme.com/project': ['x'] });
  });

  it('may name extras like the members of every object', async () => {
    const clientCertificate = await certificate(proxyCa, 'front-proxy-client');
    const names = ['constructor', '__proto__', 'tostring', 'hasownproperty'];
    const extras = Object.fromEntries(names.map((name) => [`x-remote-extra-${name}`, `of ${name}`]));
    const user = await world().authentication.authenticate({ clientCertificate, headers: { ...headers, ...extras } });
    for (const name of names) {
      assert.deepEqual(Object.getOwnPropertyDescriptor(user.extra, name)?.value, [`of ${name}`], name);
    }
    assert.equal(Object.getPrototypeOf(user.extra), Object.prototype);
  });

  it('under another name are 401', async () => {
    const clientCertificate = await certificate(proxyCa, 'somebody');
    await rejected(world().authentication.authenticate({ clientCertificate, headers }), 401);
  });

  it('are nobody’s clients of the cluster: their headers count for nothing', async () => {
    const clientCertificate = await certificate(ca, 'alice');
    assert.equal((await world().authentication.authenticate({ clientCertificate, headers })).name, 'alice');
  });
});

describe('impersonation', () => {
  it('comes after the certificate has said who asks', async () => {
    const headers = { 'impersonate-user': 'bob' };
    const clientCertificate = await certificate(ca, 'boss');
    const user = await world().authentication.authenticate({ clientCertificate, headers, request: LIST_PODS });
    assert.equal(user.name, 'bob');
  });
});
