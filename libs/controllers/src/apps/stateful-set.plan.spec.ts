import assert from 'node:assert/strict';
import type { OwnerReference } from '#apimachinery';
import type { PersistentVolumeClaim, Pod, StatefulSet } from '#kinds';
import { buildPod } from '#testing';
import { ownersFor } from './stateful-set.claims.js';
import { planStatefulSet, type StatefulWorld, statefulStatus } from './stateful-set.plan.js';

const NOW = Date.parse('2030-01-01T00:00:00Z');
const set = {
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { name: 'db', namespace: 'default', uid: 'set', generation: 2 },
  spec: { serviceName: 'db', replicas: 3, selector: { matchLabels: { app: 'db' } }, template: { spec: {} } },
} as unknown as StatefulSet;

const withSpec = (state: StatefulWorld, spec: object): StatefulWorld => ({
  ...state,
  set: { ...state.set, spec: { ...state.set.spec, ...spec } },
});
const parallel = (spec: object = {}) => ({ podManagementPolicy: 'Parallel', ...spec });
const most = (maxUnavailable: number | string) => ({
  updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0, maxUnavailable } },
});

/** The set with pods of these revisions by ordinal; undefined: no such pod. All are ready unless `unready` names them. */
function world(revisions: (string | undefined)[], unready: number[] = []): StatefulWorld {
  const pods = new Map<number, Pod>();
  revisions.forEach((revision, ordinal) => {
    if (revision === undefined) return;
    const readySince = unready.includes(ordinal) ? undefined : '2029-12-31T00:00:00Z';
    const labels = {
      'controller-revision-hash': revision,
      'statefulset.kubernetes.io/pod-name': `db-${ordinal}`,
    };
    pods.set(ordinal, buildPod({ name: `db-${ordinal}`, labels, readySince }));
  });
  return { set, pods, claimOf: () => undefined, current: 'old', update: 'new', now: NOW };
}

describe('the revision of a StatefulSet', () => {
  const cases: [string, StatefulWorld, string][] = [
    ['stays while a pod has the old one', world(['old', 'new', 'new']), 'old'],
    ['stays while a pod is missing, though all others have the new one', world([undefined, 'new', 'new']), 'old'],
    ['stays while an updated pod is not ready', world(['new', 'new', 'new'], [0]), 'old'],
    ['is the new one once all pods have it and are ready', world(['new', 'new', 'new']), 'new'],
  ];
  for (const [name, state, expected] of cases) {
    it(name, () => {
      const status = statefulStatus(state);
      assert.equal(status.currentRevision, expected);
      assert.equal(status.updateRevision, 'new');
    });
  }
});

describe('the next step of a StatefulSet', () => {
  const step = (state: StatefulWorld) => {
    const { create, remove } = planStatefulSet(state);
    return [create.map(({ ordinal, revision }) => `${ordinal} ${revision}`), remove.map((pod) => pod.metadata.name)];
  };

  it('makes what is missing at the new revision, before anything else', () => {
    assert.deepEqual(step(world([undefined, 'old', 'old'])), [['0 new'], []]);
  });

  it('makes no more pods than it can at once, however many are wanted', () => {
    const { create } = planStatefulSet(withSpec(world([]), parallel({ replicas: 2 ** 31 - 1 })));
    assert.equal(create.length, 500);
  });

  it('replaces the last old pod when all are well', () => {
    assert.deepEqual(step(world(['old', 'old', 'new'])), [[], ['db-1']]);
  });

  it('waits for an updated pod to be ready', () => {
    assert.deepEqual(step(world(['old', 'old', 'new'], [2])), [[], []]);
  });

  const rows: [behaviour: string, state: StatefulWorld, create: string[], remove: string[]][] = [
    ['shrinks from the end', withSpec(world(['new', 'new', 'new']), { replicas: 1 }), [], ['db-2']],
    [
      'keeps a pod that is ready while one before it is not',
      withSpec(world(['new', 'new', 'new'], [1]), { replicas: 1 }),
      [],
      ['db-2'],
    ],
    [
      'keeps unready pods while one before them is unready',
      withSpec(world(['new', 'new', 'new'], [0, 1, 2]), { replicas: 0 }),
      [],
      [],
    ],
    ['deletes the only unready pod', withSpec(world(['new', 'new', 'new'], [2]), { replicas: 0 }), [], ['db-2']],
    [
      'does not shrink while a pod that stays is unready',
      withSpec(world(['new', 'new', 'new'], [0]), { replicas: 2 }),
      [],
      [],
    ],
    [
      'shrinks at once in parallel',
      withSpec(world(['new', 'new', 'new'], [0, 1, 2]), parallel({ replicas: 0 })),
      [],
      ['db-2', 'db-1', 'db-0'],
    ],
    ['makes all at once in parallel', withSpec(world([]), parallel()), ['0 new', '1 new', '2 new'], []],
    ['updates as many as may be unavailable', withSpec(world(['old', 'old', 'old']), most(2)), [], ['db-2', 'db-1']],
    [
      'takes a share of the pods, rounded down',
      withSpec(world(['old', 'old', 'old']), most('99%')),
      [],
      ['db-2', 'db-1'],
    ],
    ['takes one of a small share', withSpec(world(['old', 'old', 'old']), most('1%')), [], ['db-2']],
    [
      'updates unavailable pods first in parallel',
      withSpec(world(['old', 'old', 'old'], [0]), parallel(most(2))),
      [],
      ['db-0', 'db-2'],
    ],
    [
      'updates unavailable pods in parallel though too many are',
      withSpec(world(['old', 'old', 'old'], [0, 1]), parallel(most(1))),
      [],
      ['db-1', 'db-0'],
    ],
    [
      'leaves pods below the partition',
      withSpec(world(['old', 'old', 'old']), { updateStrategy: { rollingUpdate: { partition: 3 } } }),
      [],
      [],
    ],
    [
      'updates none on its own when that is left to deletions',
      withSpec(world(['old', 'old', 'old']), { updateStrategy: { type: 'OnDelete' } }),
      [],
      [],
    ],
    [
      'counts from its first ordinal',
      withSpec(world([]), parallel({ replicas: 2, ordinals: { start: 5 } })),
      ['5 new', '6 new'],
      [],
    ],
  ];
  for (const [behaviour, state, create, remove] of rows) {
    it(behaviour, () => assert.deepEqual(step(state), [create, remove]));
  }

  it('replaces a pod that has ended', () => {
    const state = world(['new', 'new', 'new']);
    const pods = new Map(state.pods).set(1, buildPod({ name: 'db-1', phase: 'Failed' }));
    assert.deepEqual(step({ ...state, pods }), [[], ['db-1']]);
  });

  it('repairs a pod that has lost its name', () => {
    const state = world(['new', 'new', 'new']);
    const pod = buildPod({
      name: 'db-1',
      readySince: '2029-12-31T00:00:00Z',
      labels: { 'controller-revision-hash': 'new' },
    });
    assert.deepEqual(planStatefulSet({ ...state, pods: new Map(state.pods).set(1, pod) }).repair, [pod]);
  });

  it('makes claims of pods that wait', () => {
    const state = world(['new', 'new', 'new']);
    const pod = buildPod({ name: 'db-0', phase: 'Pending' });
    assert.deepEqual(planStatefulSet({ ...state, pods: new Map(state.pods).set(0, pod) }).claims, [pod]);
  });

  it('waits for claims to go that belong to the former pod', () => {
    const claim = claimOwnedBy([{ apiVersion: 'v1', kind: 'Pod', name: 'db-0', uid: 'former' }]);
    const state = withSpec({ ...world([]), claimOf: () => claim }, keep('Delete', 'Retain'));
    assert.deepEqual(step(state), [[], []]);
  });
});

const keep = (whenScaled: string, whenDeleted: string) => ({
  volumeClaimTemplates: [{ metadata: { name: 'data' } }],
  persistentVolumeClaimRetentionPolicy: { whenScaled, whenDeleted },
});
const claimOwnedBy = (ownerReferences: OwnerReference[]): PersistentVolumeClaim =>
  ({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'data-db-0', ownerReferences } }) as any;

describe('the owners of a claim', () => {
  const pod = (ordinal: number) => buildPod({ name: `db-${ordinal}`, uid: 'pod' });
  const ofSet = { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'db', uid: 'set', controller: true };
  const ofPod = (ordinal: number) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    name: `db-${ordinal}`,
    uid: 'pod',
    controller: true,
  });
  const foreign = { apiVersion: 'v1', kind: 'Thing', name: 'x', uid: 'x' };
  const rows: [
    behaviour: string,
    scaled: string,
    deleted: string,
    ordinal: number,
    had: OwnerReference[],
    kinds: string[] | undefined,
  ][] = [
    ['are none by default', 'Retain', 'Retain', 0, [], undefined],
    ['are taken away', 'Retain', 'Retain', 0, [ofSet, foreign], ['Thing']],
    ['are the set, to go with it', 'Retain', 'Delete', 0, [foreign], ['Thing', 'StatefulSet']],
    ['stay the set', 'Retain', 'Delete', 0, [ofSet], undefined],
    [
      'become the controller that they were not',
      'Retain',
      'Delete',
      0,
      [{ ...ofSet, controller: false }],
      ['StatefulSet'],
    ],
    ['are none while the pod is wanted', 'Delete', 'Retain', 0, [], undefined],
    ['are the pod, once it is beyond the range', 'Delete', 'Retain', 3, [], ['Pod']],
    ['are the pod in place of the set', 'Delete', 'Delete', 3, [ofSet], ['Pod']],
    ['are the set in place of the pod', 'Delete', 'Delete', 0, [ofPod(0)], ['StatefulSet']],
    [
      'are left alone when another set of this name had it',
      'Delete',
      'Delete',
      0,
      [{ ...ofSet, uid: 'former' }],
      undefined,
    ],
    ['are not added to another controller', 'Delete', 'Delete', 0, [{ ...foreign, controller: true }], undefined],
    ['leave it to another controller', 'Delete', 'Delete', 0, [{ ...foreign, controller: true }, ofSet], ['Thing']],
  ];
  for (const [behaviour, scaled, deleted, ordinal, had, kinds] of rows) {
    it(behaviour, () => {
      const owner = withSpec(world([]), keep(scaled, deleted)).set;
      const owners = ownersFor(claimOwnedBy(had), owner, pod(ordinal));
      assert.deepEqual(
        owners?.map(({ kind }) => kind),
        kinds,
      );
    });
  }
});
