import assert from 'node:assert/strict';
import { type KubeObject, StatusError } from '#apimachinery';
import type { Client } from '#client';
import { gvr } from '#kinds';
import { call, type TestServer, testServer } from '#testing';

const APPLY = 'application/apply-patch+yaml';

async function failure(work: Promise<unknown>): Promise<StatusError> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof StatusError, String(error));
    return error;
  }
  throw new Error('expected a failure');
}

function pod(name: string, more: object = {}): KubeObject {
  const spec = { containers: [{ name: 'main', image: 'app:1' }], ...more };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, labels: { app: name } }, spec };
}

function deployment(name: string): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name: 'web', image: 'web:1' }] },
      },
    },
  };
}

describe('writes', () => {
  let server: TestServer;
  let client: Client;

  beforeAll(async () => {
    server = await testServer();
    client = server.client();
    await client.create(gvr.serviceaccounts, 'default', {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'default' },
    });
  });
  afterAll(() => server.close());

  test('status and spec keep out of each other', async () => {
    const made = await client.create(gvr.deployments, 'default', deployment('parts'));
    assert.equal(made.metadata.generation, 1);
    const both = structuredClone(made);
    both['spec'].replicas = 5;
    both['status'] = { replicas: 1 };
    const status = await client.update(gvr.deployments, 'default', both, { subresource: 'status' });
    assert.equal(status['spec'].replicas, 2);
    assert.equal(status['status'].replicas, 1);
    assert.equal(status.metadata.generation, 1);
    const entry = status.metadata.managedFields?.find((item) => item.subresource === 'status');
    assert.deepEqual(entry?.fieldsV1, { 'f:status': { 'f:replicas': {} } });
    both.metadata.resourceVersion = status.metadata.resourceVersion;
    both['status'] = { replicas: 9 };
    const spec = await client.update(gvr.deployments, 'default', both);
    assert.equal(spec['spec'].replicas, 5);
    assert.equal(spec['status'].replicas, 1);
    assert.equal(spec.metadata.generation, 2);
  });

  test('a client of the process has fields checked as it asks', async () => {
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'checked' }, dato: { a: '1' } };
    const create = (fieldValidation: 'Strict' | 'Ignore') =>
      client.create<KubeObject>(gvr.configmaps, 'default', object, { fieldValidation });
    const refused = await failure(create('Strict'));
    assert.equal(refused.code, 400);
    assert.match(refused.message, /strict decoding error: unknown field "dato"$/);
    assert.equal((await create('Ignore')).metadata.name, 'checked');
  });

  test('scale reads and sets replicas', async () => {
    await client.create(gvr.deployments, 'default', deployment('scaled'));
    const scale = await client.get(gvr.deployments, 'default', 'scaled', 'scale');
    assert.deepEqual(scale['spec'], { replicas: 2 });
    assert.equal(scale['status'].selector, 'app=scaled');
    const merge = 'application/merge-patch+json';
    const set = { subresource: 'scale' };
    const scaled = await client.patch(gvr.deployments, 'default', 'scaled', merge, { spec: { replicas: 7 } }, set);
    assert.equal(scaled.kind, 'Scale');
    const now = await client.get(gvr.deployments, 'default', 'scaled');
    assert.equal(now['spec'].replicas, 7);
    assert.equal(now.metadata.generation, 2);
  });

  test('a strategic patch merges lists by their key', async () => {
    await client.create(gvr.deployments, 'default', deployment('strategic'));
    const patch = {
      spec: {
        template: {
          spec: {
            containers: [
              { name: 'web', image: 'web:2' },
              { name: 'side', image: 'side:1' },
            ],
          },
        },
      },
    };
    const type = 'application/strategic-merge-patch+json';
    const patched = await client.patch(gvr.deployments, 'default', 'strategic', type, patch);
    const images = patched['spec'].template.spec.containers.map((item: any) => `${item.name} ${item.image}`).sort();
    assert.deepEqual(images, ['side side:1', 'web web:2']);
  });

  test('concurrent patches without a revision all land', async () => {
    await client.create(gvr.configmaps, 'default', {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'crowded' },
    });
    const merge = 'application/merge-patch+json';
    await Promise.all(
      Array.from({ length: 12 }, (_, i) =>
        client.patch(gvr.configmaps, 'default', 'crowded', merge, { data: { [`key-${i}`]: 'x' } }),
      ),
    );
    const { data } = await client.get(gvr.configmaps, 'default', 'crowded');
    assert.equal(Object.keys(data).length, 12);
  });

  test('a delete that leaves the object is 202 for those alone who ask by orphanDependents', async () => {
    const finalizers = ['example.com/held'];
    const path = '/api/v1/namespaces/default/configmaps';
    const table: [options: object | undefined, code: number][] = [
      [undefined, 200],
      [{ propagationPolicy: 'Foreground' }, 200],
      [{ propagationPolicy: 'Orphan' }, 200],
      [{ propagationPolicy: 'Background' }, 200],
      [{ orphanDependents: true }, 200],
      [{ orphanDependents: false }, 202],
    ];
    for (const [i, [options, code]] of table.entries()) {
      const metadata = { name: `held-${i}`, finalizers };
      await client.create(gvr.configmaps, 'default', { apiVersion: 'v1', kind: 'ConfigMap', metadata });
      const answer = await call(server, `${path}/held-${i}`, { method: 'DELETE', body: options });
      assert.equal(answer.code, code, JSON.stringify(options));
      assert.equal(answer.json.kind, 'ConfigMap');
    }
  });

  test('a pod is bound once', async () => {
    await client.create(gvr.pods, 'default', pod('bound'));
    const binding = (node: string): KubeObject => ({
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name: 'bound' },
      target: { apiVersion: 'v1', kind: 'Node', name: node },
    });
    const options = { name: 'bound', subresource: 'binding' };
    await client.create(gvr.pods, 'default', binding('first'), options);
    const now = await client.get(gvr.pods, 'default', 'bound');
    assert.equal(now['spec'].nodeName, 'first');
    assert.equal(now['status'].conditions[0].type, 'PodScheduled');
    const refused = await failure(client.create(gvr.pods, 'default', binding('second'), options));
    assert.equal(refused.code, 409);
    assert.match(refused.message, /pod bound is already assigned to node "first"/);
  });

  test('a pod on a node gets its grace, a pod without goes at once', async () => {
    await client.create(gvr.pods, 'default', pod('loose'));
    await client.delete(gvr.pods, 'default', 'loose');
    assert.equal((await failure(client.get(gvr.pods, 'default', 'loose'))).code, 404);

    await client.create(gvr.pods, 'default', pod('placed', { nodeName: 'somewhere' }));
    await client.delete(gvr.pods, 'default', 'placed');
    const first = await client.get(gvr.pods, 'default', 'placed');
    assert.equal(first.metadata.deletionGracePeriodSeconds, 30);
    await client.delete(gvr.pods, 'default', 'placed', { gracePeriodSeconds: 5 });
    const shorter = await client.get(gvr.pods, 'default', 'placed');
    assert.equal(shorter.metadata.deletionGracePeriodSeconds, 5);
    await client.delete(gvr.pods, 'default', 'placed', { gracePeriodSeconds: 0 });
    assert.equal((await failure(client.get(gvr.pods, 'default', 'placed'))).code, 404);
  });

  test('propagation asks the garbage collector by finalizers', async () => {
    await client.create(gvr.deployments, 'default', deployment('parent'));
    await client.delete(gvr.deployments, 'default', 'parent', { propagationPolicy: 'Foreground' });
    const parent = await client.get(gvr.deployments, 'default', 'parent');
    assert.deepEqual(parent.metadata.finalizers, ['foregroundDeletion']);
    assert.ok(parent.metadata.deletionTimestamp);
  });

  test('a namespace terminates before it goes', async () => {
    await client.create(gvr.namespaces, '', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'leaving' } });
    await client.delete(gvr.namespaces, '', 'leaving');
    const leaving = await client.get(gvr.namespaces, '', 'leaving');
    assert.equal(leaving['status'].phase, 'Terminating');
    const late = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'late' } };
    const refused = await failure(client.create(gvr.configmaps, 'leaving', late));
    assert.match(refused.message, /because it is being terminated/);
    const emptied = { ...leaving, spec: { finalizers: [] } };
    await client.update(gvr.namespaces, '', emptied, { subresource: 'finalize' });
    assert.equal((await failure(client.get(gvr.namespaces, '', 'leaving'))).code, 404);
  });

  test('apply creates, changes, takes back, and meets the fields of others', async () => {
    const wanted = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'applied' },
      data: { a: '1', b: '2' } as Record<string, string>,
    };
    const apply = (fieldManager: string, data: Record<string, string>, force = false) =>
      client.patch(gvr.configmaps, 'default', 'applied', APPLY, { ...wanted, data }, { fieldManager, force });
    const made = await apply('one', { a: '1', b: '2' });
    assert.equal(made.metadata.managedFields?.[0]?.operation, 'Apply');
    assert.deepEqual(made.metadata.managedFields?.[0]?.fieldsV1, { 'f:data': { 'f:a': {}, 'f:b': {} } });
    const same = await apply('one', { a: '1', b: '2' });
    assert.equal(same.metadata.resourceVersion, made.metadata.resourceVersion);
    const fewer = await apply('one', { a: '1' });
    assert.deepEqual(fewer['data'], { a: '1' });
    const refused = await failure(apply('two', { a: '9' }));
    assert.equal(refused.code, 409);
    assert.equal(refused.message, 'Apply failed with 1 conflict: conflict with "one": .data.a');
    const forced = await apply('two', { a: '9' }, true);
    assert.deepEqual(forced['data'], { a: '9' });
    const shared = await apply('one', { c: '3' });
    assert.deepEqual(shared['data'], { a: '9', c: '3' });
  });

  test('deletecollection takes what the selector shows', async () => {
    for (const name of ['dc-1', 'dc-2']) {
      const labels = { dc: 'yes' };
      await client.create(gvr.configmaps, 'default', {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name, labels },
      });
    }
    await client.deleteCollection(gvr.configmaps, { namespace: 'default', labelSelector: 'dc=yes' });
    const left = await client.list(gvr.configmaps, { namespace: 'default', labelSelector: 'dc=yes' });
    assert.equal(left.items.length, 0);
  });

  test('both Events are one object', async () => {
    await client.create(gvr.events, 'default', {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: 'one-event' },
      involvedObject: { kind: 'Pod', namespace: 'default', name: 'x' },
      reason: 'Tested',
      message: 'text',
      type: 'Normal',
    });
    const newer = { group: 'events.k8s.io', version: 'v1', resource: 'events' };
    const seen = await client.get(newer, 'default', 'one-event');
    assert.equal(seen.apiVersion, 'events.k8s.io/v1');
    assert.equal(seen['note'], 'text');
  });
});
