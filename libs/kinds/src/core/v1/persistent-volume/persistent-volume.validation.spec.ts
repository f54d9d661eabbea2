import assert from 'node:assert/strict';
import { createErrors, updated, words } from '../../../testing/spec-support.js';

const path = 'v1/persistentvolumes';
const ssd = {
  required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'disk', operator: 'In', values: ['ssd'] }] }] },
};
const csi = { driver: 'd.example.com', volumeHandle: 'h' };

/** A good volume on the host, with these fields of the spec in place of its own. */
const volume = (spec: object = {}, metadata: object = {}) => ({
  metadata,
  spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/data' }, ...spec },
});
const from = (source: object) => volume({ hostPath: undefined, ...source });
const modes = 'supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"';

describe('creates', () => {
  const table: [what: string, body: any, errors: string[]][] = [
    ['a good one', volume(), []],
    ['a local one', from({ local: { path: '/disk' }, nodeAffinity: ssd }), []],
    ['one of a driver', from({ csi }), []],
    ['without access modes', volume({ accessModes: [] }), ['spec.accessModes: Required value']],
    ['an unknown access mode', volume({ accessModes: ['x'] }), [`spec.accessModes: Unsupported value: "x": ${modes}`]],
    [
      'the exclusive mode beside another',
      volume({ accessModes: ['ReadWriteOncePod', 'ReadOnlyMany'] }),
      ['spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes'],
    ],
    [
      'without capacity',
      volume({ capacity: {} }),
      ['spec.capacity: Required value', 'spec.capacity: Unsupported value: {}: supported values: "storage"'],
    ],
    [
      'capacity of something else, too',
      volume({ capacity: { storage: '1', cpu: '1' } }),
      ['spec.capacity: Unsupported value: {"cpu":"1","storage":"1"}: supported values: "storage"'],
    ],
    [
      'no capacity at all',
      volume({ capacity: { storage: '0' } }),
      ['spec.capacity[storage]: Invalid value: "0": must be greater than zero'],
    ],
    [
      'less than none',
      volume({ capacity: { storage: '-1' } }),
      [
        'spec.capacity[storage]: Invalid value: -1: must be a valid resource quantity',
        'spec.capacity[storage]: Invalid value: "-1": must be greater than zero',
      ],
    ],
    [
      'an unknown policy',
      volume({ persistentVolumeReclaimPolicy: 'Burn' }),
      [
        'spec.persistentVolumeReclaimPolicy: Unsupported value: "Burn": supported values: "Delete", "Recycle", "Retain"',
      ],
    ],
    ['without source', from({}), ['spec: Required value: must specify a volume type']],
    [
      'two sources',
      volume({ nfs: { server: 's', path: '/' } }),
      ['spec.nfs: Forbidden: may not specify more than 1 volume type'],
    ],
    [
      'a way up',
      volume({ hostPath: { path: '/a/../b' } }),
      [`spec.hostPath.path: Invalid value: "/a/../b": must not contain '..'`],
    ],
    [
      'the whole host, to be emptied',
      volume({ hostPath: { path: '//.' }, persistentVolumeReclaimPolicy: 'Recycle' }),
      [`spec.persistentVolumeReclaimPolicy: Forbidden: may not be 'recycle' for a hostPath mount of '/'`],
    ],
    [
      'a local one without node',
      from({ local: { path: '' } }),
      ['spec.local.path: Required value', 'spec.nodeAffinity: Required value: Local volume requires node affinity'],
    ],
    [
      'affinity without terms',
      volume({ nodeAffinity: { required: { nodeSelectorTerms: [] } } }),
      ['spec.nodeAffinity.required.nodeSelectorTerms: Required value: must have at least one node selector term'],
    ],
    [
      'affinity without anything',
      volume({ nodeAffinity: {} }),
      ['spec.nodeAffinity.required: Required value: must specify required node constraints'],
    ],
    [
      'a driver without handle, with half a secret',
      from({ csi: { driver: '-', volumeHandle: '', nodePublishSecretRef: { name: 'A' } } }),
      [
        `spec.csi.driver: Invalid value: "-": ${words.subdomain}`,
        'spec.csi.volumeHandle: Required value',
        `spec.csi.nodePublishSecretRef.name: Invalid value: "A": ${words.subdomain}`,
        'spec.csi.nodePublishSecretRef.namespace: Required value',
      ],
    ],
    [
      'an iSCSI target',
      from({ iscsi: { targetPortal: '', iqn: 'x', lun: 256, chapAuthSession: true, initiatorName: 'iqn.x' } }),
      [
        'spec.iscsi.targetPortal: Required value',
        'spec.iscsi.iqn: Invalid value: "x": must be valid format',
        'spec.iscsi.lun: Invalid value: 256: must be between 0 and 255, inclusive',
        'spec.iscsi.secretRef: Required value',
        'spec.iscsi.initiatorname: Invalid value: "iqn.x": must be valid format',
      ],
    ],
    [
      'secrets of older sources',
      from({ cinder: { volumeID: 'v', secretRef: { name: 's' } } }),
      ['spec.cinder.secretRef.namespace: Required value'],
    ],
    [
      'a class and a mode',
      volume({ storageClassName: 'A', volumeMode: 'x' }),
      [
        `spec.storageClassName: Invalid value: "A": ${words.subdomain}`,
        'spec.volumeMode: Unsupported value: "x": supported values: "Block", "Filesystem"',
      ],
    ],
    [
      'a class of attributes without driver',
      volume({ volumeAttributesClassName: 'a' }),
      ['spec.csi: Required value: has to be specified when using volumeAttributesClassName'],
    ],
    [
      'mount options on the host',
      volume({}, { annotations: { 'volume.beta.kubernetes.io/mount-options': 'ro' } }),
      [
        'metadata.annotations.volume.beta.kubernetes.io/mount-options: Forbidden: may not specify mount options for this volume type',
      ],
    ],
  ];
  for (const [what, body, errors] of table) test(what, () => assert.deepEqual(createErrors(path, body), errors));
});

describe('updates', () => {
  const zone = (key: string) => ({
    required: { nodeSelectorTerms: [{ matchExpressions: [{ key, operator: 'In', values: ['z'] }] }] },
  });
  const beta = 'failure-domain.beta.kubernetes.io/zone';
  const table: [what: string, body: any, change: (volume: any) => void, errors: RegExp[], endpoint?: string][] = [
    ['of what may change', volume(), ({ spec }) => (spec.persistentVolumeReclaimPolicy = 'Delete'), []],
    ['of its size', volume(), ({ spec }) => (spec.capacity = { storage: '2Gi' }), []],
    [
      'of its place',
      volume(),
      ({ spec }) => (spec.hostPath.path = '/etc'),
      [/^spec\.persistentvolumesource: Forbidden: spec\.persistentvolumesource is immutable after creation\n@@/],
    ],
    [
      'of its kind of place',
      volume(),
      ({ spec }) => {
        delete spec.hostPath;
        spec.nfs = { server: 's', path: '/' };
      },
      [/^spec\.persistentvolumesource: Forbidden/],
    ],
    [
      'of its mode',
      volume(),
      ({ spec }) => (spec.volumeMode = 'Block'),
      [/^volumeMode: Invalid value: "Block": field is immutable$/],
    ],
    [
      'that adds the secret for growing',
      from({ csi }),
      ({ spec }) => (spec.csi.controllerExpandSecretRef = { name: 'a', namespace: 'b' }),
      [],
    ],
    ['that adds affinity', volume(), ({ spec }) => (spec.nodeAffinity = ssd), []],
    [
      'of affinity',
      volume({ nodeAffinity: zone('a') }),
      ({ spec }) => (spec.nodeAffinity = ssd),
      [/^nodeAffinity: Invalid value: .*: field is immutable, except for updating from beta label to GA$/],
    ],
    [
      'that renames a label',
      volume({ nodeAffinity: zone(beta) }),
      ({ spec }) => (spec.nodeAffinity = zone('topology.kubernetes.io/zone')),
      [],
    ],
    [
      'that renames it back',
      volume({ nodeAffinity: zone('topology.kubernetes.io/zone') }),
      ({ spec }) => (spec.nodeAffinity = zone(beta)),
      [/^nodeAffinity: Invalid value/],
    ],
    [
      'that takes the class of attributes away',
      from({ csi, volumeAttributesClassName: 'a' }),
      ({ spec }) => delete spec.volumeAttributesClassName,
      [/^spec\.volumeAttributesClassName: Forbidden: update from non-nil value to nil is forbidden$/],
    ],
    ['of its status', volume(), (object) => (object.status.phase = 'Bound'), [], 'status'],
  ];
  for (const [what, body, change, errors, endpoint] of table) {
    test(what, () => {
      const found = updated(path, body, change, endpoint).errors;
      assert.equal(found.length, errors.length, found.join('\n'));
      for (const [i, error] of errors.entries()) assert.match(found[i]!, error);
    });
  }
});
