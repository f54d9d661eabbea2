import assert from 'node:assert/strict';
import { isNotFound, type KubeObject } from '#apimachinery';
import { gvr } from '#kinds';
import { type ControllerEnvironment, controllerEnvironment } from '#testing';
import { NO_FOLDERS } from '../context.js';
import { claimCalls } from './testing/claims.js';

const scrubbed: string[] = [];
let refuses: string | undefined;
let env: ControllerEnvironment;
beforeAll(async () => {
  env = await controllerEnvironment({
    nodeFolders: {
      ...NO_FOLDERS,
      async scrub(node, path) {
        if (refuses) throw new Error(refuses);
        scrubbed.push(`${node} ${path}`);
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

const { newClaim, newVolume, claimOf, gone, bound, phase, event } = claimCalls(() => env);

describe('Claims and volumes', () => {
  it('find each other, and part when the claim goes', async () => {
    const ns = await env.namespace();
    await newVolume('static-1', { persistentVolumeReclaimPolicy: 'Retain' });
    await newClaim(ns, 'data', { storageClassName: '' });
    const claim = await bound(ns, 'data');
    assert.equal(claim.spec.volumeName, 'static-1');
    assert.deepEqual(claim.status?.capacity, { storage: '2Gi' });
    assert.deepEqual(claim.status?.accessModes, ['ReadWriteOnce']);
    assert.equal(claim.metadata.annotations?.['pv.kubernetes.io/bound-by-controller'], 'yes');
    const volume = await phase('static-1', 'Bound');
    assert.equal(volume.spec.claimRef?.uid, claim.metadata.uid);
    await env.client.delete(gvr.persistentvolumeclaims, ns, 'data');
    await phase('static-1', 'Released');
    // A released volume waits for its administrator; who takes the old claim off it makes it available again.
    await newClaim(ns, 'data', { storageClassName: '' });
    assert.match(await event(ns, 'data', 'FailedBinding'), /no persistent volumes available/);
    await env.client.patch(gvr.persistentvolumes, '', 'static-1', 'application/merge-patch+json', {
      spec: { claimRef: null },
    });
    await bound(ns, 'data');
  });

  it('a claim whose volume is taken away is lost', async () => {
    const ns = await env.namespace();
    await newVolume('lost-1', { storageClassName: 'by-hand' });
    await newClaim(ns, 'data', { storageClassName: 'by-hand' });
    await bound(ns, 'data');
    await env.client.patch(gvr.persistentvolumes, '', 'lost-1', 'application/merge-patch+json', {
      metadata: { finalizers: null },
    });
    await env.client.delete(gvr.persistentvolumes, '', 'lost-1');
    // Whoever protects the volume may have put its finalizer back: it is for who wants the disk gone to insist.
    await env.client
      .patch(gvr.persistentvolumes, '', 'lost-1', 'application/merge-patch+json', { metadata: { finalizers: null } })
      .catch((error) => {
        if (!isNotFound(error)) throw error;
      });
    await env.until('the loss', async () => (await claimOf(ns, 'data')).status?.phase === 'Lost');
    assert.match(await event(ns, 'data', 'ClaimLost'), /has lost its PersistentVolume/);
  });

  it('a claim that came before the default class gets it', async () => {
    const ns = await env.namespace();
    const classes = gvr.storageclasses;
    await env.client.delete(classes, '', 'local-path');
    await newClaim(ns, 'data');
    assert.equal((await claimOf(ns, 'data')).spec.storageClassName, undefined);
    await env.client.create<KubeObject>(classes, '', {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name: 'local-path', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
      provisioner: 'berth.io/local-path',
      volumeBindingMode: 'WaitForFirstConsumer',
      allowVolumeExpansion: true,
    });
    await env.until('the class', async () => (await claimOf(ns, 'data')).spec.storageClassName === 'local-path');
    assert.match(await event(ns, 'data', 'WaitForFirstConsumer'), /^waiting for first consumer/);
  });

  it('a claim of a missing class says so', async () => {
    const ns = await env.namespace();
    await newClaim(ns, 'data', { storageClassName: 'none' });
    assert.equal(await event(ns, 'data', 'ProvisioningFailed'), 'storageclass.storage.k8s.io "none" not found');
  });
});

describe('A volume with the policy Recycle', () => {
  const recycled = async (name: string, spec: object) => {
    const ns = await env.namespace();
    await newVolume(name, { persistentVolumeReclaimPolicy: 'Recycle', storageClassName: name, ...spec });
    await newClaim(ns, 'data', { storageClassName: name });
    await bound(ns, 'data');
    await phase(name, 'Bound');
    await env.client.delete(gvr.persistentvolumeclaims, ns, 'data');
  };

  it('is emptied on the nodes that reach it, and offered again', async () => {
    await recycled('recycled', { hostPath: { path: '/mnt/recycled' } });
    const volume = await phase('recycled', 'Available');
    assert.equal(volume.spec.claimRef, undefined);
    assert.deepEqual(scrubbed, ['node-1 /mnt/recycled']);
    assert.equal(await event('default', 'recycled', 'VolumeRecycled'), 'Volume recycled');
    const ns = await env.namespace();
    await newClaim(ns, 'next', { storageClassName: 'recycled' });
    await bound(ns, 'next');
  });

  it('is Failed until that works', async () => {
    refuses = 'node node-1: the disk is broken';
    await recycled('broken', { hostPath: { path: '/mnt/broken' } });
    const why = 'Recycle failed: failed to recycle volume: node node-1: the disk is broken';
    assert.equal((await phase('broken', 'Failed')).status?.message, why);
    assert.equal(await event('default', 'broken', 'VolumeFailedRecycle'), why);
    refuses = undefined;
    // An event instead of the next try in 15 s.
    const labels = { metadata: { labels: { disk: 'repaired' } } };
    await env.client.patch(gvr.persistentvolumes, '', 'broken', 'application/merge-patch+json', labels);
    const volume = await phase('broken', 'Available');
    assert.equal(volume.status?.message, undefined);
  });

  it('is Failed while another volume has files in its folder', async () => {
    await newVolume('inside', { storageClassName: 'inside', hostPath: { path: '/mnt/shared/inside' } });
    await recycled('shared', { hostPath: { path: '/mnt/shared' } });
    const why = 'Recycle failed: failed to recycle volume: volume "inside" has files in the same folder';
    assert.equal((await phase('shared', 'Failed')).status?.message, why);
    assert.ok(!scrubbed.includes('node-1 /mnt/shared'));
    await env.client.delete(gvr.persistentvolumes, '', 'inside');
    await phase('shared', 'Available');
    assert.ok(scrubbed.includes('node-1 /mnt/shared'));
  });

  it('stays Failed when it is of a type that nobody can empty', async () => {
    await recycled('remote', { hostPath: undefined, nfs: { server: 'x', path: '/' } });
    assert.equal((await phase('remote', 'Failed')).status?.message, 'No recycler plugin found for the volume!');
  });
});

describe('An ephemeral volume', () => {
  const pod = (name: string) =>
    ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name },
      spec: {
        containers: [{ name: 'main', image: 'x' }],
        volumes: [
          {
            name: 'scratch',
            ephemeral: {
              volumeClaimTemplate: {
                metadata: { labels: { app: 'x' } },
                spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
              },
            },
          },
        ],
      },
    }) as KubeObject;

  it('gets a claim of its own, which goes with the pod', async () => {
    const ns = await env.namespace();
    await env.client.create(gvr.pods, ns, pod('p'));
    const claim = await env.until('the claim', () => claimOf(ns, 'p-scratch').catch(() => undefined));
    assert.equal(claim.metadata.ownerReferences?.[0]?.kind, 'Pod');
    assert.deepEqual(claim.metadata.labels, { app: 'x' });
    assert.match(await event(ns, 'p-scratch', 'WaitForPodScheduled'), /^waiting for pod p to be scheduled$/);
    await env.client.delete(gvr.pods, ns, 'p', { gracePeriodSeconds: 0 });
    await env.until('the claim to go', () => gone(claimOf(ns, 'p-scratch')));
  });

  it("does not take somebody else's claim", async () => {
    const ns = await env.namespace();
    await newClaim(ns, 'q-scratch');
    await env.client.create(gvr.pods, ns, pod('q'));
    assert.equal(
      await event(ns, 'q', 'FailedBinding'),
      `ephemeral volume scratch: PVC ${ns}/q-scratch was not created for pod ${ns}/q (pod is not owner)`,
    );
  });
});
