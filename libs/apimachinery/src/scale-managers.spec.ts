import assert from 'node:assert/strict';
import { groupOf } from './gvk.js';
import type { ManagedFieldsEntry } from './meta.js';
import { parentManagers, type ReplicasPaths, replicasOfGroup, scaleManagers } from './scale-managers.js';

type Fields = Record<string, object>;

const REPLICAS = { 'f:spec': { 'f:replicas': {} } };
const SELECTOR = { 'f:spec': { 'f:selector': {} } };
const BOTH = { 'f:spec': { 'f:replicas': {}, 'f:selector': {} } };

/** `Apply test apps/v1 scale` and the fields. */
function entry(text: string, fieldsV1: Fields, time?: string): ManagedFieldsEntry {
  const [operation, manager, apiVersion, subresource] = text.split(' ');
  return {
    manager: manager!,
    operation: operation as 'Apply' | 'Update',
    apiVersion: apiVersion!,
    fieldsType: 'FieldsV1',
    fieldsV1: fieldsV1 as never,
    ...(time ? { time } : undefined),
    ...(subresource ? { subresource } : undefined),
  };
}

describe('the managers of a Scale', () => {
  test('are those of spec.replicas, in versions of the object', () => {
    const parent = [
      entry('Apply a apps/v1', BOTH, 't1'),
      entry('Update b apps/v1', SELECTOR),
      entry('Update c apps/v1beta1 scale', REPLICAS),
      entry('Update d other/v1', REPLICAS),
    ];
    assert.deepEqual(scaleManagers(parent, replicasOfGroup('apps')), [
      entry('Apply a autoscaling/v1', REPLICAS, 't1'),
      entry('Update c autoscaling/v1 scale', REPLICAS),
    ]);
  });
});

describe('the managers of the object, after its Scale was written', () => {
  const cases: [
    what: string,
    parent: ManagedFieldsEntry[],
    scale: ManagedFieldsEntry[],
    expected: ManagedFieldsEntry[],
  ][] = [
    [
      'an update takes the field from an applier, who keeps the rest',
      [entry('Apply test apps/v1', BOTH)],
      [entry('Update scale autoscaling/v1 scale', REPLICAS)],
      [entry('Apply test apps/v1', SELECTOR), entry('Update scale apps/v1 scale', REPLICAS)],
    ],
    [
      'who has nothing else has nothing any more',
      [entry('Apply test apps/v1', REPLICAS)],
      [entry('Apply scale autoscaling/v1 scale', REPLICAS)],
      [entry('Apply scale apps/v1 scale', REPLICAS)],
    ],
    [
      'a manager of the object and the same one of the Scale are two',
      [entry('Apply test apps/v1', BOTH)],
      [entry('Apply test autoscaling/v1', REPLICAS), entry('Apply test autoscaling/v1 scale', REPLICAS)],
      [entry('Apply test apps/v1', BOTH), entry('Apply test apps/v1 scale', REPLICAS)],
    ],
    [
      'who scales again keeps the entry, with the new time',
      [entry('Update scale apps/v1 scale', REPLICAS, 't1')],
      [entry('Update scale autoscaling/v1 scale', REPLICAS, 't2')],
      [entry('Update scale apps/v1 scale', REPLICAS, 't2')],
    ],
    [
      'other fields of the Scale are nobody’s',
      [entry('Apply test apps/v1', SELECTOR)],
      [entry('Update scale autoscaling/v1 scale', { 'f:status': { 'f:replicas': {} } })],
      [entry('Apply test apps/v1', SELECTOR)],
    ],
    [
      'an entry of a version that the object does not have goes',
      [entry('Apply test apps/v1', SELECTOR), entry('Apply other strange/v1', SELECTOR)],
      [],
      [entry('Apply test apps/v1', SELECTOR)],
    ],
    [
      'the core group has none in its version',
      [entry('Apply test v1', BOTH)],
      [entry('Update scale autoscaling/v1 scale', REPLICAS)],
      [entry('Apply test v1', SELECTOR), entry('Update scale v1 scale', REPLICAS)],
    ],
  ];
  for (const [what, parent, scale, expected] of cases) {
    test(what, () => {
      const version = parent[0]!.apiVersion;
      assert.deepEqual(parentManagers(parent, scale, version, replicasOfGroup(groupOf(version))), expected);
    });
  }

  test('are the same list when nothing changed', () => {
    const parent = [entry('Apply test apps/v1', BOTH, 't1'), entry('Update b apps/v1', SELECTOR)];
    assert.equal(
      parentManagers(parent, scaleManagers(parent, replicasOfGroup('apps')), 'apps/v1', replicasOfGroup('apps')),
      parent,
    );
  });

  test('own the field wherever their version has it', () => {
    const paths: ReplicasPaths = (apiVersion) =>
      ({
        'example.com/v1': ['spec', 'size', 'wanted'],
        'example.com/v2': ['spec', 'replicas'],
        'example.com/v3': null,
      })[apiVersion];
    const SIZE = { 'f:spec': { 'f:size': { 'f:wanted': {} } } };
    const parent = [
      entry('Apply a example.com/v1', SIZE),
      entry('Update b example.com/v2', REPLICAS),
      entry('Update c example.com/v3', REPLICAS),
      entry('Update d example.com/v4', REPLICAS),
    ];
    assert.deepEqual(scaleManagers(parent, paths), [
      entry('Apply a autoscaling/v1', REPLICAS),
      entry('Update b autoscaling/v1', REPLICAS),
    ]);
    const taken = [entry('Update scale autoscaling/v1 scale', REPLICAS)];
    assert.deepEqual(parentManagers(parent, taken, 'example.com/v1', paths), [
      entry('Update c example.com/v3', REPLICAS),
      entry('Update scale example.com/v1 scale', SIZE),
    ]);
  });
});
