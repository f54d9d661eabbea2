import assert from 'node:assert/strict';
import type { KubeObject } from '#apimachinery';
import { type Event, gvr, type PersistentVolumeClaim, type Pod, type StatefulSet } from '#kinds';
import { type ControllerEnvironment, controllerEnvironment } from '#testing';

const MERGE = 'application/merge-patch+json';

let env: ControllerEnvironment;
beforeAll(async () => {
  env = await controllerEnvironment({ agent: true });
});
afterAll(() => env.close());

const create = (namespace: string, spec: Record<string, unknown> = {}, annotations: Record<string, string> = {}) =>
  env.client.create<KubeObject>(gvr.statefulsets, namespace, {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'db' },
    spec: {
      serviceName: 'db',
      replicas: 3,
      selector: { matchLabels: { app: 'db' } },
      template: {
        metadata: { labels: { app: 'db' }, annotations },
        spec: { containers: [{ name: 'main', image: 'db:1' }] },
      },
      ...spec,
    },
  });
const get = (namespace: string) => env.client.get<StatefulSet & KubeObject>(gvr.statefulsets, namespace, 'db');
const pods = async (namespace: string) =>
  (await env.client.list<Pod & KubeObject>(gvr.pods, { namespace })).items.sort((a, b) =>
    a.metadata.name! < b.metadata.name! ? -1 : 1,
  );
const names = async (namespace: string) => (await pods(namespace)).map((pod) => pod.metadata.name).join();
const images = async (namespace: string) => (await pods(namespace)).map((pod) => pod.spec.containers[0]?.image).join();
const patch = (namespace: string, spec: object) => env.client.patch(gvr.statefulsets, namespace, 'db', MERGE, { spec });
const setImage = (namespace: string, image: string) =>
  patch(namespace, { template: { spec: { containers: [{ name: 'main', image }] } } });
const ready = (namespace: string, count: number) =>
  env.until(`${count} ready`, async () => {
    const { metadata, status } = await get(namespace);
    return (
      status?.observedGeneration === metadata.generation &&
      (status?.readyReplicas ?? 0) === count &&
      status?.replicas === count
    );
  });

describe('StatefulSet', () => {
  it('makes its pods in order, each with a name and a claim of its own', async () => {
    const namespace = await env.namespace();
    await create(namespace, {
      volumeClaimTemplates: [
        {
          metadata: { name: 'data' },
          spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
        },
      ],
    });
    await ready(namespace, 3);
    const all = await pods(namespace);
    assert.equal(all.map((pod) => pod.metadata.name).join(), 'db-0,db-1,db-2');
    assert.equal(all[1]!.spec.hostname, 'db-1');
    assert.equal(all[1]!.spec.subdomain, 'db');
    assert.equal(all[1]!.spec.volumes?.[0]?.persistentVolumeClaim?.claimName, 'data-db-1');
    const claims = (await env.client.list(gvr.persistentvolumeclaims, { namespace })).items;
    assert.deepEqual(claims.map((claim) => claim.metadata.name).sort(), ['data-db-0', 'data-db-1', 'data-db-2']);
  });

  it('waits for each pod before it makes the next; Parallel does not', async () => {
    const [ordered, parallel] = [await env.namespace(), await env.namespace()];
    await create(ordered, {}, { 'test/unready': '1' });
    await create(parallel, { podManagementPolicy: 'Parallel' }, { 'test/unready': '1' });
    await env.until('three at once', async () => (await names(parallel)) === 'db-0,db-1,db-2');
    assert.equal(await names(ordered), 'db-0');
  });

  it('shrinks from the end, and replaces a pod under its name', async () => {
    const namespace = await env.namespace();
    await create(namespace);
    await ready(namespace, 3);
    await patch(namespace, { replicas: 2 });
    await env.until('two pods', async () => (await names(namespace)) === 'db-0,db-1');
    const before = (await pods(namespace))[0]!.metadata.uid;
    await env.client.delete(gvr.pods, namespace, 'db-0');
    await env.until('a new db-0', async () => {
      const [pod] = await pods(namespace);
      return pod?.metadata.name === 'db-0' && pod.metadata.uid !== before;
    });
    await ready(namespace, 2);
  });

  it('updates from the end down to the partition, then all', async () => {
    const namespace = await env.namespace();
    await create(namespace, { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 2 } } });
    await ready(namespace, 3);
    await setImage(namespace, 'db:2');
    await env.until('the last pod', async () => (await images(namespace)) === 'db:1,db:1,db:2');
    await ready(namespace, 3);
    await env.until('one is counted as updated', async () => (await get(namespace)).status?.updatedReplicas === 1);
    await env.client.delete(gvr.pods, namespace, 'db-0');
    await ready(namespace, 3);
    assert.equal(await images(namespace), 'db:1,db:1,db:2');
    await patch(namespace, { updateStrategy: { rollingUpdate: { partition: 0 } } });
    await env.until('all', async () => (await images(namespace)) === 'db:2,db:2,db:2');
    const { status } = await env.until('the revision', async () => {
      const set = await get(namespace);
      return set.status?.currentRevision === set.status?.updateRevision && set;
    });
    assert.equal(status?.updatedReplicas, 3);
  });

  const data = {
    volumeClaimTemplates: [
      {
        metadata: { name: 'data' },
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
      },
    ],
  };
  const claims = async (namespace: string) =>
    (await env.client.list<PersistentVolumeClaim & KubeObject>(gvr.persistentvolumeclaims, { namespace })).items;
  const ownersOf = async (namespace: string) =>
    (await claims(namespace))
      .map(({ metadata }) => `${metadata.name} ${metadata.ownerReferences?.map(({ kind }) => kind) ?? ''}`)
      .sort();

  it('updates as many pods together as may be unavailable', async () => {
    const namespace = await env.namespace();
    await create(namespace, { updateStrategy: { rollingUpdate: { maxUnavailable: 2 } } });
    await ready(namespace, 3);
    const before = new Map((await pods(namespace)).map(({ metadata }) => [metadata.name, metadata.uid]));
    // The first new pod does not become ready: the second one waits for it, and the third pod stays.
    await patch(namespace, { template: { metadata: { annotations: { 'test/unready': '1' } } } });
    await env.until('two pods to go, and one to come', async () => {
      const now = await pods(namespace);
      const isNew = now.map(({ metadata }) => before.get(metadata.name) !== metadata.uid);
      return now.length === 2 && !isNew[0] && isNew[1];
    });
  });

  it('keeps claims, or lets them go with the pod or the set', async () => {
    const namespace = await env.namespace();
    const policy = { persistentVolumeClaimRetentionPolicy: { whenScaled: 'Delete', whenDeleted: 'Delete' } };
    await create(namespace, { ...data, ...policy, replicas: 2 });
    await ready(namespace, 2);
    await env.until('the owners', async () => {
      const owners = await ownersOf(namespace);
      return owners.join() === 'data-db-0 StatefulSet,data-db-1 StatefulSet';
    });
    await patch(namespace, { replicas: 1 });
    await env.until('one claim', async () => (await ownersOf(namespace)).join() === 'data-db-0 StatefulSet');
    await patch(namespace, { persistentVolumeClaimRetentionPolicy: { whenScaled: 'Retain', whenDeleted: 'Retain' } });
    await env.until('no owner', async () => (await ownersOf(namespace)).join() === 'data-db-0 ');
  });

  it('gives a pod its label back, and says what it did', async () => {
    const namespace = await env.namespace();
    await create(namespace, { replicas: 1 });
    await ready(namespace, 1);
    const label = 'statefulset.kubernetes.io/pod-name';
    await env.client.patch(gvr.pods, namespace, 'db-0', MERGE, { metadata: { labels: { [label]: null } } });
    await env.until('the label', async () => (await pods(namespace))[0]?.metadata.labels?.[label] === 'db-0');
    await env.until('the events', async () => {
      const { items } = await env.client.list<Event & KubeObject>(gvr.events, { namespace });
      const told = items.map(({ reason, message }) => `${reason}: ${message}`);
      return ['Create', 'Update'].every((verb) =>
        told.includes(`Successful${verb}: ${verb} Pod db-0 in StatefulSet db successful`),
      );
    });
  });

  it('makes a claim again for which a pod waits', async () => {
    const namespace = await env.namespace();
    await create(namespace, { ...data, replicas: 1 }, { 'test/hold': '1' });
    const [claim] = await env.until('the claim', async () => {
      const found = await claims(namespace);
      return found.length > 0 && found;
    });
    await env.until('the pod', async () => (await names(namespace)) === 'db-0');
    await env.client.delete(gvr.persistentvolumeclaims, namespace, 'data-db-0');
    await env.until('a new claim', async () => {
      const [now] = await claims(namespace);
      return now && now.metadata.uid !== claim!.metadata.uid;
    });
  });
});
