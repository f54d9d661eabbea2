import assert from 'node:assert/strict';
import type { KubeObject } from '#apimachinery';
import { blockers } from './namespace-blockers.js';
import { deletionStatus } from './namespace-content.js';

const GONE = { deletionTimestamp: '2030-01-01T00:00:00Z' };
const object = (name: string, metadata: object = {}, more: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'X',
  metadata: { name, ...GONE, ...metadata },
  ...more,
});
const owning = (manager: string, finalizer: string) => ({
  manager,
  fieldsV1: { 'f:metadata': { 'f:finalizers': { '.': {}, [`v:"${finalizer}"`]: {} } } },
});

describe('what a namespace waits for', () => {
  const cases: [name: string, resource: string, of: KubeObject, expected: string][] = [
    [
      'an object with a finalizer, and who set it',
      'widgets.example.com',
      object('w', {
        finalizers: ['example.com/hold', 'other/one'],
        managedFields: [owning('operator', 'example.com/hold'), owning('kubectl', 'else')],
      }),
      'widgets.example.com/w (finalizer example.com/hold, set by operator, finalizer other/one)',
    ],
    [
      'a finalizer that two have set',
      'secrets.',
      object('s', { finalizers: ['a/b'], managedFields: [owning('one', 'a/b'), owning('two', 'a/b')] }),
      'secrets/s (finalizer a/b, set by one and two)',
    ],
    [
      'a pod that its node has not stopped',
      'pods.',
      object('p', {}, { spec: { nodeName: 'n' } }),
      'pods/p (node n has not stopped it)',
    ],
    [
      'an object that is new',
      'configmaps.',
      object('c', { deletionTimestamp: undefined }),
      'configmaps/c (not deleted yet)',
    ],
    ['anything else', 'configmaps.', object('c'), 'configmaps/c (being deleted)'],
  ];
  for (const [name, resource, of, expected] of cases) {
    it(name, () => assert.equal(blockers([{ resource, objects: [of] }]), `Deletion waits for ${expected}`));
  }

  it('names ten at most', () => {
    const objects = Array.from({ length: 13 }, (_, at) => object(`c${at}`));
    assert.match(
      blockers([{ resource: 'configmaps.', objects }])!,
      /^Deletion waits for configmaps\/c0 .*; and 3 more$/,
    );
  });

  it('is nothing when nothing is left', () => {
    assert.equal(blockers([{ resource: 'configmaps.', objects: [] }]), undefined);
  });

  it('is a condition of the namespace, which ends with it', () => {
    const remaining = [{ resource: 'configmaps.', objects: [object('c')] }];
    const blocked = deletionStatus({}, { remaining, errors: [] }, 't');
    const find = (status: typeof blocked) => status.conditions!.find(({ type }) => type === 'NamespaceDeletionBlocked');
    assert.deepEqual(find(blocked), {
      type: 'NamespaceDeletionBlocked',
      status: 'True',
      reason: 'ObjectsRemain',
      message: 'Deletion waits for configmaps/c (being deleted)',
      lastTransitionTime: 't',
    });
    assert.equal(find(deletionStatus(blocked, { remaining: [], errors: [] }, 'u'))!.status, 'False');
  });
});
