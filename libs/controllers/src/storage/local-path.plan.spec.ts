import assert from 'node:assert/strict';
import type { Node, PersistentVolume, PersistentVolumeClaim, StorageClass } from '#kinds';
import {
  abandonedFolder,
  claimOfFolder,
  expansion,
  folderToDelete,
  holderOf,
  isLetGo,
  LOCAL_PATH,
  limitedFolder,
  localPathVolume,
  planProvision,
  requestedBytes,
} from './local-path.plan.js';

const NODE = { metadata: { name: 'a', labels: { 'kubernetes.io/hostname': 'host-a' } } } as unknown as Node;
const CLASS = {
  metadata: { name: 'local-path' },
  provisioner: LOCAL_PATH,
  volumeBindingMode: 'WaitForFirstConsumer',
} as StorageClass;

const PATTERNED = { ...CLASS, parameters: { pathPattern: '{{ .PVC.Namespace }}/{{ .PVC.Name }}' } };

const nowhere = { 'volume.kubernetes.io/selected-node': undefined };

function claim(spec: object = {}, annotations: object = {}, metadata: object = {}): PersistentVolumeClaim {
  return {
    metadata: {
      name: 'data',
      namespace: 'ns',
      uid: 'u',
      annotations: {
        'volume.kubernetes.io/storage-provisioner': LOCAL_PATH,
        'volume.kubernetes.io/selected-node': 'a',
        ...annotations,
      },
      ...metadata,
    },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
  } as unknown as PersistentVolumeClaim;
}

function plan(subject: PersistentVolumeClaim, storageClass: StorageClass | undefined = CLASS): string {
  const found = planProvision(subject, storageClass, (name) => (name === 'a' ? NODE : undefined));
  if (found.do === 'provision') {
    return `${found.folder} on ${found.node.metadata.name}${found.source === 'local' ? '' : ` as ${found.source}`}`;
  }
  return found.do === 'refuse' ? found.message : found.do;
}

describe('A claim', () => {
  const immediate = { ...CLASS, volumeBindingMode: 'Immediate' as const };
  const typed = (defaultVolumeType: string) => ({ ...CLASS, metadata: { annotations: { defaultVolumeType } } });
  for (const [what, subject, storageClass, expected] of [
    ['gets a folder of its node', claim(), CLASS, 'pvc-u_ns_data on a'],
    ['for one pod as well', claim({ accessModes: ['ReadWriteOncePod'] }), CLASS, 'pvc-u_ns_data on a'],
    ['waits for its node', claim({}, nowhere), CLASS, 'nothing'],
    [
      'of another provisioner is left to it',
      claim({}, { 'volume.kubernetes.io/storage-provisioner': 'x' }),
      CLASS,
      'nothing',
    ],
    ['of another class is left alone', claim(), { ...CLASS, provisioner: 'x' }, 'nothing'],
    ['that has a volume needs none', claim({ volumeName: 'v' }), CLASS, 'nothing'],
    ['on its way out gets none', claim({}, {}, { deletionTimestamp: 'now' }), CLASS, 'nothing'],
    [
      'is placed again when its node is gone',
      claim({}, { 'volume.kubernetes.io/selected-node': 'b' }),
      CLASS,
      'reschedule',
    ],
    ['needs a node', claim({}, nowhere), immediate, 'configuration error, no node was specified'],
    ['cannot choose', claim({ selector: {} }), CLASS, 'claim.Spec.Selector is not supported'],
    ['cannot be a device', claim({ volumeMode: 'Block' }), CLASS, 'volume mode Block is not supported'],
    ['cannot be a copy', claim({ dataSource: { kind: 'x', name: 'x' } }), CLASS, 'data sources are not supported'],
    ['is a hostPath if it says so', claim({}, { volumeType: 'hostPath' }), CLASS, 'pvc-u_ns_data on a as hostPath'],
    ['is a hostPath if its class says so', claim(), typed('HostPath'), 'pvc-u_ns_data on a as hostPath'],
    ['says it before its class', claim({}, { volumeType: 'local' }), typed('hostPath'), 'pvc-u_ns_data on a'],
    ['is nothing else', claim(), typed('nfs'), '"nfs" is not a recognised volume type'],
    ['has the folder that a pattern names', claim(), PATTERNED, 'ns/data on a'],
    [
      'has none that belongs to others',
      claim(),
      { ...CLASS, parameters: { pathPattern: '{{ .PVName }}' } },
      'parameter pathPattern: it must begin with {{ .PVC.Namespace }}/{{ .PVC.Name }}',
    ],
    ['has no mount options', claim(), { ...CLASS, mountOptions: ['ro'] }, 'mount options are not supported'],
  ] as const) {
    it(what, () => assert.equal(plan(subject, storageClass as StorageClass), expected));
  }

  it('has a folder whose name Linux takes', () => {
    const [folder] = plan(claim({}, {}, { name: 'n'.repeat(253), namespace: 's'.repeat(63) })).split(' ');
    assert.equal(folder!.length, 255);
  });

  it('leaves the folder that its node may have made when it goes', () => {
    assert.deepEqual(abandonedFolder(claim(), CLASS), { node: 'a', folder: 'pvc-u_ns_data' });
    assert.deepEqual(abandonedFolder(claim(), undefined), { node: 'a', folder: 'pvc-u_ns_data' });
    assert.deepEqual(abandonedFolder(claim(), PATTERNED), { node: 'a', folder: 'ns/data' });
    assert.equal(abandonedFolder(claim({ volumeName: 'v' }), CLASS), undefined);
    assert.equal(abandonedFolder(claim({}, nowhere), CLASS), undefined);
    assert.equal(abandonedFolder(claim(), { ...CLASS, parameters: { pathPattern: 'x' } }), undefined);
  });

  it('is known by its folder', () => {
    const found = { volume: 'pvc-u', uid: 'u', namespace: 'ns', name: 'data' };
    assert.deepEqual(claimOfFolder('pvc-u_ns_data'), found);
    for (const folder of ['ns/data', 'pvc-u', 'other_ns_data', `pvc-u_ns_${'x'.repeat(246)}`]) {
      assert.equal(claimOfFolder(folder), undefined, folder);
    }
  });

  it('asks for a number of bytes', () => {
    const asking = (storage: string) => requestedBytes(claim({ resources: { requests: { storage } } }));
    assert.equal(asking('1Gi'), 2 ** 30);
    assert.equal(asking('100m'), 1);
    assert.equal(asking('16Ei'), Number.MAX_SAFE_INTEGER);
  });
});

describe('A volume', () => {
  const volume = (policy: 'Delete' | 'Retain', phase: string, metadata: object = {}): PersistentVolume => {
    const made = localPathVolume(
      claim(),
      { ...CLASS, reclaimPolicy: policy },
      NODE,
      { path: '/d/storage/pvc-u_ns_data', limited: false },
      'local',
    );
    return { ...made, metadata: { ...made.metadata, ...metadata }, status: { phase } } as PersistentVolume;
  };

  it('takes its folder with it when nobody has it any more, and only then', () => {
    const folder = { node: 'a', folder: 'pvc-u_ns_data', root: '/d/storage' };
    assert.deepEqual(folderToDelete(volume('Delete', 'Released')), folder);
    assert.deepEqual(folderToDelete(volume('Delete', 'Failed')), folder);
    assert.equal(folderToDelete(volume('Delete', 'Bound')), undefined);
    assert.equal(folderToDelete(volume('Delete', 'Bound', { deletionTimestamp: 'now' })), undefined);
    assert.equal(folderToDelete(volume('Retain', 'Released')), undefined);
    assert.equal(folderToDelete(volume('Delete', 'Released', { annotations: {} })), undefined);
  });

  it('has the folder that was made for its first claim', () => {
    const kept = volume('Delete', 'Released');
    const claimRef = { ...kept.spec.claimRef, namespace: 'other', name: 'later' };
    assert.deepEqual(folderToDelete({ ...kept, spec: { ...kept.spec, claimRef } }), {
      node: 'a',
      folder: 'pvc-u_ns_data',
      root: '/d/storage',
    });
    assert.equal(folderToDelete({ ...kept, spec: { ...kept.spec, local: { path: '/etc' } } }), undefined);
  });

  it('may be a hostPath, in a folder that was configured', () => {
    const made = localPathVolume(claim(), CLASS, NODE, { path: '/disks/1/pvc-u_ns_data', limited: false }, 'hostPath');
    assert.deepEqual(made.spec.hostPath, { path: '/disks/1/pvc-u_ns_data', type: 'DirectoryOrCreate' });
    assert.equal(made.spec.local, undefined);
    const released = { ...made, status: { phase: 'Released' } } as PersistentVolume;
    assert.deepEqual(folderToDelete(released), { node: 'a', folder: 'pvc-u_ns_data', root: '/disks/1' });
  });

  it('says whether it is held to its capacity', () => {
    const path = '/d/storage/pvc-u_ns_data';
    const made = (limited: boolean) => localPathVolume(claim(), CLASS, NODE, { path, limited }, 'local');
    assert.deepEqual(limitedFolder(made(true)), { node: 'a', folder: 'pvc-u_ns_data', root: '/d/storage' });
    assert.equal(limitedFolder(made(false)), undefined);
  });

  it('has a folder of a pattern for itself', () => {
    const made = localPathVolume(claim(), PATTERNED, NODE, { path: '/disks/1/ns/data', limited: false }, 'local');
    const released = { ...made, status: { phase: 'Released' } } as PersistentVolume;
    assert.deepEqual(folderToDelete(released), { node: 'a', folder: 'ns/data', root: '/disks/1' });
    const moved = { ...released, spec: { ...released.spec, local: { path: '/etc' } } };
    assert.equal(folderToDelete(moved), undefined);
    const held = (folder: string, node = 'a', own = 'other') =>
      holderOf(folder, node, own, [volume('Delete', 'Bound'), made]);
    assert.equal(held('ns/data'), made);
    assert.equal(held('ns/data/deeper'), made);
    assert.equal(held('ns/data-2'), undefined);
    assert.equal(held('ns/data', 'b'), undefined);
    assert.equal(held('ns/data', 'a', 'pvc-u'), undefined);
  });

  it('that is kept goes without its folder', () => {
    assert.equal(isLetGo(volume('Retain', 'Released', { deletionTimestamp: 'now' })), true);
    assert.equal(isLetGo(volume('Retain', 'Released')), false);
    assert.equal(isLetGo(volume('Retain', 'Bound', { deletionTimestamp: 'now' })), false);
    assert.equal(isLetGo(volume('Delete', 'Released', { deletionTimestamp: 'now' })), false);
  });

  it('grows with its claim, and does not shrink', () => {
    const bound = (asked: string, shown: string) =>
      ({
        ...claim({ resources: { requests: { storage: asked } } }),
        status: { phase: 'Bound', capacity: { storage: shown } },
      }) as PersistentVolumeClaim;
    assert.equal(expansion(bound('2Gi', '1Gi'), volume('Delete', 'Bound'))?.toString(), '2Gi');
    assert.equal(expansion(bound('1Gi', '1Gi'), volume('Delete', 'Bound')), undefined);
    assert.equal(expansion(bound('500Mi', '1Gi'), volume('Delete', 'Bound')), undefined);
    assert.equal(expansion(claim(), volume('Delete', 'Bound')), undefined);
  });
});
