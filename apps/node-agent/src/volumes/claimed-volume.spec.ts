import assert from 'node:assert/strict';
import type { PersistentVolume, PersistentVolumeClaim, Volume } from '#kinds';
import type { Pod } from '../pod/pod.js';
import { claimedVolume } from './claimed-volume.js';

const podWith = (container: object) =>
  ({ metadata: { name: 'web', namespace: 'ns', uid: 'p' }, spec: { containers: [container] } }) as Pod;
const POD = podWith({ name: 'c', volumeMounts: [{ name: 'data', mountPath: '/data' }] });
const RAW = podWith({ name: 'c', volumeDevices: [{ name: 'data', devicePath: '/dev/data' }] });
const VOLUME: Volume = { name: 'data', persistentVolumeClaim: { claimName: 'data' } };
const EPHEMERAL = { name: 'tmp', ephemeral: {} } as Volume;

const claimOf = (more: { metadata?: object; spec?: object; phase?: string } = {}) =>
  ({
    metadata: { name: 'data', namespace: 'ns', uid: 'c', ...more.metadata },
    spec: { volumeName: 'pv', ...more.spec },
    status: { phase: more.phase ?? 'Bound' },
  }) as PersistentVolumeClaim;
const volumeOf = (spec: object = {}) =>
  ({ metadata: { name: 'pv' }, spec: { claimRef: { uid: 'c' }, local: { path: '/x' }, ...spec } }) as PersistentVolume;

function look(claim: PersistentVolumeClaim | string, volume: PersistentVolume | string, of = VOLUME, pod = POD) {
  const give = async <T>(found: T | string): Promise<T> => {
    if (typeof found === 'string') throw new Error(found);
    return found;
  };
  const claims = { claim: () => give(claim), volume: () => give(volume), node: () => ({}) as never };
  return claimedVolume(claims, pod, of);
}

describe("A pod's claim", () => {
  it('gives the pod its volume', async () => {
    assert.equal((await look(claimOf(), volumeOf())).metadata.name, 'pv');
    assert.equal((await look(claimOf(), volumeOf({ volumeMode: 'Block' }), VOLUME, RAW)).metadata.name, 'pv');
    const kept = { deletionTimestamp: 'now', finalizers: ['kubernetes.io/pvc-protection'] };
    assert.equal((await look(claimOf({ metadata: kept }), volumeOf())).metadata.name, 'pv');
    const own = { ownerReferences: [{ controller: true, uid: 'p' }] };
    assert.equal((await look(claimOf({ metadata: own }), volumeOf(), EPHEMERAL)).metadata.name, 'pv');
  });

  const told = (volume: string, why: string) =>
    `Unable to attach or mount volumes: unmounted volumes=[${volume}], unattached volumes=[], failed to process volumes=[${volume}]: ${why}`;
  const processing = (why: string) => told('data', `error processing PVC ns/data: ${why}`);
  for (const [what, result, message] of [
    ['is missing', () => look('none', ''), processing('failed to fetch PVC from API server: none')],
    ['is not bound', () => look(claimOf({ phase: 'Pending' }), ''), processing('PVC is not bound')],
    [
      'names no volume',
      () => look(claimOf({ spec: { volumeName: '' } }), ''),
      processing('PVC has empty pvc.Spec.VolumeName'),
    ],
    [
      'is on its way out, unprotected',
      () => look(claimOf({ metadata: { deletionTimestamp: 'now' } }), volumeOf()),
      processing('PVC is being deleted'),
    ],
    ['lost its volume', () => look(claimOf(), 'gone'), processing('failed to fetch PV pv from API server: gone')],
    [
      'is unknown to its volume',
      () => look(claimOf(), volumeOf({ claimRef: undefined })),
      processing('found PV object pv but it has a nil pv.Spec.ClaimRef indicating it is not yet bound to the claim'),
    ],
    [
      "has another one's volume",
      () => look(claimOf(), volumeOf({ claimRef: { uid: 'x' } })),
      processing('found PV object pv but its pv.Spec.ClaimRef.UID x does not point to claim.UID c'),
    ],
    [
      'is a device',
      () => look(claimOf(), volumeOf({ volumeMode: 'Block' })),
      told('data', 'volume data has volumeMode Block, but is specified in volumeMounts'),
    ],
    [
      'is no device',
      () => look(claimOf(), volumeOf(), VOLUME, RAW),
      told('data', 'volume data has volumeMode Filesystem, but is specified in volumeDevices'),
    ],
    [
      'was not made for the pod',
      () => look(claimOf(), volumeOf(), EPHEMERAL),
      told('tmp', 'PVC ns/data was not created for pod ns/web (pod is not owner)'),
    ],
  ] as const) {
    it(`that ${what} is told in kubelet's words`, () => assert.rejects(result(), { message }));
  }
});
