import assert from 'node:assert/strict';
import type { GroupVersionResource, KubeObject } from '#apimachinery';
import { gvr, type Pod } from '#kinds';
import { type ControllerEnvironment, controllerEnvironment } from '#testing';
import { CONFIG_HASH, OBSERVED_CONFIG, RESTART_ON_CONFIG_CHANGE } from './config-rollout.plan.js';

const MERGE = 'application/merge-patch+json';

let env: ControllerEnvironment;
beforeAll(async () => {
  env = await controllerEnvironment({ agent: true });
});
afterAll(() => env.close());

const configMap = (namespace: string, name: string, data: Record<string, string>) =>
  env.client.create<KubeObject>(gvr.configmaps, namespace, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name },
    data,
  });

const create = (namespace: string, kind: string, resource: GroupVersionResource, annotations: Record<string, string>) =>
  env.client.create<KubeObject>(resource, namespace, {
    apiVersion: 'apps/v1',
    kind,
    metadata: { name: 'web', annotations },
    spec: {
      selector: { matchLabels: { app: 'web' } },
      ...(kind === 'StatefulSet' ? { serviceName: 'web' } : {}),
      template: {
        metadata: { labels: { app: 'web' } },
        spec: { containers: [{ name: 'main', image: 'web:1', envFrom: [{ configMapRef: { name: 'settings' } }] }] },
      },
    },
  });

const annotationOf = async (namespace: string, resource: GroupVersionResource, name: string) =>
  (await env.client.get<KubeObject>(resource, namespace, 'web')).metadata.annotations?.[name];
const podHashes = async (namespace: string) =>
  (await env.client.list<Pod & KubeObject>(gvr.pods, { namespace })).items
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map(({ metadata }) => metadata.annotations?.[CONFIG_HASH]);

describe('a workload that restarts with its configuration', () => {
  const kinds: [kind: string, resource: GroupVersionResource][] = [
    ['Deployment', gvr.deployments],
    ['StatefulSet', gvr.statefulsets],
    ['DaemonSet', gvr.daemonsets],
  ];
  for (const [kind, resource] of kinds) {
    it(`a ${kind} replaces its pods once after several changes, and not at the first look`, async () => {
      const namespace = await env.namespace();
      await configMap(namespace, 'settings', { level: '1' });
      await create(namespace, kind, resource, { [RESTART_ON_CONFIG_CHANGE]: 'true' });
      await env.until('remembered', () => annotationOf(namespace, resource, OBSERVED_CONFIG));
      await env.until('a pod', async () => (await podHashes(namespace)).length === 1);
      assert.deepEqual(await podHashes(namespace), [undefined]);
      for (const level of ['2', '3', '4']) {
        await env.client.patch(gvr.configmaps, namespace, 'settings', MERGE, { data: { level } });
      }
      await env.until('a new pod', async () => {
        const hashes = await podHashes(namespace);
        return hashes.length === 1 && hashes[0] !== undefined;
      });
      const { items: events } = await env.client.list<KubeObject>(gvr.events, { namespace });
      const said = events.filter((event) => event['reason'] === 'ConfigChanged');
      assert.deepEqual(
        said.map(({ message, count }) => [message, count]),
        [['Replacing pods because of a change of configmap/settings', 1]],
      );
    });
  }

  it('leaves those alone that do not ask', async () => {
    const namespace = await env.namespace();
    await configMap(namespace, 'settings', { level: '1' });
    await create(namespace, 'Deployment', gvr.deployments, {});
    await env.client.patch(gvr.configmaps, namespace, 'settings', MERGE, { data: { level: '2' } });
    await env.until('a pod', async () => (await podHashes(namespace)).length === 1);
    await new Promise((resolve) => setTimeout(resolve, 6_000));
    assert.equal(await annotationOf(namespace, gvr.deployments, OBSERVED_CONFIG), undefined);
    assert.deepEqual(await podHashes(namespace), [undefined]);
  });
});
