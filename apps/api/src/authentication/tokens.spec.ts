import assert from 'node:assert/strict';
import { type KubeObject } from '#apimachinery';
import { tokenReviewResource } from '../kinds/reviews/identity-reviews.js';
import { ENDLESS } from '../registry/request-lifetime.js';
import { ServiceAccountTokenIssuer } from './service-account-tokens.js';
import {
  bearer,
  DAY_MS,
  ISSUER,
  keys,
  otherKeys,
  pem,
  rejected,
  rewritten,
  token,
  type World,
  world,
} from './testing/authentication-world.js';

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
