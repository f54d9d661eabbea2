import assert from 'node:assert/strict';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { realClock, silentLogger } from '#client';
import { MetricsRegistry } from '#telemetry';
import { reloadMetrics, serverId } from '../../configuration/reload-metrics.js';
import { ConfiguredAuthentication, type ConfiguredAuthenticationOptions } from './configured-authentication.js';
import type { OidcFlags } from './oidc-flags.js';
import { type IssuerServer, issuerServer } from './testing/issuer-server.js';

const AUDIENCE = ['https://api'];
const FLAGS: OidcFlags = {
  ...{ issuerUrl: '', clientId: 'berth', caFile: '', usernameClaim: 'sub', usernamePrefix: '' },
  ...{ groupsClaim: '', groupsPrefix: '', signingAlgorithms: ['RS256'], requiredClaims: [] },
};

describe('how a server is told of issuers', () => {
  let issuer: IssuerServer;
  let folder: string;
  let file: string;
  let stop: AbortController;
  let metrics: MetricsRegistry;

  beforeAll(async () => {
    issuer = await issuerServer();
  });
  afterAll(() => issuer.close());
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'berth-authentication-'));
    file = join(folder, 'authentication.yaml');
    stop = new AbortController();
    metrics = new MetricsRegistry();
  });
  afterEach(async () => {
    stop.abort();
    await rm(folder, { recursive: true, force: true });
  });

  const open = (more: Partial<ConfiguredAuthenticationOptions> = {}) =>
    ConfiguredAuthentication.open({
      ...{ file: '', ownIssuers: ['https://own'], logger: silentLogger, signal: stop.signal, lookMs: 10 },
      jwt: { audiences: AUDIENCE, clock: realClock, logger: silentLogger, retryMs: 20 },
      reloads: reloadMetrics(metrics, 'authentication'),
      healthyWithinMs: 8000,
      ...more,
    });

  const text = (prefix: string, more: object = {}, issuerMore: object = {}) =>
    JSON.stringify({
      apiVersion: 'apiserver.config.k8s.io/v1',
      kind: 'AuthenticationConfiguration',
      jwt: [
        {
          issuer: { url: issuer.url, audiences: ['berth'], certificateAuthority: issuer.ca, ...issuerMore },
          claimMappings: { username: { claim: 'sub', prefix } },
        },
      ],
      ...more,
    });

  /** Editors and kubelets put a new file in the place of the old one. */
  async function write(content: string): Promise<void> {
    await writeFile(`${file}.new`, content);
    await rename(`${file}.new`, file);
  }

  async function nameOf(from: ConfiguredAuthentication, token = issuer.token()): Promise<string | undefined> {
    return (await from.authenticateToken(token, AUDIENCE))?.user.name;
  }

  async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
    const end = Date.now() + 20_000;
    while (!(await holds())) {
      if (Date.now() > end) assert.fail(`not in time: ${what}`);
      await sleep(10);
    }
  }

  const value = (name: string, status: string) =>
    metrics
      .samples()
      .find(
        ({ metricName, labels }) =>
          metricName === `apiserver_authentication_config_controller_${name}` && labels['status'] === status,
      )?.value;

  it('follows the file, and keeps what is good while the file is wrong', async () => {
    await write(text('a:'));
    const made = await open({ file });
    await until('the issuer answers', async () => (await nameOf(made).catch(() => '')) === 'a:jane');
    await write(text('b:'));
    await until('the file counts', async () => (await nameOf(made)) === 'b:jane');
    assert.equal(value('automatic_reloads_total', 'success'), 1);

    const wrong = [
      '{',
      text('c:', { jwt: [{}] }),
      text('c:', { anonymous: { enabled: false } }),
      text('c:', {}, { certificateAuthority: '' }),
    ];
    for (const [at, content] of wrong.entries()) {
      await write(content);
      await until('the failure counts', () => value('automatic_reloads_total', 'failure') === at + 1);
      assert.equal(await nameOf(made), 'b:jane');
    }
    await rm(file);
    await until('the missing file counts', () => value('automatic_reloads_total', 'failure') === wrong.length + 1);
    await write(text('d:'));
    await until('the file counts again', async () => (await nameOf(made)) === 'd:jane');
    assert.equal(value('automatic_reloads_total', 'success'), 2);
    assert.ok(value('automatic_reload_last_timestamp_seconds', 'success')! > 1e9);
  });

  it('shows which configuration is in use', async () => {
    await write(text('a:'));
    await open({ file });
    const info = () =>
      metrics
        .samples()
        .filter(({ metricName }) => metricName.endsWith('last_config_info'))
        .map(({ labels }) => labels);
    const [first] = info();
    assert.match(first!['hash']!, /^sha256:[0-9a-f]{64}$/);
    await write(text('b:'));
    await until('another hash', () => info().length === 1 && info()[0]!['hash'] !== first!['hash']);
    assert.match(serverId('host'), /^apiserver-[a-z2-7]{26}$/);
  });

  it('takes an issuer from flags', async () => {
    const caFile = join(folder, 'ca.pem');
    await writeFile(caFile, issuer.ca);
    const flags = { ...FLAGS, issuerUrl: issuer.url, caFile };
    const names: [string, Partial<OidcFlags>, Record<string, unknown>, string][] = [
      ['the issuer as the prefix', {}, {}, `${issuer.url}#jane`],
      ['no prefix', { usernamePrefix: '-' }, {}, 'jane'],
      ['a prefix', { usernamePrefix: 'x:' }, {}, 'x:jane'],
      ['no prefix of emails', { usernameClaim: 'email' }, { email: 'a@b' }, 'a@b'],
    ];
    for (const [what, more, claims, expected] of names) {
      const made = await open({ oidc: { ...flags, ...more } });
      const token = issuer.token(claims);
      await until(what, async () => (await nameOf(made, token).catch(() => '')) === expected);
    }
    const strict = await open({
      oidc: { ...flags, groupsClaim: 'g', groupsPrefix: 'p:', requiredClaims: [['hd', 'x']], usernamePrefix: '-' },
    });
    const token = issuer.token({ hd: 'x', g: ['a'] });
    await until('required claims', async () => (await nameOf(strict, token).catch(() => '')) === 'jane');
    assert.deepEqual((await strict.authenticateToken(token, AUDIENCE))?.user.groups, ['p:a', 'system:authenticated']);
    await assert.rejects(nameOf(strict), /required claim hd not present/);
    await assert.rejects(nameOf(strict, issuer.token({}, { header: { alg: 'PS256' } })), /unsupported algorithm/);
  });

  it('lets those in without credentials whom a flag or the file names', async () => {
    assert.deepEqual((await open()).anonymous, { enabled: true, conditions: [] });
    assert.deepEqual((await open({ anonymous: false })).anonymous, { enabled: false, conditions: [] });
    const anonymous = { enabled: true, conditions: [{ path: '/healthz' }] };
    await write(text('', { anonymous }));
    assert.deepEqual((await open({ file })).anonymous, anonymous);
    await assert.rejects(open({ file, anonymous: true }), /--anonymous-auth flag cannot be set when anonymous field/);
  });

  it('does not start with what it cannot use', async () => {
    await assert.rejects(open({ file }), /failed to load authentication configuration from file ".*": ENOENT/);
    await write('');
    await assert.rejects(open({ file }), /empty config data/);
    await write(text('', {}, { url: 'https://own' }));
    await assert.rejects(open({ file }), /invalid authentication configuration: .*disallowed issuers/);
    await assert.rejects(open({ oidc: { ...FLAGS, issuerUrl: 'http://x' } }), /URL scheme must be https/);
    await assert.rejects(
      open({ oidc: { ...FLAGS, issuerUrl: 'https://x', caFile: '/nowhere' } }),
      /--oidc-ca-file: ENOENT/,
    );
  });
});
