import assert from 'node:assert/strict';
import { created, createErrors, updated, words } from '../../../testing/spec-support.js';

const path = 'v1/persistentvolumeclaims';
const STORAGE_CLASS = 'volume.beta.kubernetes.io/storage-class';

const claim = (spec: object = {}, metadata: object = {}) => ({
  metadata,
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '2Gi' } }, ...spec },
});

describe('creates', () => {
  const source = { apiGroup: 'a.b', kind: 'X', name: 'n' };
  const table: [what: string, spec: object, errors: string[]][] = [
    ['a good one', {}, []],
    [
      'without access modes',
      { accessModes: [] },
      ['spec.accessModes: Required value: at least 1 access mode is required'],
    ],
    ['without size', { resources: {} }, ['spec.resources[storage]: Required value']],
    [
      'of no size',
      { resources: { requests: { storage: '0' } } },
      ['spec.resources[storage]: Invalid value: "0": must be greater than zero'],
    ],
    [
      'a class and a mode',
      { storageClassName: 'A', volumeMode: 'x' },
      [
        `spec.storageClassName: Invalid value: "A": ${words.subdomain}`,
        'spec.volumeMode: Unsupported value: "x": supported values: "Block", "Filesystem"',
      ],
    ],
    [
      'two sources',
      { dataSource: source, dataSourceRef: { ...source, name: 'm' } },
      ['spec: Invalid value: {}: must match dataSourceRef'],
    ],
    [
      'a source of the core group',
      { dataSourceRef: { kind: 'Pod', name: 'p' } },
      [
        `spec.dataSource: Invalid value: "Pod": must be 'PersistentVolumeClaim' when referencing the default apiGroup`,
        `spec.dataSourceRef: Invalid value: "Pod": must be 'PersistentVolumeClaim' when referencing the default apiGroup`,
      ],
    ],
  ];
  for (const [what, spec, errors] of table) {
    test(what, () => assert.deepEqual(createErrors(path, claim(spec)).sort(), errors.sort()));
  }

  test('the older source takes claims and snapshots only', () => {
    const kept = (dataSource: object) => created(path, claim({ dataSource }))['spec'].dataSourceRef;
    assert.equal(kept({ apiGroup: 'a.b', kind: 'X', name: 'n' }), undefined);
    const other = { apiGroup: null, kind: 'PersistentVolumeClaim', name: 'n' };
    assert.deepEqual(kept({ kind: 'PersistentVolumeClaim', name: 'n' }), other);
    const snapshot = { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: 'n' };
    assert.deepEqual(kept(snapshot), snapshot);
    const foreign = { dataSourceRef: { kind: 'PersistentVolumeClaim', name: 'n', namespace: 'other' } };
    assert.equal(created(path, claim(foreign))['spec'].dataSourceRef, undefined);
  });
});

describe('updates', () => {
  const immutable =
    /^spec: Forbidden: spec is immutable after creation except resources\.requests and volumeAttributesClassName for bound claims\n@@/;
  const bound = (object: any) => {
    object.status = { phase: 'Bound', capacity: { storage: '1Gi' } };
  };
  const table: [
    what: string,
    body: any,
    stored: (claim: any) => void,
    change: (claim: any) => void,
    errors: RegExp[],
  ][] = [
    ['the volume, once', claim(), () => {}, ({ spec }) => (spec.volumeName = 'pv'), []],
    ['the volume, again', claim({ volumeName: 'pv' }), bound, ({ spec }) => (spec.volumeName = 'other'), [immutable]],
    ['growth of a bound one', claim(), bound, ({ spec }) => (spec.resources.requests.storage = '3Gi'), []],
    ['growth of another', claim(), () => {}, ({ spec }) => (spec.resources.requests.storage = '3Gi'), [immutable]],
    ['a limit of a bound one', claim(), bound, ({ spec }) => (spec.resources.limits = { storage: '3Gi' }), [immutable]],
    ['back towards the capacity', claim(), bound, ({ spec }) => (spec.resources.requests.storage = '1.5Gi'), []],
    [
      'back to the capacity',
      claim(),
      bound,
      ({ spec }) => (spec.resources.requests.storage = '1Gi'),
      [/^spec\.resources\.requests\.storage: Forbidden: field can not be less than status\.capacity$/],
    ],
    ['access modes', claim(), bound, ({ spec }) => (spec.accessModes = ['ReadOnlyMany']), [immutable]],
    ['a selector', claim(), bound, ({ spec }) => (spec.selector = { matchLabels: { a: 'b' } }), [immutable]],
    ['a class where there was none', claim(), () => {}, ({ spec }) => (spec.storageClassName = 'fast'), []],
    [
      'another class',
      claim({ storageClassName: 'slow' }),
      () => {},
      ({ spec }) => (spec.storageClassName = 'fast'),
      [immutable],
    ],
    [
      'the class of the annotation',
      claim({}, { annotations: { [STORAGE_CLASS]: 'fast' } }),
      () => {},
      ({ metadata, spec }) => {
        delete metadata.annotations;
        spec.storageClassName = 'fast';
      },
      [],
    ],
    [
      'another class than the annotation has',
      claim({}, { annotations: { [STORAGE_CLASS]: 'fast' } }),
      () => {},
      ({ spec }) => (spec.storageClassName = 'slow'),
      [immutable],
    ],
    [
      'the annotation',
      claim({}, { annotations: { [STORAGE_CLASS]: 'fast' } }),
      () => {},
      ({ metadata }) => (metadata.annotations[STORAGE_CLASS] = 'slow'),
      [
        /^metadata\.annotations\.volume\.beta\.kubernetes\.io\/storage-class: Invalid value: "slow": field is immutable$/,
      ],
    ],
    [
      'the mode',
      claim(),
      () => {},
      ({ spec }) => (spec.volumeMode = 'Block'),
      [immutable, /^volumeMode: Invalid value: "Block": field is immutable$/],
    ],
    ['attributes of a bound one', claim(), bound, ({ spec }) => (spec.volumeAttributesClassName = 'gold'), []],
    ['attributes of another', claim(), () => {}, ({ spec }) => (spec.volumeAttributesClassName = 'gold'), [immutable]],
    [
      'attributes that were applied, taken away',
      claim({ volumeAttributesClassName: 'gold' }),
      (object) => {
        object.status = { phase: 'Bound', currentVolumeAttributesClassName: 'gold' };
      },
      ({ spec }) => delete spec.volumeAttributesClassName,
      [
        /^spec\.volumeAttributesClassName: Forbidden: update to nil is forbidden when status\.currentVolumeAttributesClassName is not nil$/,
      ],
    ],
  ];
  for (const [what, body, stored, change, errors] of table) {
    test(what, () => {
      const found = updated(path, body, change, '', stored).errors;
      assert.equal(found.length, errors.length, found.join('\n'));
      for (const [i, error] of errors.entries()) assert.match(found[i]!, error);
    });
  }

  const statuses: [what: string, status: object, errors: string[]][] = [
    ['capacity', { capacity: { storage: '1Gi' } }, []],
    [
      'negative capacity',
      { capacity: { storage: '-1' } },
      ['status.capacity[storage]: Invalid value: -1: must be a valid resource quantity'],
    ],
    [
      'resize of something else',
      { allocatedResources: { cpu: '1' }, allocatedResourceStatuses: { storage: 'x' } },
      [
        'status.allocatedResourceStatuses: Unsupported value: "storage": supported values: "ControllerResizeInProgress", "ControllerResizeInfeasible", "NodeResizeInProgress", "NodeResizeInfeasible", "NodeResizePending"',
        'status.allocatedResources: Unsupported value: "cpu": supported values: "storage"',
      ],
    ],
  ];
  for (const [what, status, errors] of statuses) {
    test(`status: ${what}`, () => {
      const change = (object: any) => {
        object.status = status;
      };
      assert.deepEqual(updated(path, claim(), change, 'status').errors, errors);
    });
  }
});
