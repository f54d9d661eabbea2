import assert from 'node:assert/strict';
import { type GroupVersionResource, type KubeObject, notFound } from '#apimachinery';
import type { Client, DiscoveredResource } from '#client';
import { applyObject } from './apply-object.js';

const served = (
  group: string,
  plural: string,
  kind: string,
  verbs = ['create', 'get', 'patch'],
): DiscoveredResource => ({
  ...{ group, version: 'v1', plural, singular: kind.toLowerCase(), kind, namespaced: true, verbs, subresources: [] },
});
const RESOURCES = [
  served('', 'configmaps', 'ConfigMap'),
  served('apps', 'deployments', 'Deployment'),
  served('example.com', 'widgets', 'Widget'),
  served('', 'componentstatuses', 'ComponentStatus', ['get', 'list']),
];
const discovery = { findKind: async (_: string, kind: string) => RESOURCES.find((found) => found.kind === kind) };

/** A cluster that has one object at most, and keeps what it is asked to do. */
function clusterWith(live?: KubeObject) {
  const asked: unknown[][] = [];
  const client = {
    get: async (gvr: GroupVersionResource, _: string, name: string) => {
      if (!live) throw notFound(gvr, name);
      return live;
    },
    create: async (...args: unknown[]) => asked.push(['create', ...args]),
    patch: async (...args: unknown[]) => {
      asked.push(['patch', ...args]);
      return { metadata: { resourceVersion: '2' } };
    },
  } as unknown as Client;
  return { asked, cluster: { client, discovery } };
}

const widget = (spec: object): KubeObject => ({
  apiVersion: 'example.com/v1',
  kind: 'Widget',
  metadata: { name: 'w' },
  spec,
});
const appliedBefore = (object: KubeObject): KubeObject => ({
  ...object,
  metadata: {
    ...object.metadata,
    resourceVersion: '1',
    annotations: { 'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify(object) },
  },
});

describe('berth apply of one object', () => {
  test('creates what is not there, wherever discovery says that it belongs', async () => {
    const { asked, cluster } = clusterWith();
    assert.equal(await applyObject(cluster, widget({ size: 1 }), 'here'), 'widget.example.com/w created');
    const [verb, gvr, namespace] = asked[0]!;
    assert.deepEqual(
      [verb, gvr, namespace],
      ['create', { group: 'example.com', version: 'v1', resource: 'widgets' }, 'here'],
    );
  });

  test('a kind that the release does not know gets a merge patch, in which lists are whole', async () => {
    const { asked, cluster } = clusterWith(appliedBefore(widget({ old: 1, list: [{ name: 'a' }, { name: 'b' }] })));
    assert.equal(
      await applyObject(cluster, widget({ list: [{ name: 'b' }] }), 'here'),
      'widget.example.com/w configured',
    );
    const [, , , , type, patch] = asked[0]!;
    assert.equal(type, 'application/merge-patch+json');
    assert.deepEqual((patch as KubeObject).spec, { old: null, list: [{ name: 'b' }] });
  });

  test('a kind of the release gets a strategic patch, which names the elements that go', async () => {
    const deployment = (...names: string[]): KubeObject => ({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'd' },
      spec: { template: { spec: { containers: names.map((name) => ({ name })) } } },
    });
    const { asked, cluster } = clusterWith(appliedBefore(deployment('a', 'b')));
    await applyObject(cluster, deployment('b'), 'here');
    const [, , , , type, patch] = asked[0]!;
    assert.equal(type, 'application/strategic-merge-patch+json');
    assert.deepEqual((patch as KubeObject).spec.template.spec.containers, [
      { name: 'b' },
      { $patch: 'delete', name: 'a' },
    ]);
  });

  for (const kind of ['Gadget', 'ComponentStatus']) {
    test(`${kind}, which is not served or cannot be created, is refused`, async () => {
      const object: KubeObject = { apiVersion: 'v1', kind, metadata: { name: 'x' } };
      const { asked, cluster } = clusterWith();
      await assert.rejects(
        applyObject(cluster, object, 'here'),
        /^CliError: no matches for kind ".*" in version "v1"$|no matches for kind/,
      );
      assert.deepEqual(asked, []);
    });
  }
});
