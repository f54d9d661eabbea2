import assert from 'node:assert/strict';
import { type GroupVersionResource, isNotFound, type KubeObject, type OwnerReference } from '#apimachinery';
import { Discovery, HttpClient, loadConfig } from '#client';
import { defineFromSchema, gvr } from '#kinds';
import { type ControllerEnvironment, controllerEnvironment } from '#testing';

const widgets: GroupVersionResource = { group: 'example.com', version: 'v1', resource: 'widgets' };

/** A kind that the release does not have. */
const definition = defineFromSchema({
  group: 'example.com',
  version: 'v1',
  kind: 'Widget',
  plural: 'widgets',
  singular: 'widget',
  namespaced: true,
  hasStatusEndpoint: true,
  schema: {
    type: 'object',
    properties: { spec: { type: 'object', properties: { color: { type: 'string' } } }, status: { type: 'object' } },
  },
});

const refTo = (owner: KubeObject): OwnerReference => ({
  apiVersion: owner.apiVersion,
  kind: owner.kind,
  name: owner.metadata.name!,
  uid: owner.metadata.uid!,
  blockOwnerDeletion: true,
});

describe('controllers and a resource that comes while they run', () => {
  let env: ControllerEnvironment;
  beforeAll(async () => {
    env = await controllerEnvironment();
    env.server.catalog.add([definition]);
  });
  afterAll(() => env.close());

  const widget = (namespace: string, name: string, more: Partial<KubeObject['metadata']> = {}) =>
    env.client.create<KubeObject>(widgets, namespace, {
      apiVersion: 'example.com/v1',
      kind: 'Widget',
      metadata: { name, ...more },
    });
  const configMap = (namespace: string, name: string, owner: KubeObject) =>
    env.client.create<KubeObject>(gvr.configmaps, namespace, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, ownerReferences: [refTo(owner)] },
    });
  const find = async (resource: GroupVersionResource, namespace: string, name: string) => {
    try {
      return await env.client.get<KubeObject>(resource, namespace, name);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  };
  const gone = (resource: GroupVersionResource, namespace: string, name: string) =>
    env.until(`${name} to go`, async () => (await find(resource, namespace, name)) === undefined);

  test('the garbage collector deletes what its objects owned, and its objects whose owners go', async () => {
    const ns = await env.namespace();
    const owner = await widget(ns, 'owner');
    await configMap(ns, 'child', owner);
    await widget(ns, 'part', { ownerReferences: [refTo(owner)] });
    await env.client.delete(widgets, ns, 'owner', { propagationPolicy: 'Background' });
    await gone(gvr.configmaps, ns, 'child');
    await gone(widgets, ns, 'part');
  });

  test('deletes its dependents before the owner in foreground, and frees them when it is orphaned', async () => {
    const ns = await env.namespace();
    const owner = await widget(ns, 'owner');
    await widget(ns, 'part', { ownerReferences: [refTo(owner)] });
    await env.client.delete(widgets, ns, 'owner', { propagationPolicy: 'Foreground' });
    await gone(widgets, ns, 'owner');
    assert.equal(await find(widgets, ns, 'part'), undefined);
    const other = await widget(ns, 'other');
    await widget(ns, 'kept', { ownerReferences: [refTo(other)] });
    await env.client.delete(widgets, ns, 'other', { propagationPolicy: 'Orphan' });
    await gone(widgets, ns, 'other');
    assert.deepEqual((await find(widgets, ns, 'kept'))?.metadata.ownerReferences ?? [], []);
  });

  test('a namespace is empty of its objects before it goes', async () => {
    const ns = await env.namespace();
    await widget(ns, 'held', { finalizers: ['test.example/wait'] });
    await env.client.delete(gvr.namespaces, '', ns);
    const held = await env.until('the deletion', async () => {
      const object = await find(widgets, ns, 'held');
      return object?.metadata.deletionTimestamp !== undefined && object;
    });
    assert.ok(await find(gvr.namespaces, '', ns));
    await env.client.patch(widgets, ns, held.metadata.name!, 'application/merge-patch+json', {
      metadata: { finalizers: null },
    });
    await gone(gvr.namespaces, '', ns);
  });

  test('discovery tells of it over HTTP', async () => {
    const client = new HttpClient(loadConfig({ path: env.server.adminKubeconfig }));
    try {
      const discovery = new Discovery(client.transport);
      const { group, version, plural, singular, kind, namespaced, verbs } = definition;
      const subresources = definition.subresources.map(({ name }) => ({ name }));
      const expected = { group, version, plural, singular, kind, namespaced, subresources };
      const { verbs: told, ...found } = (await discovery.findKind('example.com/v1', 'Widget'))!;
      assert.deepEqual(found, expected);
      assert.deepEqual([...told].sort(), [...verbs].sort());
      assert.equal((await discovery.findKind('v1', 'Pod'))?.singular, 'pod');
      for (const [apiVersion, unknown] of [
        ['example.com/v1', 'Gadget'],
        ['example.com/v2', 'Widget'],
        ['../../x', 'Widget'],
        ['', 'Widget'],
      ]) {
        assert.equal(await discovery.findKind(apiVersion!, unknown!), undefined);
      }
    } finally {
      client.close();
    }
  });

  test('while it is away nothing that its objects own is deleted', async () => {
    const ns = await env.namespace();
    const owner = await widget(ns, 'owner');
    await configMap(ns, 'child', owner);
    env.server.catalog.remove([definition]);
    const probe = await env.client.create<KubeObject>(gvr.configmaps, ns, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'probe' },
    });
    await configMap(ns, 'probe-child', probe);
    await env.client.delete(gvr.configmaps, ns, 'probe');
    await gone(gvr.configmaps, ns, 'probe-child');
    assert.ok(await find(gvr.configmaps, ns, 'child'));
    env.server.catalog.add([definition]);
    await env.client.delete(widgets, ns, 'owner');
    await gone(gvr.configmaps, ns, 'child');
  });
});
