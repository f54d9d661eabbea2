import assert from 'node:assert/strict';
import { fieldErrorText } from '#apimachinery';
import { createAuthority } from '../../pki/certificate-issuer.js';
import { readAuthenticationConfiguration } from './authentication-configuration.js';
import { checkAuthenticationConfiguration } from './authentication-configuration.validation.js';

const OWN = 'https://kubernetes.default.svc.cluster.local';
const issuer = { url: 'https://issuer.example', audiences: ['berth'] };
const username = { claim: 'sub', prefix: '' };
const jwt = (more: Record<string, unknown> = {}) => ({ issuer, claimMappings: { username }, ...more });
const mapped = (more: Record<string, unknown>) => jwt({ claimMappings: { username, ...more } });

async function problems(jwts: unknown[], more: object = {}): Promise<string[]> {
  const file = { apiVersion: 'apiserver.config.k8s.io/v1', kind: 'AuthenticationConfiguration', jwt: jwts, ...more };
  const configuration = await readAuthenticationConfiguration('file', JSON.stringify(file));
  return checkAuthenticationConfiguration(configuration, [OWN]).map(fieldErrorText);
}

describe('an authentication configuration', () => {
  const EMAIL =
    'claims.email_verified must be used in claimMappings.username.expression or claimMappings.extra[*].valueExpression or claimValidationRules[*].expression when claims.email is used in claimMappings.username.expression';
  const rows: [what: string, jwts: unknown[], expected: string[]][] = [
    ['has no issuer', [], []],
    ['has one issuer', [jwt()], []],
    ['has several', [jwt(), jwt({ issuer: { ...issuer, url: 'https://other.example' } })], []],
    ['has more than 64', Array(65).fill(jwt()), ['jwt: Too many: 65: must have at most 64 items']],
    ['has one twice', [jwt(), jwt()], ['jwt[1].issuer.url: Duplicate value: "https://issuer.example"']],
    [
      'has a discovery URL twice',
      ['a', 'b'].map((name) =>
        jwt({ issuer: { ...issuer, url: `https://${name}.example`, discoveryURL: 'https://here.example/x' } }),
      ),
      ['jwt[1].issuer.discoveryURL: Duplicate value: "https://here.example/x"'],
    ],
    ['has no URL', [jwt({ issuer: { audiences: ['a'] } })], ['jwt[0].issuer.url: Required value']],
    [
      'has a URL with everything that is not to be there',
      [jwt({ issuer: { ...issuer, url: 'http://user:pass@issuer.example/?a=b#c' } })],
      [
        'URL scheme must be https',
        'URL must not contain a username or password',
        'URL must not contain a query',
        'URL must not contain a fragment',
      ].map((detail) => `jwt[0].issuer.url: Invalid value: "http://user:pass@issuer.example/?a=b#c": ${detail}`),
    ],
    [
      'names this cluster',
      [jwt({ issuer: { ...issuer, url: OWN } })],
      [`jwt[0].issuer.url: Invalid value: "${OWN}": URL must not overlap with disallowed issuers: [${OWN}]`],
    ],
    [
      'has its URL as its discovery URL',
      [jwt({ issuer: { ...issuer, discoveryURL: 'https://issuer.example/' } })],
      ['jwt[0].issuer.discoveryURL: Invalid value: "https://issuer.example/": discoveryURL must be different from URL'],
    ],
    [
      'has no audience',
      [jwt({ issuer: { url: issuer.url } })],
      ['jwt[0].issuer.audiences: Required value: at least one jwt[0].issuer.audiences is required'],
    ],
    [
      'has an audience twice, and none',
      [jwt({ issuer: { ...issuer, audiences: ['a', 'a', ''], audienceMatchPolicy: 'MatchAny' } })],
      ['jwt[0].issuer.audiences[1]: Duplicate value: "a"', 'jwt[0].issuer.audiences[2]: Required value'],
    ],
    [
      'has audiences without a policy',
      [jwt({ issuer: { ...issuer, audiences: ['a', 'b'] } })],
      [
        'jwt[0].issuer.audienceMatchPolicy: Invalid value: "": audienceMatchPolicy must be MatchAny for multiple audiences',
      ],
    ],
    [
      'has an unknown policy',
      [jwt({ issuer: { ...issuer, audienceMatchPolicy: 'All' } })],
      [
        'jwt[0].issuer.audienceMatchPolicy: Invalid value: "All": audienceMatchPolicy must be empty or MatchAny for single audience',
      ],
    ],
    [
      'has an authority that is none',
      [jwt({ issuer: { ...issuer, certificateAuthority: 'nonsense' } })],
      [
        'jwt[0].issuer.certificateAuthority: Invalid value: "<omitted>": data does not contain any valid RSA or ECDSA certificates',
      ],
    ],
    [
      'has an egress selector',
      [jwt({ issuer: { ...issuer, egressSelectorType: 'cluster' } })],
      [
        'jwt[0].issuer.egressSelectorType: Invalid value: "cluster": this server has no egress selectors: it connects to issuers itself',
      ],
    ],
    [
      'has an unknown egress selector',
      [jwt({ issuer: { ...issuer, egressSelectorType: 'x' } })],
      ['jwt[0].issuer.egressSelectorType: Invalid value: "x": egress selector must be either controlplane or cluster'],
    ],
    [
      'has no name for users',
      [jwt({ claimMappings: {} })],
      ['jwt[0].claimMappings.username: Required value: claim or expression is required'],
    ],
    [
      'has no prefix',
      [jwt({ claimMappings: { username: { claim: 'sub' }, groups: { claim: 'groups' } } })],
      ['username', 'groups'].map(
        (name) =>
          `jwt[0].claimMappings.${name}.prefix: Required value: prefix is required when claim is set. It can be set to an empty string to disable prefixing`,
      ),
    ],
    [
      'has claims and expressions in one',
      [
        jwt({
          claimMappings: {
            username: { claim: 'sub', expression: 'claims.sub' },
            groups: { expression: 'claims.groups', prefix: 'x' },
            uid: { claim: 'sub', expression: 'claims.sub' },
          },
          claimValidationRules: [{ claim: 'a', expression: 'true' }, {}],
        }),
      ],
      [
        `jwt[0].claimValidationRules[0]: Invalid value: "a": claim and expression can't both be set`,
        'jwt[0].claimValidationRules[1]: Required value: claim or expression is required',
        `jwt[0].claimMappings.username: Invalid value: "": claim and expression can't both be set`,
        'jwt[0].claimMappings.groups.prefix: Invalid value: "x": may not be specified when expression is set',
        `jwt[0].claimMappings.uid: Invalid value: "": claim and expression can't both be set`,
      ],
    ],
    [
      'has validation rules that are wrong',
      [
        jwt({
          claimValidationRules: [
            { claim: 'hd', requiredValue: 'a', message: 'm' },
            { claim: 'hd', requiredValue: 'b' },
            { expression: 'claims.a', message: 'm' },
            { expression: 'true', requiredValue: 'x' },
            { expression: 'true' },
            { expression: 'claim.x' },
          ],
          userValidationRules: [{}, { expression: 'user.nothing' }, { expression: 'true' }, { expression: 'true' }],
        }),
      ],
      [
        'jwt[0].claimValidationRules[0].message: Invalid value: "m": may not be specified when claim is set',
        'jwt[0].claimValidationRules[1].claim: Duplicate value: "hd"',
        'jwt[0].claimValidationRules[2].expression: Invalid value: "claims.a": must evaluate to bool',
        'jwt[0].claimValidationRules[3].requiredValue: Invalid value: "x": may not be specified when expression is set',
        'jwt[0].claimValidationRules[4].expression: Duplicate value: "true"',
        `jwt[0].claimValidationRules[5].expression: Invalid value: "claim.x": compilation failed: ERROR: <input>:1:1: undeclared reference to 'claim' (in container '')\n | claim.x\n | ^`,
        'jwt[0].userValidationRules[0].expression: Required value',
        `jwt[0].userValidationRules[1].expression: Invalid value: "user.nothing": compilation failed: ERROR: <input>:1:5: undefined field 'nothing'\n | user.nothing\n | ....^`,
        'jwt[0].userValidationRules[3].expression: Duplicate value: "true"',
      ],
    ],
    [
      'has additional keys that are wrong',
      [
        mapped({
          extra: [
            { key: '', valueExpression: '"a"' },
            { key: 'bare', valueExpression: '"a"' },
            { key: 'Acme.io/x', valueExpression: '"a"' },
            { key: 'sub.k8s.io/x', valueExpression: '"a"' },
            { key: 'acme.io/x', valueExpression: '' },
            { key: 'acme.io/x', valueExpression: '"a"' },
          ],
        }),
      ],
      [
        'jwt[0].claimMappings.extra[0].key: Required value',
        'jwt[0].claimMappings.extra[1].key: Invalid value: "bare": must be a domain-prefixed path (such as "acme.io/foo")',
        `jwt[0].claimMappings.extra[2].key: Invalid value: "Acme.io": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`,
        'jwt[0].claimMappings.extra[2].key: Invalid value: "Acme.io/x": must be lowercase',
        'jwt[0].claimMappings.extra[3].key: Invalid value: "sub.k8s.io/x": k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use',
        'jwt[0].claimMappings.extra[4].valueExpression: Required value',
        'jwt[0].claimMappings.extra[5].key: Duplicate value: "acme.io/x"',
      ],
    ],
    [
      'has emails as names that nobody verified',
      [jwt({ claimMappings: { username: { expression: 'claims.email' } } })],
      [`jwt[0].claimMappings.username.expression: Invalid value: "claims.email": ${EMAIL}`],
    ],
    [
      'has optional emails as names that nobody verified',
      [jwt({ claimMappings: { username: { expression: "claims.?email.orValue('x')" } } })],
      [`jwt[0].claimMappings.username.expression: Invalid value: "claims.?email.orValue('x')": ${EMAIL}`],
    ],
    [
      'has emails as names that a rule verifies',
      [
        jwt({
          claimMappings: { username: { expression: 'claims.email' } },
          claimValidationRules: [{ expression: 'claims.?email_verified.orValue(true) == true' }],
        }),
      ],
      [],
    ],
  ];
  test.each(rows)('%s', async (_, jwts, expected) => assert.deepEqual(await problems(jwts), expected));

  test('that has conditions for nobody', async () => {
    const anonymous = { enabled: false, conditions: [{ path: '/healthz' }] };
    assert.deepEqual(await problems([], { anonymous }), [
      'anonymous.conditions: Invalid value: [{"path":"/healthz"}]: enabled should be set to true when conditions are defined',
    ]);
  });

  test('that has an authority', async () => {
    const { certificate } = await createAuthority('a', new Date());
    assert.deepEqual(await problems([jwt({ issuer: { ...issuer, certificateAuthority: certificate } })]), []);
  });

  const head = 'apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\n';
  const broken: [what: string, text: string, message: RegExp][] = [
    ['is empty', '', /empty config data/],
    ['is no YAML', '{', /file: /],
    ['is of another kind', head.replace('Authentication', 'Admission'), /kind: must be AuthenticationConfiguration/],
    ['is of an unknown version', head.replace('/v1', '/v9'), /apiVersion: must be one of apiserver.config.k8s.io\/v1,/],
    ['has an unknown field', `${head}jwt: [{isuer: {}}]`, /jwt\[0\]: unknown field "isuer"/],
    ['has a field of another type', `${head}jwt: [{issuer: {audiences: x}}]`, /audiences: must be a list/],
    ['has a prefix of a uid', `${head}jwt: [{claimMappings: {uid: {prefix: x}}}]`, /unknown field "prefix"/],
  ];
  test.each(broken)('that %s is refused', async (_, text, message) => {
    await assert.rejects(readAuthenticationConfiguration('file', text), message);
  });

  test('of the beta version is read', async () => {
    const { jwt: read } = await readAuthenticationConfiguration('file', head.replace('/v1', '/v1beta1'));
    assert.deepEqual(read, []);
  });
});
