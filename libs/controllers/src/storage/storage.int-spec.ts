import { isNotFound, type KubeObject } from '#apimachinery';
import { gvr } from '#kinds';
import { type ControllerEnvironment, controllerEnvironment } from '#testing';

let env: ControllerEnvironment;
beforeAll(async () => {
  env = await controllerEnvironment();
});
afterAll(() => env.close());

const gone = async (get: Promise<unknown>) =>
  get.then(
    () => false,
    (error) => {
      if (!isNotFound(error)) throw error;
      return true;
    },
  );
const parametersOf = (name: string): KubeObject => ({
  apiVersion: 'storage.k8s.io/v1',
  kind: 'VolumeAttributesClass',
  metadata: { name },
  driverName: 'csi.example.com',
  parameters: { iops: '100' },
});
const claimOf = (name: string, spec: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
});

describe('Protected storage objects', () => {
  it('a VolumeAttributesClass goes once no claim names it', async () => {
    const ns = await env.namespace();
    const get = () => env.client.get(gvr.volumeattributesclasses, '', 'gold');
    await env.client.create(gvr.volumeattributesclasses, '', parametersOf('gold'));
    await env.client.create(gvr.persistentvolumeclaims, ns, claimOf('data', { volumeAttributesClassName: 'gold' }));
    await env.client.delete(gvr.volumeattributesclasses, '', 'gold');
    await env.until('the mark', async () => (await get()).metadata.deletionTimestamp !== undefined);
    await env.client.delete(gvr.persistentvolumeclaims, ns, 'data');
    await env.until('the claim to go', () => gone(env.client.get(gvr.persistentvolumeclaims, ns, 'data')));
    await env.until('the class to go', () => gone(get()));
  });

  it('a PersistentVolumeClaim waits for the pod that mounts it', async () => {
    const ns = await env.namespace();
    await env.client.create(gvr.persistentvolumeclaims, ns, claimOf('data'));
    await env.client.create(gvr.pods, ns, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'user' },
      spec: {
        nodeName: 'node-1',
        containers: [{ name: 'main', image: 'x' }],
        volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }],
      },
    } as KubeObject);
    const get = () => env.client.get(gvr.persistentvolumeclaims, ns, 'data');
    await env.client.delete(gvr.persistentvolumeclaims, ns, 'data');
    await env.until('the mark', async () => (await get()).metadata.deletionTimestamp !== undefined);
    await env.client.delete(gvr.pods, ns, 'user', { gracePeriodSeconds: 0 });
    await env.until('the claim to go', () => gone(get()));
  });

  it('a PersistentVolume that is not bound goes at once', async () => {
    await env.client.create(gvr.persistentvolumes, '', {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: 'disk' },
      spec: { accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' }, hostPath: { path: '/mnt/disk' } },
    } as KubeObject);
    await env.client.delete(gvr.persistentvolumes, '', 'disk');
    await env.until('the volume to go', () => gone(env.client.get(gvr.persistentvolumes, '', 'disk')));
  });
});
