import assert from 'node:assert/strict';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StatusError } from '#apimachinery';
import { gvr } from '#kinds';
import { call, type TestServer, testServer } from '#testing';
import { webhookKubeconfig } from '../../webhook-client/testing/webhook-kubeconfig.js';
import { type WebhookServer, webhookServer } from '../../webhook-client/testing/webhook-server.js';

describe('a server whose authorizers are configured by a file', () => {
  let folder: string;
  let file: string;
  let kubeconfig: string;
  let webhook: WebhookServer;
  let server: TestServer;

  const rbac = { type: 'RBAC', name: 'rbac' };
  const node = { type: 'Node', name: 'node' };
  const hook = (failurePolicy: string) => ({
    type: 'Webhook',
    name: 'hook',
    webhook: {
      ...{ timeout: '2s', subjectAccessReviewVersion: 'v1', failurePolicy },
      ...{ cacheAuthorizedRequests: false, cacheUnauthorizedRequests: false },
      matchConditionSubjectAccessReviewVersion: 'v1',
      connectionInfo: { type: 'KubeConfigFile', kubeConfigFile: kubeconfig },
      matchConditions: [{ expression: "has(request.resourceAttributes) && request.user.startsWith('hook:')" }],
    },
  });

  async function configure(authorizers: object[]): Promise<void> {
    const head = { apiVersion: 'apiserver.config.k8s.io/v1', kind: 'AuthorizationConfiguration' };
    await writeFile(`${file}.new`, JSON.stringify({ ...head, authorizers }));
    await rename(`${file}.new`, file);
  }

  const answers = (status: object) => {
    webhook.handle = () => ({ apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', status });
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'berth-authorizers-'));
    file = join(folder, 'authorization.yaml');
    webhook = await webhookServer();
    kubeconfig = await webhookKubeconfig(join(folder, 'webhook'), webhook);
    await configure([node, rbac, hook('NoOpinion')]);
    server = await testServer({ authorizationConfigFile: file });
  });
  afterAll(async () => {
    await server?.close();
    await webhook?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const listAs = (user: string) => server.client(user).list(gvr.configmaps, { namespace: 'default' });
  const failed = async (promise: Promise<unknown>): Promise<StatusError> => {
    try {
      await promise;
    } catch (error) {
      return error as StatusError;
    }
    return assert.fail('was allowed');
  };
  async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
    const end = Date.now() + 10_000;
    while (!(await holds())) {
      if (Date.now() > end) assert.fail(`not in time: ${what}`);
      await sleep(50);
    }
  }

  it('asks the webhook where roles do not allow', async () => {
    answers({ allowed: true });
    await listAs('hook:jane');
    const [{ spec }] = webhook.received;
    assert.deepEqual(spec, {
      resourceAttributes: { namespace: 'default', verb: 'list', version: 'v1', resource: 'configmaps' },
      user: 'hook:jane',
      groups: ['system:authenticated'],
    });
    assert.equal((await failed(listAs('joe'))).code, 403);
    assert.equal(webhook.received.length, 1);
  });

  it('sends the selectors of a request', async () => {
    answers({ allowed: true });
    webhook.received.length = 0;
    await server.client('hook:jane').list(gvr.configmaps, { namespace: 'default', labelSelector: 'app in (a)' });
    assert.deepEqual(webhook.received[0].spec.resourceAttributes.labelSelector, {
      requirements: [{ key: 'app', operator: 'In', values: ['a'] }],
    });
  });

  it('forbids with the reason of the webhook', async () => {
    answers({ denied: true, reason: 'not on Mondays' });
    const { code, message } = await failed(listAs('hook:jane'));
    assert.equal(code, 403);
    assert.match(message, /^configmaps is forbidden: User "hook:jane" cannot list resource .*: not on Mondays$/);
  });

  it('fails where the webhook does', async () => {
    webhook.handle = (_, response) => void response.writeHead(403).end('broken');
    const { code, message } = await failed(listAs('hook:jane'));
    assert.deepEqual([code, message.includes('broken')], [500, true]);
    const review = await call(server, '/apis/authorization.k8s.io/v1/subjectaccessreviews', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SubjectAccessReview',
        spec: { user: 'hook:jane', resourceAttributes: { verb: 'get', resource: 'pods' } },
      },
    });
    assert.deepEqual([review.json.status.allowed, /broken/.test(review.json.status.evaluationError)], [false, true]);
  });

  it('keeps the administrator, probes and the loops of the server working', async () => {
    webhook.handle = (_, response) => void response.writeHead(403).end('broken');
    await server.client().list(gvr.configmaps, { namespace: 'default' });
    await server
      .client('system:serviceaccount:kube-system:generic-garbage-collector')
      .list(gvr.configmaps, { namespace: 'default' });
    for (const path of ['/healthz', '/version']) {
      assert.equal((await call(server, path, { as: 'nobody' })).code, 200, path);
    }
  });

  it('says that rules cannot all be listed', async () => {
    const answer = await call(server, '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectRulesReview', spec: { namespace: 'default' } },
    });
    assert.equal(answer.json.status.incomplete, true);
    assert.equal(answer.json.status.evaluationError, 'webhook authorizer does not support user rule resolution');
  });

  it('follows the file', async () => {
    answers({ allowed: true });
    await configure([node, rbac]);
    await until(
      'no webhook',
      async () =>
        (
          await failed(
            listAs('hook:jane').then(
              () => assert.fail('still'),
              (e) => Promise.reject(e),
            ),
          )
        ).code === 403,
    );
    const metric = async (status: string) => {
      const text = (await call(server, '/metrics')).body.toString();
      const name = `apiserver_authorization_config_controller_automatic_reloads_total{status="${status}"`;
      return Number(
        text
          .split('\n')
          .find((line) => line.startsWith(name))
          ?.split(' ')
          .at(-1) ?? 0,
      );
    };
    assert.equal(await metric('success'), 1);
    await configure([rbac, hook('Deny')]);
    await until('the failure', async () => (await metric('failure')) === 1);
    assert.equal((await failed(listAs('hook:jane'))).code, 403);
    await configure([hook('Deny'), node, rbac]);
    await until('the webhook again', () =>
      listAs('hook:jane').then(
        () => true,
        () => false,
      ),
    );
    answers({ denied: true });
    assert.equal((await failed(listAs('hook:jane'))).code, 403);
    const text = (await call(server, '/metrics')).body.toString();
    assert.match(text, /apiserver_authorization_decisions_total\{type="Webhook",name="hook",decision="denied"\} [1-9]/);
    assert.match(text, /apiserver_authorization_webhook_evaluations_total\{name="hook",result="success"\} [1-9]/);
  });
});
