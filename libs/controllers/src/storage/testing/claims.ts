import { isNotFound, type KubeObject } from '#apimachinery';
import type { Client } from '#client';
import { gvr, type PersistentVolume, type PersistentVolumeClaim } from '#kinds';

/** The part of a test's environment that is needed. */
interface Environment {
  client: Client;
  until<T>(what: string, condition: () => Promise<T | undefined | false>): Promise<T>;
}

/** What tests of claims and volumes do and wait for, in an environment that is there when they begin. */
export function claimCalls(environment: () => Environment) {
  const newClaim = (ns: string, name: string, spec: object = {}, annotations?: Record<string, string>) =>
    environment().client.create(gvr.persistentvolumeclaims, ns, {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name, annotations },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
    } as PersistentVolumeClaim);
  const newVolume = (name: string, spec: object = {}) =>
    environment().client.create(gvr.persistentvolumes, '', {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name },
      spec: { accessModes: ['ReadWriteOnce'], capacity: { storage: '2Gi' }, hostPath: { path: '/mnt/x' }, ...spec },
    } as PersistentVolume);
  const claimOf = (ns: string, name: string) =>
    environment().client.get<PersistentVolumeClaim>(gvr.persistentvolumeclaims, ns, name);
  const volumeOf = (name: string) => environment().client.get<PersistentVolume>(gvr.persistentvolumes, '', name);
  const gone = (get: Promise<unknown>) =>
    get.then(
      () => false,
      (error) => {
        if (!isNotFound(error)) throw error;
        return true;
      },
    );
  const bound = (ns: string, name: string) =>
    environment().until(`claim ${name} to be bound`, async () => {
      const claim = await claimOf(ns, name);
      return claim.status?.phase === 'Bound' && claim;
    });
  const phase = (name: string, wanted: string) =>
    environment().until(`volume ${name} to be ${wanted}`, async () => {
      const volume = await volumeOf(name);
      return volume.status?.phase === wanted && volume;
    });
  const event = (ns: string, about: string, reason: string) =>
    environment().until(`the event ${reason}`, async () => {
      const { items } = await environment().client.list<KubeObject>(gvr.events, { namespace: ns });
      return items.find((found) => found['involvedObject'].name === about && found['reason'] === reason)?.['message'];
    });
  return { newClaim, newVolume, claimOf, volumeOf, gone, bound, phase, event };
}
