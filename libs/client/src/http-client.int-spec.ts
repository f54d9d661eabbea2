import assert from 'node:assert/strict';
import { isConflict, isNotFound, type KubeObject } from '#apimachinery';
import { gvr } from '#kinds';
import { type TestServer, testServer } from '#testing';
import { HttpClient } from './http-client.js';
import { loadKubeconfig } from './kubeconfig.js';
import { silentLogger } from './logger.js';
import { SharedInformers } from './shared-informers.js';

const MERGE = 'application/merge-patch+json';

let server: TestServer;
let client: HttpClient;
const stop = new AbortController();
beforeAll(async () => {
  server = await testServer();
  client = new HttpClient(loadKubeconfig(server.adminKubeconfig));
});
afterAll(async () => {
  stop.abort();
  client.close();
  await server.close();
});

const configMap = (name: string, data = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data,
});

describe('HttpClient with the administrator kubeconfig', () => {
  it('creates, reads, updates, patches and deletes', async () => {
    const created = await client.create(gvr.configmaps, 'default', configMap('a'));
    assert.ok(created.metadata.uid);
    const updated = await client.update(gvr.configmaps, 'default', { ...created, data: { a: '1' } } as KubeObject);
    await assert.rejects(client.update(gvr.configmaps, 'default', created), isConflict);
    const patched = await client.patch(gvr.configmaps, 'default', 'a', MERGE, { data: { b: '2' } });
    assert.deepEqual(patched['data'], { a: '1', b: '2' });
    assert.notEqual(patched.metadata.resourceVersion, updated.metadata.resourceVersion);
    await client.delete(gvr.configmaps, 'default', 'a', { preconditions: { uid: created.metadata.uid } });
    await assert.rejects(client.get(gvr.configmaps, 'default', 'a'), isNotFound);
  });

  it('keeps an informer in step', async () => {
    const informers = new SharedInformers(client, { logger: silentLogger });
    const informer = informers.for(gvr.configmaps, { namespace: 'default', labelSelector: 'watched' });
    const seen: string[] = [];
    informer.addHandler({
      add: (object) => seen.push(`+${object.metadata.name}`),
      update: (_old, object) => seen.push(`~${object.metadata.name}`),
      delete: (object) => seen.push(`-${object.metadata.name}`),
    });
    const watched = (name: string) => ({ ...configMap(name), metadata: { name, labels: { watched: '1' } } });
    await client.create(gvr.configmaps, 'default', watched('first'));
    informers.start(stop.signal);
    await informers.whenSynced(stop.signal);
    assert.deepEqual(seen, ['+first']);
    await client.create(gvr.configmaps, 'default', configMap('unseen'));
    await client.create(gvr.configmaps, 'default', watched('second'));
    await client.patch(gvr.configmaps, 'default', 'first', MERGE, { data: { a: '1' } });
    await client.deleteCollection(gvr.configmaps, { namespace: 'default', labelSelector: 'watched' });
    for (let i = 0; i < 500 && seen.length < 5; i++) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.deepEqual(seen.slice(0, 3), ['+first', '+second', '~first']);
    assert.deepEqual(seen.slice(3).sort(), ['-first', '-second']);
    assert.equal(informer.size, 0);
    assert.equal(informer.gvr.resource, 'configmaps');
  });

  it('lists in pages at one revision', async () => {
    for (const name of ['p1', 'p2', 'p3'])
      await client.create(gvr.secrets, 'default', {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name },
      } as KubeObject);
    const first = await client.list(gvr.secrets, { namespace: 'default', limit: 2 });
    assert.equal(first.items.length, 2);
    const rest = await client.list(gvr.secrets, {
      namespace: 'default',
      limit: 2,
      continue: first.metadata.continue,
    });
    assert.equal(rest.metadata.resourceVersion, first.metadata.resourceVersion);
    assert.equal(rest.items.length, 1);
  });
});
