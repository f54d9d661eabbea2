import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeObject } from '#apimachinery';
import { gvr } from '#kinds';
import { call, type TestServer, testServer, WatchReader } from '#testing';
import type { AuditOptions } from './open-auditor.js';

const POLICY = `
apiVersion: audit.k8s.io/v1
kind: Policy
omitManagedFields: true
rules:
- level: None
  users: [system:serviceaccount:kube-system:quiet]
- level: Metadata
  resources: [{group: "", resources: [secrets]}]
- level: Request
  resources: [{group: apps, resources: [deployments]}]
  omitStages: [RequestReceived]
- level: RequestResponse
  namespaces: [default]
- level: Metadata
  nonResourceURLs: [/version]
- level: Metadata
  resources: [{group: "", resources: [namespaces]}]
  verbs: [create]
`;

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
const delivery = {
  mode: 'blocking' as const,
  batch: { bufferSize: 100, maxBatchSize: 1, maxBatchWaitMs: 0, parallel: false },
};

describe('the audit log of a server', () => {
  let folder: string;
  let log: string;
  let server: TestServer;
  let receiver: Server;
  const received: any[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'berth-audit-'));
    log = join(folder, 'logs', 'audit.log');
    receiver = createServer(async (request, response) => {
      const parts: Buffer[] = [];
      for await (const part of request) parts.push(part as Buffer);
      received.push(JSON.parse(Buffer.concat(parts).toString()));
      response.end();
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    const { port } = receiver.address() as AddressInfo;
    await writeFile(join(folder, 'policy.yaml'), POLICY);
    await writeFile(
      join(folder, 'webhook.yaml'),
      `{current-context: a, contexts: [{name: a, context: {cluster: a}}], clusters: [{name: a, cluster: {server: "http://127.0.0.1:${port}/events"}}]}`,
    );
    const audit: AuditOptions = {
      policyFile: join(folder, 'policy.yaml'),
      log: {
        path: log,
        format: 'json',
        rotation: { maxBytes: 0, maxBackups: 0, maxAgeDays: 0, compress: false },
        delivery,
      },
      webhook: {
        configFile: join(folder, 'webhook.yaml'),
        initialBackoffMs: 10,
        delivery: {
          mode: 'batch',
          batch: { ...delivery.batch, maxBatchSize: 400, maxBatchWaitMs: 20, parallel: true },
        },
      },
    };
    server = await testServer({ audit });
  });
  afterAll(async () => {
    await server?.close();
    receiver?.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function events(): Promise<any[]> {
    const text = await readFile(log, 'utf8');
    return text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  }

  /** The events of one request, once there are so many. */
  async function eventsOf(id: unknown, count: number): Promise<any[]> {
    for (let i = 0; ; i += 1) {
      const found = (await events()).filter(({ auditID }) => auditID === id);
      if (found.length >= count || i > 200) {
        assert.equal(found.length, count, JSON.stringify(found));
        return found;
      }
      await sleep(10);
    }
  }

  test('a request has an event when it arrives and one when it is answered, with its objects', async () => {
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data: { k: 'v' } };
    const answer = await call(server, CONFIG_MAPS, {
      method: 'POST',
      body,
      headers: { 'Content-Type': 'application/json', 'User-Agent': 'tester/1', 'X-Forwarded-For': '203.0.113.7, junk' },
    });
    assert.equal(answer.code, 201);
    const [first, last] = await eventsOf(answer.headers['audit-id'], 2);
    assert.deepEqual(Object.keys(first), [
      ...['kind', 'apiVersion', 'level', 'auditID', 'stage', 'requestURI', 'verb', 'user', 'sourceIPs', 'userAgent'],
      ...['objectRef', 'requestReceivedTimestamp', 'stageTimestamp'],
    ]);
    assert.equal(first.kind, 'Event');
    assert.equal(first.apiVersion, 'audit.k8s.io/v1');
    assert.equal(first.stage, 'RequestReceived');
    assert.equal(first.stageTimestamp, first.requestReceivedTimestamp);
    assert.match(first.stageTimestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    const { extra, ...user } = first.user;
    assert.deepEqual(user, { username: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] });
    assert.deepEqual(Object.keys(extra), ['authentication.kubernetes.io/credential-id']);
    assert.deepEqual(first.sourceIPs, ['203.0.113.7', '127.0.0.1']);
    assert.deepEqual(first.objectRef, {
      resource: 'configmaps',
      namespace: 'default',
      apiVersion: 'v1',
    });
    assert.equal(last.stage, 'ResponseComplete');
    assert.deepEqual(last.objectRef, { ...first.objectRef, name: 'a' });
    assert.deepEqual(last.responseStatus, { metadata: {}, code: 201 });
    assert.equal(last.requestObject.data.k, 'v');
    assert.equal(last.responseObject.metadata.uid, answer.json.metadata.uid);
    assert.equal(last.responseObject.metadata.managedFields, undefined);
    assert.deepEqual(last.annotations, {
      'authorization.k8s.io/decision': 'allow',
      'authorization.k8s.io/reason': '',
    });
  });

  test('the client may name the request, and the answer says the name', async () => {
    const answer = await call(server, '/version', { headers: { 'Audit-ID': 'my-own' } });
    assert.equal(answer.headers['audit-id'], 'my-own');
    const [, last] = await eventsOf('my-own', 2);
    assert.equal(last.verb, 'get');
    assert.equal(last.requestURI, '/version');
    assert.equal(last.objectRef, undefined);
    assert.deepEqual(last.responseStatus, { metadata: {}, code: 200 });
  });

  test('secrets are recorded without their contents at the level Metadata', async () => {
    const body = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, stringData: { password: 'hunter2' } };
    const made = await call(server, '/api/v1/namespaces/default/secrets', {
      method: 'POST',
      body,
      headers: { 'Content-Type': 'application/json' },
    });
    const read = await call(server, '/api/v1/namespaces/default/secrets/s');
    assert.equal(made.code, 201);
    for (const { headers } of [made, read]) {
      const found = await eventsOf(headers['audit-id'], 2);
      assert.equal(found[1].level, 'Metadata');
      assert.doesNotMatch(JSON.stringify(found), /hunter2|aHVudGVyMg/);
      assert.equal(found[1].requestObject ?? found[1].responseObject, undefined);
    }
  });

  test('a patch is recorded as it was sent, and no response below RequestResponse', async () => {
    const path = '/apis/apps/v1/namespaces/default/deployments/none';
    const patch = { spec: { replicas: 3 } };
    const answer = await call(server, path, {
      method: 'PATCH',
      body: patch,
      headers: { 'Content-Type': 'application/merge-patch+json' },
    });
    assert.equal(answer.code, 404);
    const [last] = await eventsOf(answer.headers['audit-id'], 1);
    assert.equal(last.stage, 'ResponseComplete');
    const { message, details } = answer.json;
    assert.deepEqual(last.responseStatus, {
      ...{ metadata: {}, status: 'Failure', message, reason: 'NotFound', details, code: 404 },
    });
    assert.equal(last.responseObject, undefined);
  });

  test('a refusal says who was refused, and why', async () => {
    const answer = await call(server, CONFIG_MAPS, { headers: { 'Impersonate-User': 'bob' } });
    assert.equal(answer.code, 403);
    const [first, last] = await eventsOf(answer.headers['audit-id'], 2);
    assert.equal(first.impersonatedUser, undefined);
    assert.equal(last.user.username, 'kubernetes-admin');
    assert.deepEqual(last.impersonatedUser, { username: 'bob', groups: ['system:authenticated'] });
    assert.equal(last.annotations['authorization.k8s.io/decision'], 'forbid');
    assert.equal(last.responseStatus.reason, 'Forbidden');
    assert.equal(last.responseObject.code, 403);
  });

  test('credentials that fail leave one event', async () => {
    const answer = await call(server, CONFIG_MAPS, { as: 'nobody', headers: { Authorization: 'Bearer wrong' } });
    assert.equal(answer.code, 401);
    const [only] = await eventsOf(answer.headers['audit-id'], 1);
    assert.equal(only.stage, 'ResponseStarted');
    assert.deepEqual(only.user, {});
    assert.equal(only.responseStatus.code, 401);
    assert.equal(only.responseStatus.message, 'Unauthorized');
  });

  test('a watch has three events', async () => {
    const reader = await WatchReader.open(server, `${CONFIG_MAPS}?watch=1&timeoutSeconds=1`);
    while ((await reader.next()) !== undefined);
    const found = await eventsOf(reader.headers['audit-id'], 3);
    assert.deepEqual(
      found.map(({ stage, verb, responseStatus }) => [stage, verb, responseStatus?.code]),
      [
        ['RequestReceived', 'watch', undefined],
        ['ResponseStarted', 'watch', 200],
        ['ResponseComplete', 'watch', 200],
      ],
    );
  });

  test('what a stream is refused is recorded, too', async () => {
    const answer = await call(server, '/api/v1/namespaces/default/pods/none/log');
    assert.equal(answer.code, 404);
    const found = await eventsOf(answer.headers['audit-id'], 3);
    assert.deepEqual(
      found.map(({ stage, objectRef }) => [stage, objectRef.subresource]),
      ['RequestReceived', 'ResponseStarted', 'ResponseComplete'].map((stage) => [stage, 'log']),
    );
  });

  test('admission adds annotations', async () => {
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } };
    await server.client().create<KubeObject>(gvr.serviceaccounts, 'default', account);
    const body = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p' },
      spec: { containers: [{ name: 'c', image: 'x' }] },
    };
    const answer = await call(server, '/api/v1/namespaces/default/pods?dryRun=All', {
      method: 'POST',
      body,
      headers: { 'Content-Type': 'application/json' },
    });
    assert.equal(answer.code, 201);
    const [, last] = await eventsOf(answer.headers['audit-id'], 2);
    assert.equal(last.annotations['pod-security.kubernetes.io/enforce-policy'], 'privileged:latest');
  });

  test('Tables and YAML are recorded as JSON', async () => {
    for (const accept of ['application/yaml', 'application/json;as=Table;v=v1;g=meta.k8s.io']) {
      const answer = await call(server, CONFIG_MAPS, { headers: { Accept: accept } });
      assert.equal(answer.code, 200);
      const [, last] = await eventsOf(answer.headers['audit-id'], 2);
      assert.equal(last.responseObject.kind, accept.includes('Table') ? 'Table' : 'ConfigMapList');
      assert.doesNotMatch(JSON.stringify(last), /managedFields/);
    }
  });

  test('callers within the process are recorded like all others', async () => {
    const client = server.client('tester', ['system:masters']);
    await client.create<KubeObject>(gvr.configmaps, 'default', {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'within' },
    });
    await client.delete(gvr.configmaps, 'default', 'within');
    const found = (await events()).filter(({ user }) => user.username === 'tester');
    assert.deepEqual(
      found.map(({ stage, verb, requestURI }) => [stage, verb, requestURI]),
      [
        ['RequestReceived', 'create', CONFIG_MAPS],
        ['ResponseComplete', 'create', CONFIG_MAPS],
        ['RequestReceived', 'delete', `${CONFIG_MAPS}/within`],
        ['ResponseComplete', 'delete', `${CONFIG_MAPS}/within`],
      ],
    );
    assert.deepEqual(found[1].sourceIPs, ['::1']);
    assert.equal(found[1].responseObject.metadata.name, 'within');
    assert.equal(found[3].responseStatus.status, 'Success');
  });

  test('who the policy leaves out is not recorded, and levels are counted', async () => {
    const before = (await events()).length;
    await server
      .client('system:serviceaccount:kube-system:quiet')
      .list(gvr.pods)
      .catch(() => {});
    assert.equal((await events()).length, before);
    const text = (await call(server, '/metrics')).body.toString();
    for (const metric of ['event_total', 'level_total{level="RequestResponse"}', 'level_total{level="None"}']) {
      const [, value] = new RegExp(`^apiserver_audit_${metric.replace(/[{}]/g, '\\$&')} (\\d+)$`, 'm').exec(text) ?? [];
      assert.ok(Number(value) > 0, metric);
    }
  });

  test('the webhook gets the same events in lists', async () => {
    const { auditID } = (await events()).at(-1);
    for (let i = 0; i < 100 && !received.some((list) => list.items.some((item: any) => item.auditID === auditID)); ) {
      i += 1;
      await sleep(20);
    }
    assert.equal(received[0].kind, 'EventList');
    assert.equal(received[0].apiVersion, 'audit.k8s.io/v1');
    const items = received.flatMap((list) => list.items);
    assert.ok(items.some((item) => item.auditID === auditID));
    assert.equal(items[0].kind, undefined);
  });
});
