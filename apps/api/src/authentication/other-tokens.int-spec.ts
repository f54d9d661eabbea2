import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeObject } from '#apimachinery';
import { gvr } from '#kinds';
import { call, type TestServer, testServer } from '#testing';
import { webhookKubeconfig } from '../webhook-client/testing/webhook-kubeconfig.js';
import { type WebhookServer, webhookServer } from '../webhook-client/testing/webhook-server.js';
import { type IssuerServer, issuerServer } from './oidc/testing/issuer-server.js';

const WHO = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
const REVIEW = '/apis/authentication.k8s.io/v1/tokenreviews';

describe('a server that knows tokens of an issuer and of a webhook', () => {
  let folder: string;
  let server: TestServer;
  let issuer: IssuerServer;
  let webhook: WebhookServer;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'berth-tokens-'));
    issuer = await issuerServer();
    webhook = await webhookServer();
    webhook.handle = ({ spec }) => ({
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      status:
        spec.token === 'of-the-webhook'
          ? { authenticated: true, user: { username: 'hook', groups: ['hooks'] } }
          : { authenticated: false },
    });
    const configFile = join(folder, 'authentication.yaml');
    await writeFile(
      configFile,
      JSON.stringify({
        apiVersion: 'apiserver.config.k8s.io/v1',
        kind: 'AuthenticationConfiguration',
        jwt: [
          {
            issuer: { url: issuer.url, audiences: ['berth'], certificateAuthority: issuer.ca },
            claimMappings: {
              username: { claim: 'sub', prefix: 'oidc:' },
              groups: { claim: 'groups', prefix: 'oidc:' },
            },
          },
        ],
        anonymous: { enabled: true, conditions: [{ path: '/healthz' }, { path: '/version' }] },
      }),
    );
    const kubeconfig = await webhookKubeconfig(join(folder, 'webhook'), webhook);
    server = await testServer({
      authentication: { configFile, webhook: { configFile: kubeconfig, version: 'v1', cacheMs: 60_000 } },
    });
    while ((await who(issuer.token())).code !== 201) await sleep(20);
  });
  afterAll(async () => {
    await server?.close();
    await issuer?.close();
    await webhook?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const asNobody = { as: 'nobody' as const };
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
  const review = (kind: string, spec?: object) =>
    JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind, metadata: {}, spec });

  async function who(token: string) {
    return call(server, WHO, {
      ...asNobody,
      method: 'POST',
      headers: { ...bearer(token), 'content-type': 'application/json' },
      body: review('SelfSubjectReview'),
    });
  }

  it('knows who sends a request', async () => {
    const { json } = await who(issuer.token({ groups: ['dev'] }));
    assert.deepEqual(json.status.userInfo, {
      username: 'oidc:jane',
      groups: ['oidc:dev', 'system:authenticated'],
    });
    const answer = await who('of-the-webhook');
    assert.deepEqual(answer.json.status.userInfo.username, 'hook');
  });

  it('gives them what RBAC grants, and nothing else', async () => {
    const path = '/api/v1/namespaces/default/configmaps';
    const headers = bearer(issuer.token({ groups: ['dev'] }));
    assert.equal((await call(server, path, { ...asNobody, headers })).code, 403);
    await server.client().create<KubeObject>(gvr.rolebindings, 'default', {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'dev' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'oidc:dev' }],
    });
    while ((await call(server, path, { ...asNobody, headers })).code !== 200) await sleep(10);
    assert.equal((await call(server, path, { ...asNobody, headers: bearer(issuer.token()) })).code, 403);
  });

  it('refuses those that nobody knows', async () => {
    const now = Math.floor(Date.now() / 1000);
    const bad = [
      'x',
      issuer.token({ exp: now - 1 }),
      issuer.token({ iss: 'https://other' }),
      issuer.token({ aud: 'x' }),
    ];
    for (const token of bad) assert.equal((await who(token)).code, 401);
  });

  it('reviews them', async () => {
    const asked = async (token: string) => {
      const answer = await call(server, REVIEW, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: review('TokenReview', { token }),
      });
      return answer.json.status;
    };
    assert.equal((await asked(issuer.token())).user.username, 'oidc:jane');
    assert.deepEqual((await asked('of-the-webhook')).user.groups, ['hooks', 'system:authenticated']);
    const { authenticated, error } = await asked(issuer.token({ aud: 'x' }));
    assert.equal(authenticated, undefined);
    assert.match(error, /^\[invalid bearer token, oidc: verify token: oidc: expected audience "berth" got \["x"\]\]$/);
  });

  it('lets requests without credentials have the paths that are named', async () => {
    const codes: [string, number][] = [
      ['/healthz', 200],
      ['/version', 200],
      ['/livez', 401],
      ['/healthz/ping', 401],
      ['/api/v1/namespaces', 401],
      ['/version', 200],
    ];
    for (const [path, code] of codes) assert.equal((await call(server, path, asNobody)).code, code, path);
    assert.equal((await call(server, '/livez')).code, 200);
  });

  it('counts them', async () => {
    const body = (await call(server, '/metrics')).body.toString();
    for (const name of [
      'apiserver_authentication_jwt_authenticator_latency_seconds_count{result="success"',
      'apiserver_authentication_jwt_authenticator_jwks_fetch_last_timestamp_seconds{result="success"',
      'apiserver_authentication_jwt_authenticator_jwks_fetch_last_key_set_info{',
      'apiserver_authentication_config_controller_last_config_info{',
      'authentication_token_cache_request_total{status="miss"}',
    ]) {
      assert.ok(body.includes(name), name);
    }
    assert.ok(!body.includes(issuer.url));
  });
});
