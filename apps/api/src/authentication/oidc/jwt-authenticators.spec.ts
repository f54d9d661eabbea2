import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { realClock, silentLogger } from '#client';
import type { JwtConfiguration } from './authentication-configuration.js';
import { readAuthenticationConfiguration } from './authentication-configuration.js';
import { SIGNING_ALGORITHMS } from './issuer.js';
import { JwtAuthenticators, type JwtOptions } from './jwt-authenticators.js';
import { encoded, type IssuerServer, issuerServer, signedToken, signingKey } from './testing/issuer-server.js';

const AUDIENCE = ['https://api'];

async function configurationOf(jwt: object[]): Promise<readonly JwtConfiguration[]> {
  const file = { apiVersion: 'apiserver.config.k8s.io/v1', kind: 'AuthenticationConfiguration', jwt };
  return (await readAuthenticationConfiguration('file', JSON.stringify(file))).jwt;
}

/** Of another who calls their key as the issuer does. */
const FOREIGN = signingKey('first');

describe('tokens of an OpenID Connect issuer', () => {
  let issuer: IssuerServer;
  let offset = 0;
  const open: JwtAuthenticators[] = [];
  const clock = { ...realClock, now: () => Date.now() + offset };

  beforeEach(async () => {
    offset = 0;
    issuer = await issuerServer();
  });
  afterEach(async () => {
    for (const one of open.splice(0)) one.close();
    await issuer.close();
  });

  const username = { claim: 'sub', prefix: '' };
  const jwt = (more: object = {}, issuerMore: object = {}) => ({
    issuer: { url: issuer.url, audiences: ['berth'], certificateAuthority: issuer.ca, ...issuerMore },
    claimMappings: { username },
    ...more,
  });

  async function authenticators(
    jwts: object[] = [jwt()],
    options: Partial<JwtOptions> = {},
  ): Promise<JwtAuthenticators> {
    const made = new JwtAuthenticators(await configurationOf(jwts), {
      audiences: AUDIENCE,
      algorithms: SIGNING_ALGORITHMS,
      clock,
      logger: silentLogger,
      retryMs: 20,
      ...options,
    });
    open.push(made);
    return made;
  }

  async function healthy(jwts?: object[], options?: Partial<JwtOptions>): Promise<JwtAuthenticators> {
    const made = await authenticators(jwts, options);
    await made.healthy(20_000);
    return made;
  }

  /** Why the issuer cannot be used, as soon as it was asked. */
  async function failureOf(made: JwtAuthenticators): Promise<string> {
    for (;;) {
      const text = await made.healthy(0).then(
        () => assert.fail('it can be used'),
        ({ message }) => message as string,
      );
      if (!text.endsWith('is not initialized')) return text;
      await sleep(5);
    }
  }

  async function userOf(made: JwtAuthenticators, token: string) {
    return (await made.authenticateToken(token, AUDIENCE))?.user;
  }

  it('say who their sender is', async () => {
    const made = await healthy([
      jwt({
        claimMappings: {
          username: { claim: 'sub', prefix: 'oidc:' },
          groups: { claim: 'roles', prefix: 'oidc:' },
          uid: { claim: 'oid' },
          extra: [{ key: 'acme.io/team', valueExpression: 'claims.team' }],
        },
      }),
    ]);
    const token = issuer.token({ roles: ['dev', 'ops'], oid: '42', team: ['a', ''], jti: 'id' });
    assert.deepEqual(await made.authenticateToken(token, [...AUDIENCE, 'x']), {
      user: {
        name: 'oidc:jane',
        groups: ['oidc:dev', 'oidc:ops', 'system:authenticated'],
        uid: '42',
        extra: { 'authentication.kubernetes.io/credential-id': ['JTI=id'], 'acme.io/team': ['a'] },
      },
      audiences: AUDIENCE,
      expires: JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()).exp * 1000,
    });
  });

  it('are none of ours for other audiences, other issuers and other kinds of tokens', async () => {
    const made = await healthy();
    assert.equal(await made.authenticateToken(issuer.token(), ['other']), undefined);
    for (const token of [
      '',
      'abc',
      'a.b.c',
      'a.b.c.d',
      '.'.repeat(100_000),
      issuer.token({ iss: 'https://x' }),
      '{}',
    ]) {
      assert.equal(await userOf(made, token), undefined);
    }
    assert.equal(await userOf(made, issuer.token({ filler: 'x'.repeat(200_000) })), undefined);
  });

  const names: [what: string, mappings: object, claims: object, expected: object | RegExp][] = [
    ['a claim', { username }, {}, { name: 'jane', groups: ['system:authenticated'] }],
    [
      'a claim that is absent',
      { username: { claim: 'x', prefix: '' } },
      {},
      /parse username claims "x": claim not present/,
    ],
    [
      'a claim that is no text',
      { username: { claim: 'x', prefix: '' } },
      { x: 5 },
      /parse username claims "x": json: cannot unmarshal number into Go value of type string/,
    ],
    ['a claim that is empty', { username: { claim: 'x', prefix: 'p:' } }, { x: null }, /"x": claim is empty/],
    [
      'an email that is verified',
      { username: { claim: 'email', prefix: '' } },
      { email: 'a@b', email_verified: true },
      { name: 'a@b', groups: ['system:authenticated'] },
    ],
    [
      'an email that is not verified',
      { username: { claim: 'email', prefix: '' } },
      { email: 'a@b', email_verified: false },
      /oidc: email not verified/,
    ],
    [
      'one group as a text',
      { username, groups: { claim: 'role', prefix: '' } },
      { role: 'dev' },
      { name: 'jane', groups: ['dev', 'system:authenticated'] },
    ],
    [
      'groups that are none',
      { username, groups: { claim: 'role', prefix: '' } },
      { role: [{}] },
      /parse groups claim "role": json: cannot unmarshal object into Go value of type string/,
    ],
    [
      'groups that another server has',
      { username, groups: { claim: 'groups', prefix: '' } },
      { _claim_names: { groups: 'src' }, _claim_sources: { src: { endpoint: 'https://x' } } },
      /oidc: could not expand distributed claims/,
    ],
    [
      'expressions',
      {
        username: { expression: '"p:" + claims.sub' },
        groups: { expression: 'dyn(claims.groups).map(g, "g:" + g)' },
        uid: { expression: 'claims.other__dot__id' },
      },
      { groups: ['a'], 'other.id': 'u' },
      { name: 'p:jane', groups: ['g:a', 'system:authenticated'], uid: 'u' },
    ],
    [
      'an expression that gives no text',
      { username: { expression: 'claims.iat' } },
      {},
      /error evaluating username claim expression: username claim expression must return a string/,
    ],
    [
      'an expression that gives an empty text',
      { username: { expression: '""' } },
      {},
      /empty username via CEL expression is not allowed/,
    ],
    [
      'an expression that has no value',
      { username: { expression: 'claims.nothing' } },
      {},
      /expression 'claims.nothing' resulted in error: no such key: nothing/,
    ],
    [
      'numbers, which are doubles',
      { username: { expression: 'type(claims.n) == double && type(claims.l[0]) == double ? "yes" : "no"' } },
      { n: 5, l: [1] },
      { name: 'yes', groups: ['system:authenticated'] },
    ],
    [
      'an expression that would never end',
      { username: { expression: `${'dyn(claims.l).all(a, '.repeat(4)}true${')'.repeat(4)} ? "a" : "b"` } },
      { l: Array(100).fill(1) },
      /actual cost limit exceeded/,
    ],
  ];
  test.each(names)('name their user by %s', async (_, claimMappings, claims, expected) => {
    const made = await healthy([jwt({ claimMappings })]);
    const token = issuer.token(claims as Record<string, unknown>);
    if (expected instanceof RegExp) await assert.rejects(userOf(made, token), expected);
    else assert.deepEqual(await userOf(made, token), expected);
  });

  const rules: [what: string, more: object, claims: object, expected?: RegExp][] = [
    ['a claim that has its value', { claimValidationRules: [{ claim: 'hd', requiredValue: 'x' }] }, { hd: 'x' }],
    [
      'a claim that is missing',
      { claimValidationRules: [{ claim: 'hd', requiredValue: 'x' }] },
      {},
      /oidc: required claim hd not present in ID token/,
    ],
    [
      'a claim with another value',
      { claimValidationRules: [{ claim: 'hd', requiredValue: 'x' }] },
      { hd: 'y' },
      /required claim hd value does not match. Got = y, want = x/,
    ],
    ['a rule that holds', { claimValidationRules: [{ expression: 'claims.exp - claims.iat < 1000.0' }] }, {}],
    [
      'a rule that does not hold',
      { claimValidationRules: [{ expression: 'claims.hd == "x"', message: 'only x' }] },
      { hd: 'y' },
      /claim validation expression: validation expression 'claims.hd == "x"' failed: only x/,
    ],
    [
      'a name of the system where a rule forbids it',
      { userValidationRules: [{ expression: "!user.username.startsWith('system:')", message: 'reserved' }] },
      { sub: 'system:admin' },
      /user info validation rule: validation expression '.*' failed: reserved/,
    ],
    [
      'a group that a rule forbids',
      {
        claimMappings: { username, groups: { claim: 'groups', prefix: '' } },
        userValidationRules: [{ expression: "user.groups.all(g, !g.startsWith('system:'))", message: 'reserved' }],
      },
      { groups: ['system:masters'] },
      /failed: reserved/,
    ],
  ];
  test.each(rules.map(([...row]) => ({ row })))('with $row.0', async ({ row: [, more, claims, expected] }) => {
    const made = await healthy([jwt(more)]);
    const token = issuer.token(claims as Record<string, unknown>);
    if (expected) await assert.rejects(userOf(made, token), expected);
    else assert.equal((await userOf(made, token))?.name, 'jane');
  });

  const seconds = () => Math.floor(Date.now() / 1000);
  const refused: [what: string, token: () => string, message: RegExp][] = [
    [
      'ended',
      () => issuer.token({ exp: seconds() - 1 }),
      /oidc: verify token: oidc: token is expired \(Token Expiry: /,
    ],
    ['never end', () => issuer.token({ exp: undefined }), /Token Expiry: 0001-01-01 00:00:00 \+0000 UTC/],
    ['end at a text', () => issuer.token({ exp: '9999999999' }), /token is expired/],
    ['begin later', () => issuer.token({ nbf: seconds() + 90 }), /before the nbf \(not before\) time/],
    ['are for others', () => issuer.token({ aud: ['x', 'y'] }), /expected audience "berth" got \["x" "y"\]/],
    ['are for nobody', () => issuer.token({ aud: undefined }), /expected audience "berth" got \[\]/],
    ['are signed by nobody', () => `${encoded({ alg: 'none' })}.${issuer.token().split('.')[1]}.`, /malformed jwt/],
    [
      'are signed with the public key as a secret',
      () => issuer.token({}, { header: { alg: 'HS256' } }),
      /unsupported algorithm, expected \[.*\] got "HS256"/,
    ],
    [
      'say that nobody signed them',
      () => issuer.token({}, { header: { alg: 'none', kid: undefined } }),
      /malformed jwt/,
    ],
    ['are signed by another', () => issuer.token({}, { key: FOREIGN }), /failed to verify signature/],
    [
      'name a key that is not there',
      () => issuer.token({}, { header: { kid: '../../etc/passwd' } }),
      /failed to verify id token signature/,
    ],
    ['name a key by something else', () => issuer.token({}, { header: { kid: { a: 1 } } }), /malformed jwt/],
    [
      'bring their key along',
      () => {
        const own = FOREIGN;
        const jwk = own.publicKey.export({ format: 'jwk' });
        return issuer.token({}, { key: own, header: { jwk, jku: 'https://evil.example', x5c: [] } });
      },
      /failed to verify/,
    ],
    ['have a critical extension', () => issuer.token({}, { header: { crit: ['b64'], b64: false } }), /malformed jwt/],
    [
      'have another letter in the signature',
      () => issuer.token().replace(/.(.{20})$/, (text, rest) => (text[0] === 'A' ? `B${rest}` : `A${rest}`)),
      /failed to verify/,
    ],
    ['have an odd spelling', () => `${issuer.token()}=`, /malformed jwt/],
    [
      'have an RSA key and an algorithm of curves',
      () => {
        const key = issuer.keys[0]!;
        return signedToken(
          { alg: 'ES256', kid: key.kid },
          JSON.parse(Buffer.from(issuer.token().split('.')[1]!, 'base64url').toString()),
          { ...signingKey('first', 'P-256') },
        );
      },
      /failed to verify/,
    ],
  ];
  test.each(refused)('that %s are refused', async (_, token, message) => {
    const made = await healthy();
    await assert.rejects(userOf(made, token()), message);
    assert.equal((await userOf(made, issuer.token()))?.name, 'jane');
  });

  it('may be signed by all asymmetric algorithms, unless fewer are allowed', async () => {
    issuer.keys = [
      signingKey('rsa'),
      signingKey('256', 'P-256'),
      signingKey('384', 'P-384'),
      signingKey('521', 'P-521'),
    ];
    const [rsa, ...curves] = issuer.keys;
    const byAlgorithm = new Map([
      ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'].map((alg) => [alg, rsa!] as const),
      ...['ES256', 'ES384', 'ES512'].map((alg, i) => [alg, curves[i]!] as const),
    ]);
    const made = await healthy();
    const strict = await healthy([jwt()], { algorithms: ['RS256'] });
    for (const [alg, key] of byAlgorithm) {
      for (const header of [{ alg }, { alg, kid: undefined }]) {
        assert.equal((await userOf(made, issuer.token({}, { key, header })))?.name, 'jane', alg);
      }
      const asked = userOf(strict, issuer.token({}, { key, header: { alg } }));
      if (alg === 'RS256') assert.equal((await asked)?.name, 'jane');
      else await assert.rejects(asked, /unsupported algorithm, expected \["RS256"\]/);
    }
  });

  it('are good for one of several audiences', async () => {
    const made = await healthy([jwt({}, { audiences: ['a', 'b'], audienceMatchPolicy: 'MatchAny' })]);
    assert.equal((await userOf(made, issuer.token({ aud: ['x', 'b'] })))?.name, 'jane');
    await assert.rejects(userOf(made, issuer.token({ aud: 'x' })), /expected audience in \["a" "b"\] got \["x"\]/);
  });

  it('are verified with keys that are fetched once, and again for a key that is new', async () => {
    const made = await healthy();
    await userOf(made, issuer.token());
    await userOf(made, issuer.token({ sub: 'joe' }));
    assert.equal(issuer.paths.filter((path) => path === '/keys').length, 1);
    issuer.keys = [signingKey('second')];
    offset += 2100;
    const [one, two] = await Promise.all(['a', 'b'].map((sub) => userOf(made, issuer.token({ sub }))));
    assert.deepEqual([one?.name, two?.name], ['a', 'b']);
    assert.equal(issuer.paths.filter((path) => path === '/keys').length, 2);
  });

  it('do not make the server ask for keys at each of them', async () => {
    const made = await healthy();
    for (let i = 0; i < 20; i += 1) {
      await assert.rejects(userOf(made, issuer.token({ sub: `${i}` }, { header: { kid: `unknown-${i}` } })));
    }
    assert.equal(issuer.paths.filter((path) => path === '/keys').length, 1);
  });

  it('of a key that the issuer gave up end after some minutes', async () => {
    const made = await healthy();
    const old = issuer.keys[0]!;
    await userOf(made, issuer.token());
    issuer.keys = [signingKey('second')];
    offset += 11 * 60_000;
    const late = { exp: seconds() + 3600 };
    assert.equal((await userOf(made, issuer.token({ ...late, sub: 'a' }, { key: old })))?.name, 'a');
    const ask = (sub: string) => userOf(made, issuer.token({ ...late, sub }, { key: old }));
    let asked = 0;
    const isKnown = () => ask(`${(asked += 1)}`).then(Boolean, () => false);
    while (await isKnown()) await sleep(5);
    await assert.rejects(ask('b'), /failed to verify/);
    assert.equal(issuer.paths.filter((path) => path === '/keys').length, 2);
  });

  it('are looked at once in ten seconds, and never after their end', async () => {
    const made = await healthy();
    const token = issuer.token({ exp: seconds() + 5 });
    const first = await userOf(made, token);
    assert.equal(await userOf(made, token), first);
    offset += 6000;
    await assert.rejects(userOf(made, token), /token is expired/);
    const other = issuer.token();
    const second = await userOf(made, other);
    offset += 10_001;
    assert.notEqual(await userOf(made, other), second);
  });

  it('are refused until the issuer answers', async () => {
    issuer.intercept = (_, response) => {
      response.writeHead(503).end('down');
      return true;
    };
    const made = await authenticators();
    assert.match(await failureOf(made), /not healthy: 503 Service Unavailable: down/);
    await assert.rejects(userOf(made, issuer.token()), /oidc: authenticator not initialized/);
    issuer.intercept = () => false;
    await made.healthy(20_000);
    assert.equal((await userOf(made, issuer.token()))?.name, 'jane');
  });

  const bad: [what: string, set: (server: IssuerServer) => void, message: RegExp][] = [
    [
      'is that of another',
      (server) => {
        server.document = { issuer: 'https://other' };
      },
      /issuer did not match the issuer returned by provider, expected ".*" got "https:\/\/other"/,
    ],
    [
      'has no keys',
      (server) => {
        server.document = { jwks_uri: '' };
      },
      /provider did not return JWKS URL/,
    ],
    [
      'has keys without encryption',
      (server) => {
        server.document = { jwks_uri: 'http://127.0.0.1/keys' };
      },
      /no HTTPS address/,
    ],
    [
      'is no JSON',
      (server) => {
        server.intercept = (_, response) => Boolean(response.end('<html>'));
      },
      /expected Content-Type = application\/json/,
    ],
    [
      'is a list',
      (server) => {
        server.intercept = (_, response) => Boolean(response.end('[]'));
      },
      /must be a JSON object/,
    ],
    [
      'has no end',
      (server) => {
        server.intercept = (_, response) => Boolean(response.end(Buffer.alloc(2 * 1024 * 1024, ' ')));
      },
      /larger than 1048576 bytes/,
    ],
    [
      'leads elsewhere without encryption',
      (server) => {
        server.intercept = (_, response) => Boolean(response.writeHead(302, { location: 'http://127.0.0.1/' }).end());
      },
      /redirected to what is no HTTPS address/,
    ],
    [
      'leads to itself',
      (server) => {
        server.intercept = (request, response) => Boolean(response.writeHead(302, { location: request.url! }).end());
      },
      /stopped after 10 redirects/,
    ],
    [
      'never comes',
      (server) => {
        server.intercept = () => true;
      },
      /context deadline exceeded/,
    ],
  ];
  test.each(bad)('are refused while the discovery document %s', async (what, set, message) => {
    set(issuer);
    const made = await authenticators([jwt()], { timeoutMs: what === 'never comes' ? 300 : 5000 });
    assert.match(await failureOf(made), message);
    await assert.rejects(userOf(made, issuer.token()), /not initialized/);
  });

  it('are refused when the authority of the issuer is another', async () => {
    const made = await authenticators([jwt({}, { certificateAuthority: '' })]);
    assert.match(await failureOf(made), /x509: certificate signed by unknown authority/);
  });

  it('are refused while the keys are rubbish', async () => {
    issuer.intercept = (request, response) => request.url === '/keys' && Boolean(response.end('{"keys": 5}'));
    const made = await healthy();
    await assert.rejects(
      userOf(made, issuer.token()),
      /fetching keys oidc: get keys failed oidc: failed to decode keys/,
    );
    const odd = [null, 5, { kty: 'oct', k: 'AAAA', kid: 'first' }, { kty: 'RSA', kid: 'first' }, { kty: 'EC' }];
    issuer.intercept = (request, response) =>
      request.url === '/keys' && Boolean(response.end(JSON.stringify({ keys: odd })));
    offset += 2100;
    await assert.rejects(userOf(made, issuer.token()), /failed to verify id token signature/);
  });

  it('of an issuer whose document is elsewhere are found there', async () => {
    const made = await healthy([jwt({}, { discoveryURL: `${issuer.url}/far/openid-configuration` })]);
    assert.equal((await userOf(made, issuer.token()))?.name, 'jane');
    assert.equal(issuer.paths[0], '/far/openid-configuration');
  });

  it('of several issuers are told apart', async () => {
    const other = await issuerServer('/realm');
    other.keys = [FOREIGN];
    try {
      const second = {
        issuer: { url: other.url, audiences: ['berth'], certificateAuthority: other.ca },
        claimMappings: { username: { claim: 'sub', prefix: 'other:' } },
      };
      const made = await healthy([jwt(), second]);
      assert.equal((await userOf(made, issuer.token()))?.name, 'jane');
      assert.equal((await userOf(made, other.token()))?.name, 'other:jane');
      await assert.rejects(userOf(made, issuer.token({ iss: other.url })), /failed to verify/);
      assert.equal(other.paths[0], '/realm/.well-known/openid-configuration');
    } finally {
      await other.close();
    }
  });
});
