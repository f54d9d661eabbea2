import assert from 'node:assert/strict';
import { parseConfig } from './config-flags.js';

const config = (...args: string[]) => parseConfig(['--database-url=postgresql://localhost/x', ...args], {})!;

describe('flags of authentication', () => {
  test('know nobody else by default', () => {
    assert.deepEqual(config().authentication, {
      ...{ configFile: '', anonymous: undefined, anonymousByDefault: true, oidc: undefined, webhook: undefined },
    });
  });

  test('name one issuer', () => {
    const args = ['--oidc-issuer-url=https://x', '--oidc-client-id=a', '--oidc-required-claim=a=b,c=d=e'];
    assert.deepEqual(config(...args, '--oidc-signing-algs=RS256,ES256').authentication.oidc, {
      ...{ issuerUrl: 'https://x', clientId: 'a', caFile: '', usernameClaim: 'sub', usernamePrefix: '' },
      ...{ groupsClaim: '', groupsPrefix: '', signingAlgorithms: ['RS256', 'ES256'] },
      requiredClaims: [
        ['a', 'b'],
        ['c', 'd=e'],
      ],
    });
    assert.deepEqual(config(...args).authentication.oidc!.signingAlgorithms, ['RS256']);
  });

  test('name a webhook', () => {
    const { webhook } = config('--authentication-token-webhook-config-file=/w').authentication;
    assert.deepEqual(webhook, { configFile: '/w', version: 'v1beta1', cacheMs: 120_000 });
  });

  test('let nobody be anonymous where everybody may do anything', () => {
    assert.equal(config('--authorization-mode=AlwaysAllow').authentication.anonymousByDefault, false);
    assert.equal(config('--anonymous-auth=false').authentication.anonymous, false);
  });

  const together = 'oidc-issuer-url and oidc-client-id must be specified together when any oidc-* flags are set';
  const refused: [args: string[], message: string | RegExp][] = [
    [['--oidc-issuer-url=https://x'], together],
    [['--oidc-groups-claim=x'], together],
    [
      ['--authentication-config=/x', '--oidc-username-claim=x'],
      'authentication-config file and oidc-* flags are mutually exclusive',
    ],
    [['--oidc-signing-algs=HS256'], /^--oidc-signing-algs: must be some of RS256, .*: got HS256$/],
    [['--oidc-signing-algs=none'], /got none/],
    [['--oidc-required-claim=x'], '--oidc-required-claim: must be some of CLAIM=VALUE: got x'],
    [['--authentication-config=x'], '--authentication-config: must be an absolute path: got x'],
    [['--authentication-token-webhook-version=v2'], /must be one of v1, v1beta1: got v2/],
    [['--authentication-token-webhook-cache-ttl=-1s'], /must not be negative/],
  ];
  test.each(refused)('%j are refused', (args, message) => {
    assert.throws(() => config(...args), { name: 'SettingError', message });
  });
});

describe('flags of authorization', () => {
  test('are Node and RBAC by default', () => {
    assert.deepEqual(config().authorization, {
      ...{ configFile: '', modes: ['Node', 'RBAC'] },
      webhook: { configFile: '', version: 'v1beta1', authorizedTtlMs: 300_000, unauthorizedTtlMs: 30_000 },
    });
  });

  test('name a webhook, and its time', () => {
    const { modes, webhook } = config(
      ...['--authorization-mode=Node,Webhook,RBAC', '--authorization-webhook-config-file=/w'],
      ...['--authorization-webhook-version=v1', '--authorization-webhook-cache-authorized-ttl=0'],
    ).authorization;
    assert.deepEqual(modes, ['Node', 'Webhook', 'RBAC']);
    assert.deepEqual(webhook, { configFile: '/w', version: 'v1', authorizedTtlMs: 0, unauthorizedTtlMs: 30_000 });
  });

  const exclusive =
    '--authorization-config can not be specified when --authorization-mode or --authorization-webhook-* flags are defined';
  const refused: [args: string[], message: string | RegExp][] = [
    [['--authorization-config=/x', '--authorization-mode=RBAC'], exclusive],
    [['--authorization-config=/x', '--authorization-webhook-cache-unauthorized-ttl=1s'], exclusive],
    [['--authorization-mode=X'], 'authorization-mode "X" is not a valid mode'],
    [['--authorization-mode=ABAC'], '--authorization-mode: ABAC is not supported by this server: use RBAC or Webhook'],
    [['--authorization-mode=Webhook'], "authorization-mode Webhook's authorization config file not passed"],
    [
      ['--authorization-webhook-config-file=/x'],
      'cannot specify --authorization-webhook-config-file without mode Webhook',
    ],
    [['--authorization-mode=RBAC,RBAC'], 'authorization-mode ["RBAC" "RBAC"] has mode specified more than once'],
  ];
  test.each(refused)('%j are refused', (args, message) => {
    assert.throws(() => config(...args), { name: 'SettingError', message });
  });
});
