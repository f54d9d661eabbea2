import assert from 'node:assert/strict';
import type { KubeObject } from '#apimachinery';
import { gvr } from '#kinds';
import { type ControllerEnvironment, controllerEnvironment } from '#testing';
import { claimCalls } from './testing/claims.js';

const made = new Map<string, string>();
const deleted: string[] = [];
/** Bytes by folder; and the folders that something is in. */
const limits = new Map<string, number>();
const filled = new Set<string>();
/** Folders that were to be deleted where there can be none. */
const refused: string[] = [];
const SYSTEM = '/usr/volumes';
const refusal = () => Object.assign(new Error(`node node-1: "${SYSTEM}" belongs to the system`), { refused: true });
let refuses: string | undefined;
let breaks = false;
let env: ControllerEnvironment;
beforeAll(async () => {
  env = await controllerEnvironment({
    nodeFolders: {
      async create({ node, folder, root = '/storage' }, bytes) {
        if (root === SYSTEM) throw refusal();
        made.set(folder, node);
        if (breaks) throw new Error('the disk is full');
        limits.set(folder, bytes);
        return { path: `${root}/${folder}`, limited: true };
      },
      async limit({ folder }, bytes) {
        if (refuses) throw new Error(refuses);
        limits.set(folder, bytes);
      },
      async delete({ folder, root }) {
        if (refuses) throw new Error(refuses);
        made.delete(folder);
        deleted.push(`${root}/${folder}`);
      },
      async deleteEmpty({ folder, root }) {
        if (root === SYSTEM) {
          refused.push(folder);
          throw refusal();
        }
        if (!filled.has(folder)) made.delete(folder);
      },
      async list() {
        return [...made.keys()];
      },
      async scrub() {
        throw new Error('nothing is recycled here');
      },
    },
  });
  await env.client.create<KubeObject>(gvr.nodes, '', {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'node-1', labels: { 'kubernetes.io/hostname': 'host-1' } },
  });
});
afterAll(() => env.close());

const { newClaim, newVolume, claimOf, volumeOf, gone, bound, phase, event } = claimCalls(() => env);

describe('A claim of the class local-path', () => {
  const selected = { 'volume.kubernetes.io/selected-node': 'node-1' };

  it('gets a folder of the chosen node, grows, and takes the folder with it', async () => {
    const ns = await env.namespace();
    await newClaim(ns, 'data', {}, selected);
    const claim = await bound(ns, 'data');
    const name = `pvc-${claim.metadata.uid}`;
    const folder = `${name}_${ns}_data`;
    assert.equal(claim.spec.volumeName, name);
    assert.equal(claim.metadata.annotations?.['volume.kubernetes.io/storage-provisioner'], 'berth.io/local-path');
    assert.equal(made.get(folder), 'node-1');
    assert.equal(limits.get(folder), 2 ** 30);
    const volume = await phase(name, 'Bound');
    assert.deepEqual(volume.spec.local, { path: `/storage/${folder}` });
    assert.deepEqual(volume.spec.nodeAffinity?.required?.nodeSelectorTerms[0]?.matchExpressions, [
      { key: 'kubernetes.io/hostname', operator: 'In', values: ['host-1'] },
    ]);
    refuses = 'the disk is full';
    await env.client.patch(gvr.persistentvolumeclaims, ns, 'data', 'application/merge-patch+json', {
      spec: { resources: { requests: { storage: '3Gi' } } },
    });
    assert.equal(await event(ns, 'data', 'VolumeResizeFailed'), 'the disk is full');
    assert.equal((await volumeOf(name)).spec.capacity?.['storage'], '1Gi');
    refuses = undefined;
    await env.until('the new size', async () => (await claimOf(ns, 'data')).status?.capacity?.['storage'] === '3Gi');
    assert.equal((await volumeOf(name)).spec.capacity?.['storage'], '3Gi');
    assert.equal(limits.get(folder), 3 * 2 ** 30);
    refuses = 'a pod has it';
    await env.client.delete(gvr.persistentvolumeclaims, ns, 'data');
    assert.equal(await event('default', name, 'VolumeFailedDelete'), 'a pod has it');
    assert.ok(made.has(folder));
    refuses = undefined;
    await env.until('the volume to go', () => gone(volumeOf(name)));
    assert.ok(!made.has(folder));
  });

  it('leaves no folder behind when it goes before it has a volume', async () => {
    const ns = await env.namespace();
    breaks = true;
    await newClaim(ns, 'data', {}, selected);
    assert.match(await event(ns, 'data', 'ProvisioningFailed'), /"local-path": the disk is full$/);
    const folder = [...made.keys()].find((name) => name.endsWith(`_${ns}_data`))!;
    assert.ok(folder);
    await env.client.delete(gvr.persistentvolumeclaims, ns, 'data');
    await env.until('the folder to go', async () => !made.has(folder));
    breaks = false;
  });

  it('leaves no folder behind when it went while nobody provisioned', async () => {
    const ns = await env.namespace();
    await newClaim(ns, 'waits');
    const { uid } = (await claimOf(ns, 'waits')).metadata;
    const kept = `pvc-01234567-89ab-cdef-0123-000000000001_${ns}_kept`;
    const owned = `pvc-01234567-89ab-cdef-0123-000000000002_${ns}_owned`;
    const left = `pvc-01234567-89ab-cdef-0123-000000000003_${ns}_left`;
    const waits = `pvc-${uid}_${ns}_waits`;
    for (const folder of [kept, owned, left, waits, 'ns/data']) made.set(folder, 'node-2');
    filled.add(kept);
    await newVolume('owned', { storageClassName: 'owned', hostPath: { path: `/elsewhere/${owned}` } });
    await env.client.create<KubeObject>(gvr.nodes, '', {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'node-2' },
      status: { conditions: [{ type: 'Ready', status: 'True' }] },
    });
    await env.until('the empty folder to go', async () => !made.has(left));
    for (const folder of [kept, owned, waits, 'ns/data']) assert.ok(made.has(folder), folder);
  });

  it('gets the folder that its class names, once nobody else has it', async () => {
    const ns = await env.namespace();
    await env.client.create<KubeObject>(gvr.storageclasses, '', {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name: 'named' },
      provisioner: 'berth.io/local-path',
      volumeBindingMode: 'WaitForFirstConsumer',
      reclaimPolicy: 'Retain',
      parameters: { pathPattern: '{{ .PVC.Namespace }}/{{ .PVC.Name }}' },
    });
    await newClaim(ns, 'data', { storageClassName: 'named' }, selected);
    const { spec } = await bound(ns, 'data');
    assert.equal((await volumeOf(spec.volumeName!)).spec.local?.path, `/storage/${ns}/data`);
    await env.client.delete(gvr.persistentvolumeclaims, ns, 'data');
    await phase(spec.volumeName!, 'Released');
    await newClaim(ns, 'data', { storageClassName: 'named' }, selected);
    assert.match(
      await event(ns, 'data', 'ProvisioningFailed'),
      new RegExp(`the folder ${ns}/data on node node-1 belongs to volume ${spec.volumeName}$`),
    );
    await env.client.delete(gvr.persistentvolumes, '', spec.volumeName!);
    const again = await bound(ns, 'data');
    assert.equal((await volumeOf(again.spec.volumeName!)).spec.local?.path, `/storage/${ns}/data`);
  });

  it('is refused what a folder cannot be', async () => {
    const ns = await env.namespace();
    await newClaim(ns, 'data', { accessModes: ['ReadWriteMany'] }, selected);
    assert.equal(
      await event(ns, 'data', 'ProvisioningFailed'),
      'failed to provision volume with StorageClass "local-path": only the access modes ReadWriteOnce and ReadWriteOncePod are supported',
    );
  });

  it('gets its folder where the configuration says, and keeps it there', async () => {
    const configMap = (config: string) =>
      ({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'local-path-config', namespace: 'local-path-storage' },
        data: { 'config.json': config },
      }) as KubeObject;
    const paths = (...names: string[]) => JSON.stringify({ nodePathMap: [{ node: 'node-1', paths: names }] });
    const configure = (config: string) => env.client.update(gvr.configmaps, 'local-path-storage', configMap(config));
    const pathOf = async (ns: string, name: string) => {
      await newClaim(ns, name, {}, selected);
      const { spec } = await bound(ns, name);
      return (await volumeOf(spec.volumeName!)).spec.local!.path;
    };
    await env.client.create(gvr.namespaces, '', {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'local-path-storage' },
    } as KubeObject);
    await env.client.create(gvr.configmaps, 'local-path-storage', configMap(paths('/disk1')));
    const ns = await env.namespace();
    await env.until('the configuration to be seen', async () => /^\/disk1\//.test(await pathOf(ns, `a-${Date.now()}`)));
    await configure('{"sharedFileSystemPath": "/nfs"}');
    assert.equal(
      await event('local-path-storage', 'local-path-config', 'InvalidConfiguration'),
      'the configuration in ConfigMap local-path-storage/local-path-config is not valid: sharedFileSystemPath is not supported: volumes are folders of one node',
    );
    const before = await pathOf(ns, 'before');
    assert.match(before, /^\/disk1\//);
    // No folder for this node: who waits gets one with the next configuration.
    await configure(paths());
    await newClaim(ns, 'waits', {}, selected);
    assert.match(await event(ns, 'waits', 'ProvisioningFailed'), /no local path available on node node-1$/);
    await configure(paths('/disk2'));
    await bound(ns, 'waits');
    await env.client.delete(gvr.persistentvolumeclaims, ns, 'before');
    await env.until('the folder to go from where it is', async () => deleted.includes(before));
    // A claim that never got a folder there leaves nothing to do.
    await configure(paths(SYSTEM));
    await newClaim(ns, 'nowhere', {}, selected);
    assert.match(await event(ns, 'nowhere', 'ProvisioningFailed'), /belongs to the system$/);
    await env.client.delete(gvr.persistentvolumeclaims, ns, 'nowhere');
    await env.until('its folder to be looked for', async () => refused.length > 0);
    await env.client.delete(gvr.configmaps, 'local-path-storage', 'local-path-config');
    await env.until('the default', async () => /^\/storage\//.test(await pathOf(ns, `b-${Date.now()}`)));
    assert.equal(refused.length, 1);
  });

  it('is given back to the scheduler when its node is gone', async () => {
    const ns = await env.namespace();
    await newClaim(ns, 'data', {}, { 'volume.kubernetes.io/selected-node': 'gone' });
    await env.until('the node to be taken off', async () => {
      const { annotations = {} } = (await claimOf(ns, 'data')).metadata;
      return annotations['volume.kubernetes.io/selected-node'] === undefined;
    });
  });
});
