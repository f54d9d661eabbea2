import assert from 'node:assert/strict';
import { isConflict, type KubeObject, StatusError } from '#apimachinery';
import type { Client } from '#client';
import { gvr } from '#kinds';
import { type TestServer, testServer } from '#testing';

const configMap = (name: string, data: Record<string, string> = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data,
});

async function failure(work: Promise<unknown>): Promise<StatusError> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof StatusError, String(error));
    return error;
  }
  throw new Error('expected a failure');
}

describe('the object path in process', () => {
  let server: TestServer;
  let client: Client;

  beforeAll(async () => {
    server = await testServer();
    client = server.client();
  });
  afterAll(() => server.close());

  test('creates, reads, updates, patches and deletes', async () => {
    const made = await client.create(gvr.configmaps, 'default', configMap('crud', { a: '1' }));
    assert.match(made.metadata.uid!, /^[0-9a-f-]{36}$/);
    assert.equal(made.metadata.namespace, 'default');
    assert.equal(made.metadata.managedFields?.[0]?.operation, 'Update');
    const read = await client.get(gvr.configmaps, 'default', 'crud');
    assert.deepEqual(read, made);
    const updated = await client.update(gvr.configmaps, 'default', { ...read, data: { a: '2' } });
    assert.notEqual(updated.metadata.resourceVersion, made.metadata.resourceVersion);
    const same = await client.update(gvr.configmaps, 'default', updated);
    assert.equal(same.metadata.resourceVersion, updated.metadata.resourceVersion, 'a change of nothing writes nothing');
    const stale = await failure(client.update(gvr.configmaps, 'default', { ...read, data: { a: '3' } }));
    assert.ok(isConflict(stale));
    const merged = await client.patch(gvr.configmaps, 'default', 'crud', 'application/merge-patch+json', {
      data: { b: '4' },
    });
    assert.deepEqual(merged['data'], { a: '2', b: '4' });
    const patched = await client.patch(gvr.configmaps, 'default', 'crud', 'application/json-patch+json', [
      { op: 'remove', path: '/data/a' },
    ]);
    assert.deepEqual(patched['data'], { b: '4' });
    await client.delete(gvr.configmaps, 'default', 'crud');
    assert.equal((await failure(client.get(gvr.configmaps, 'default', 'crud'))).code, 404);
  });

  test('refuses what exists and what has no namespace', async () => {
    await client.create(gvr.configmaps, 'default', configMap('twice'));
    const twice = await failure(client.create(gvr.configmaps, 'default', configMap('twice')));
    assert.equal(twice.message, 'configmaps "twice" already exists');
    const nowhere = await failure(client.create(gvr.configmaps, 'nowhere', configMap('x')));
    assert.equal(nowhere.code, 404);
    assert.equal(nowhere.message, 'namespaces "nowhere" not found');
  });

  test('finalizers hold an object back until the last is removed', async () => {
    const held = configMap('held');
    held.metadata.finalizers = ['example.org/hold'];
    await client.create(gvr.configmaps, 'default', held);
    await client.delete(gvr.configmaps, 'default', 'held');
    const marked = await client.get(gvr.configmaps, 'default', 'held');
    assert.ok(marked.metadata.deletionTimestamp);
    await client.patch(gvr.configmaps, 'default', 'held', 'application/merge-patch+json', {
      metadata: { finalizers: null },
    });
    assert.equal((await failure(client.get(gvr.configmaps, 'default', 'held'))).code, 404);
  });

  test('lists page by page at one revision', async () => {
    for (let i = 0; i < 5; i += 1) {
      const page = configMap(`page-${i}`);
      page.metadata.labels = { set: 'pages' };
      await client.create(gvr.configmaps, 'default', page);
    }
    const first = await client.list(gvr.configmaps, { namespace: 'default', labelSelector: 'set=pages', limit: 2 });
    assert.equal(first.items.length, 2);
    await client.delete(gvr.configmaps, 'default', 'page-4');
    const rest = await client.list(gvr.configmaps, {
      namespace: 'default',
      labelSelector: 'set=pages',
      continue: first.metadata.continue,
    });
    assert.deepEqual(
      rest.items.map((item) => item.metadata.name),
      ['page-2', 'page-3', 'page-4'],
    );
    assert.equal(rest.metadata.resourceVersion, first.metadata.resourceVersion);
  });

  test('a watch shows an object that enters and leaves its selection', async () => {
    const { metadata } = await client.list(gvr.configmaps, { namespace: 'default' });
    const stop = new AbortController();
    const seen: string[] = [];
    const watching = (async () => {
      const options = {
        namespace: 'default',
        labelSelector: 'color=red',
        resourceVersion: metadata.resourceVersion,
        signal: stop.signal,
      };
      for await (const event of client.watch(gvr.configmaps, options)) {
        seen.push(`${event.type} ${event.object.metadata.name}`);
        if (seen.length === 3) stop.abort();
      }
    })();
    const colored = configMap('colored');
    colored.metadata.labels = { color: 'red' };
    await client.create(gvr.configmaps, 'default', colored);
    const paint = (color: string) =>
      client.patch(gvr.configmaps, 'default', 'colored', 'application/merge-patch+json', {
        metadata: { labels: { color } },
      });
    await paint('blue');
    await paint('red');
    await watching;
    assert.deepEqual(seen, ['ADDED colored', 'DELETED colored', 'ADDED colored']);
  });

  test('a watch with initial events ends them with a bookmark', async () => {
    const stop = new AbortController();
    const types: string[] = [];
    const options = {
      namespace: 'kube-system',
      resourceVersionMatch: 'NotOlderThan' as const,
      sendInitialEvents: true,
      allowWatchBookmarks: true,
      signal: stop.signal,
    };
    for await (const event of client.watch(gvr.services, options)) {
      types.push(event.type);
      if (event.type !== 'BOOKMARK') continue;
      assert.equal(event.object.metadata.annotations?.['k8s.io/initial-events-end'], 'true');
      break;
    }
    assert.deepEqual(types, ['ADDED', 'BOOKMARK']);
  });

  test('services get addresses and node ports, and give them back', async () => {
    const service: KubeObject = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web' },
      spec: { type: 'NodePort', selector: { app: 'web' }, ports: [{ port: 80 }] },
    };
    const made = await client.create(gvr.services, 'default', service);
    assert.match(made['spec'].clusterIP, /^10\.96\./);
    const read = await client.get(gvr.services, 'default', 'web');
    assert.deepEqual(read, made, 'the answer has the revision of the Service, not of what was written with it');
    const { nodePort } = made['spec'].ports[0];
    assert.ok(nodePort >= 30000 && nodePort <= 32767);
    await client.get(gvr.ipaddresses, '', made['spec'].clusterIP);
    const taken = structuredClone(service);
    taken.metadata.name = 'other';
    taken['spec'].clusterIP = made['spec'].clusterIP;
    const refused = await failure(client.create(gvr.services, 'default', taken));
    assert.match(refused.message, /provided IP is already allocated/);
    await client.delete(gvr.services, 'default', 'web');
    assert.equal((await failure(client.get(gvr.ipaddresses, '', made['spec'].clusterIP))).code, 404);
  });

  test('dry run changes nothing', async () => {
    const dry = await client.create(gvr.configmaps, 'default', configMap('dry'), { dryRun: true });
    assert.equal(dry.metadata.name, 'dry');
    assert.equal((await failure(client.get(gvr.configmaps, 'default', 'dry'))).code, 404);
  });

  test('generated names are unique and carry their base', async () => {
    const named = configMap('');
    named.metadata = { generateName: 'gen-' };
    const made = await client.create(gvr.configmaps, 'default', named);
    assert.match(made.metadata.name!, /^gen-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  });

  test('others may do what RBAC says and no more', async () => {
    const nobody = server.client('nobody');
    const refused = await failure(nobody.list(gvr.secrets, { namespace: 'default' }));
    assert.equal(refused.code, 403);
    assert.equal(
      refused.message,
      'secrets is forbidden: User "nobody" cannot list resource "secrets" in API group "" in the namespace "default"',
    );
  });
});
