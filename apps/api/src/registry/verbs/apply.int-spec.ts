import assert from 'node:assert/strict';
import type { KubeObject } from '#apimachinery';
import type { Client } from '#client';
import { gvr } from '#kinds';
import { type TestServer, testServer } from '#testing';

const APPLY = 'application/apply-patch+yaml';

describe('server-side apply', () => {
  let server: TestServer;
  let client: Client;

  beforeAll(async () => {
    server = await testServer();
    client = server.client();
  });
  afterAll(() => server.close());

  function apply(plural: keyof typeof gvr, object: KubeObject, fieldManager = 'one'): Promise<KubeObject> {
    return client.patch(gvr[plural], 'default', object.metadata.name!, APPLY, object, { fieldManager });
  }

  function service(name: string, spec: object): KubeObject {
    return { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec };
  }

  function appliedFields(object: KubeObject): any {
    return object.metadata.managedFields?.find(({ operation }) => operation === 'Apply')?.fieldsV1;
  }

  test('a list of ports that differ in their protocol alone belongs to nobody, its items to who applied them', async () => {
    const dns = (targetPort: number) =>
      service('dns', {
        ports: [
          { name: 'udp', port: 53, protocol: 'UDP', targetPort },
          { name: 'tcp', port: 53, protocol: 'TCP', targetPort },
        ],
      });
    await apply('services', dns(5353));
    const again = await apply('services', dns(5354));
    const ports = appliedFields(again)['f:spec']['f:ports'];
    assert.deepEqual(Object.keys(ports), ['k:{"port":53,"protocol":"TCP"}', 'k:{"port":53,"protocol":"UDP"}']);
    assert.deepEqual(
      again['spec'].ports.map((port: any) => `${port.name} ${port.targetPort}`),
      ['udp 5354', 'tcp 5354'],
    );
  });

  test('an item that is applied no longer goes with its defaults, and a new one gets its own', async () => {
    const web = (first: number) =>
      service('web', {
        type: 'NodePort',
        ports: [
          { name: 'first', port: first },
          { name: 'second', port: 7000, targetPort: 7001 },
        ],
      });
    const made = await apply('services', web(8000));
    const second = made['spec'].ports.find((port: any) => port.port === 7000);
    const changed = await apply('services', web(8001));
    const byNumber = new Map(changed['spec'].ports.map((port: any) => [port.port, port]));
    assert.deepEqual([...byNumber.keys()].sort(), [7000, 8001]);
    assert.equal((byNumber.get(8001) as any).targetPort, 8001);
    assert.deepEqual(byNumber.get(7000), second);
  });

  test('what the server filled in below an applied field goes with it', async () => {
    const deployment = (more: object): KubeObject => ({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'probed' },
      spec: {
        selector: { matchLabels: { app: 'a' } },
        template: { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'c', image: 'i', ...more }] } },
      },
    });
    const probed = await apply('deployments', deployment({ livenessProbe: { httpGet: { path: '/', port: 80 } } }));
    assert.equal(probed['spec'].template.spec.containers[0].livenessProbe.periodSeconds, 10);
    const bare = await apply('deployments', deployment({}));
    assert.equal(bare['spec'].template.spec.containers[0].livenessProbe, undefined);
    assert.equal(bare['spec'].template.spec.containers[0].image, 'i');
  });

  test('a configuration that says nothing any more leaves an object with its identity', async () => {
    const account: KubeObject = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'bare' } };
    const labels = { ...account, metadata: { name: 'bare', labels: { a: 'b' } } };
    const made = await apply('serviceaccounts', labels);
    const bare = await apply('serviceaccounts', account);
    assert.equal(bare.metadata.labels, undefined);
    assert.equal(bare.metadata.uid, made.metadata.uid);
    assert.equal(bare.metadata.creationTimestamp, made.metadata.creationTimestamp);
  });

  test('what an object that nobody tracks has is in conflict with what is applied, and stays shared where it is alike', async () => {
    const map = (data: object): KubeObject => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'untracked' },
      data,
    });
    const made = await client.create(gvr.configmaps, 'default', map({ a: '1', b: '1' }));
    await client.update(gvr.configmaps, 'default', {
      ...made,
      metadata: { ...made.metadata, managedFields: [{} as never] },
    });
    await assert.rejects(apply('configmaps', map({ a: '2' })), {
      message: 'Apply failed with 1 conflict: conflict with "before-first-apply" using v1: .data.a',
    });
    const shared = await apply('configmaps', map({ a: '1' }));
    assert.deepEqual(
      shared.metadata.managedFields?.map(({ manager, operation, fieldsV1 }) => [manager, operation, fieldsV1]),
      [
        ['one', 'Apply', { 'f:data': { 'f:a': {} } }],
        ['before-first-apply', 'Update', { 'f:data': { '.': {}, 'f:a': {}, 'f:b': {} } }],
      ],
    );
  });
});
