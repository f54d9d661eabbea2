import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '#client';
import { webhookKubeconfig } from '../webhook-client/testing/webhook-kubeconfig.js';
import { type WebhookServer, webhookServer } from '../webhook-client/testing/webhook-server.js';
import { type TokenWebhookOptions, webhookTokenAuthenticator } from './webhook-token-authenticator.js';

const API = 'https://api';

describe('a webhook that knows tokens', () => {
  let webhook: WebhookServer;
  let folder: string;
  let now = 0;
  let stop: AbortController;

  beforeAll(async () => {
    webhook = await webhookServer();
    folder = await mkdtemp(join(tmpdir(), 'berth-token-webhook-'));
  });
  beforeEach(() => {
    now = 1000;
    stop = new AbortController();
    webhook.received.length = 0;
    webhook.paths.length = 0;
  });
  afterEach(() => stop.abort());
  afterAll(async () => {
    await webhook.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function authenticator(more: Partial<TokenWebhookOptions> = {}) {
    const configFile = await webhookKubeconfig(join(folder, 'config'), webhook, '/review');
    return webhookTokenAuthenticator({
      ...{ configFile, version: 'v1', cacheMs: 120_000, audiences: [API], firstPauseMs: 1 },
      ...{ clock: () => now, logger: silentLogger, signal: stop.signal },
      ...more,
    });
  }
  const answer = (status: object, version = 'v1') => ({
    apiVersion: `authentication.k8s.io/${version}`,
    kind: 'TokenReview',
    status,
  });
  const jane = { authenticated: true, user: { username: 'jane', groups: ['dev'] } };
  const known = { name: 'jane', groups: ['dev', 'system:authenticated'] };

  it('says whose a token is', async () => {
    webhook.handle = (_, __, { headers }) =>
      headers.authorization === 'Bearer of-the-server'
        ? answer({ ...jane, user: { ...jane.user, uid: '7', extra: { 'acme.io/x': ['y'] } } })
        : answer({});
    const made = await authenticator();
    assert.deepEqual(await made.authenticateToken('abc', [API]), {
      user: { ...known, uid: '7', extra: { 'acme.io/x': ['y'] } },
      audiences: [API],
    });
    assert.deepEqual(webhook.received, [
      {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenReview',
        metadata: {},
        spec: { token: 'abc', audiences: [API] },
        status: { user: {} },
      },
    ]);
    assert.deepEqual(webhook.paths, ['/review']);
  });

  it('is asked in its version', async () => {
    webhook.handle = () => answer(jane, 'v1beta1');
    const made = await authenticator({ version: 'v1beta1' });
    assert.deepEqual((await made.authenticateToken('abc', [API]))?.user, known);
    assert.equal(webhook.received[0].apiVersion, 'authentication.k8s.io/v1beta1');
  });

  const audiences: [what: string, given: string[], asked: string[], shared: string[] | undefined][] = [
    ['that knows none vouches for those of the server', [], [API, 'x'], [API]],
    ['that knows none does not vouch for others', [], ['x'], undefined],
    ['names those that it knows', ['x', 'z'], [API, 'x'], ['x']],
    ['that knows others only knows nobody', ['z'], [API], undefined],
  ];
  test.each(audiences)('a webhook %s', async (_, given, asked, shared) => {
    webhook.handle = () => answer({ ...jane, audiences: given });
    assert.deepEqual((await (await authenticator()).authenticateToken('abc', asked))?.audiences, shared);
  });

  it('is asked once for a token until the answer is old, whether it knows the token or not', async () => {
    for (const status of [jane, { authenticated: false }]) {
      webhook.received.length = 0;
      webhook.handle = () => answer(status);
      const made = await authenticator();
      const ask = () => made.authenticateToken('abc', [API]);
      await Promise.all([ask(), ask()]);
      now += 119_000;
      await ask();
      assert.equal(webhook.received.length, 1);
      now += 2000;
      await ask();
      assert.equal(webhook.received.length, 2);
      await made.authenticateToken('abc', ['x']);
      assert.equal(webhook.received.length, 3);
    }
  });

  it('is asked each time where nothing is remembered', async () => {
    webhook.handle = () => answer(jane);
    const made = await authenticator({ cacheMs: 0 });
    for (let i = 0; i < 3; i += 1) await made.authenticateToken('abc', [API]);
    assert.equal(webhook.received.length, 3);
  });

  const code =
    (status: number, headers: Record<string, string> = {}) =>
    (_: unknown, response: ServerResponse) =>
      void response.writeHead(status, headers).end('no');
  const retried: [what: string, handle: (body: unknown, response: ServerResponse) => unknown, attempts: number][] = [
    ['500', code(500), 5],
    ['429', code(429), 5],
    ['504', code(504), 5],
    ['503 that says when', code(503, { 'retry-after': '1' }), 5],
    ['503', code(503), 1],
    ['403', code(403), 1],
    ['a cut connection', (_, response) => void response.socket?.destroy(), 5],
  ];
  test.each(retried)('that answers %s', async (_, handle, attempts) => {
    webhook.handle = handle as WebhookServer['handle'];
    const made = await authenticator();
    await assert.rejects(async () => made.authenticateToken('abc', [API]));
    assert.equal(webhook.received.length, attempts);
    webhook.handle = () => answer(jane);
    assert.deepEqual((await made.authenticateToken('abc', [API]))?.user, known);
  });

  const lies: [what: string, handle: () => unknown, message: RegExp][] = [
    ['an error', () => answer({ authenticated: false, error: 'expired' }), /^Error: expired$/],
    ['nobody', () => answer({ authenticated: true }), /authenticated a user without a name/],
    ['a name that is none', () => answer({ authenticated: true, user: { username: {} } }), /without a name/],
    ['groups that are none', () => answer({ ...jane, user: { username: 'a', groups: 'system:masters' } }), /no list/],
    ['a group that is none', () => answer({ ...jane, user: { username: 'a', groups: [[]] } }), /no list of strings/],
    ['a list', () => [jane], /the answer of the webhook is no object/],
    ['another kind', () => ({ ...answer(jane), kind: 'SubjectAccessReview' }), /answered no TokenReview/],
    ['another version', () => answer(jane, 'v2'), /answered no TokenReview of authentication.k8s.io\/v1/],
    ['far too much', () => answer({ ...jane, filler: 'x'.repeat(2 * 1024 * 1024) }), /larger than 1048576 bytes/],
  ];
  test.each(lies)('that answers %s lets nobody in', async (_, handle, message) => {
    webhook.handle = handle;
    const made = await authenticator();
    await assert.rejects(async () => made.authenticateToken('abc', [API]), message);
  });

  it('that almost says yes lets nobody in', async () => {
    for (const authenticated of ['true', 1, {}, null]) {
      webhook.handle = () => answer({ ...jane, authenticated });
      assert.equal(await (await authenticator()).authenticateToken('abc', [API]), undefined);
    }
  });

  it('that does not answer is waited for so long', async () => {
    webhook.handle = () => undefined;
    const made = await authenticator({ timeoutMs: 1500 });
    await assert.rejects(async () => made.authenticateToken('abc', [API]), /context deadline exceeded/);
    assert.equal(webhook.received.length, 1);
  });

  it('is none without a kubeconfig', async () => {
    await assert.rejects(async () => authenticator({ configFile: '/nowhere' }), /cannot read \/nowhere: ENOENT/);
  });
});
