import assert from 'node:assert/strict';
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod, StorageClass } from '#kinds';
import { Reason, volumeRules, volumesOn } from './node-volumes.js';
import { podClaims } from './pod-claims.js';

const ON_A = {
  required: {
    nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['a'] }] }],
  },
};

const node = (name: string, labels: object = {}): Node =>
  ({ metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } } }) as unknown as Node;
const [A, B] = [node('a'), node('b')];

function claim(name: string, size = '1Gi', more: { spec?: object; annotations?: object } = {}): PersistentVolumeClaim {
  return {
    metadata: { name, namespace: 'ns', uid: `uid-${name}`, annotations: more.annotations },
    spec: {
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: size } },
      storageClassName: 'late',
      ...more.spec,
    },
    status: { phase: 'Pending' },
  } as unknown as PersistentVolumeClaim;
}

const bound = (volumeName: string) =>
  claim('data', '1Gi', { spec: { volumeName }, annotations: { 'pv.kubernetes.io/bind-completed': 'yes' } });

function volume(name: string, size = '1Gi', spec: object = {}, labels?: object): PersistentVolume {
  return {
    metadata: { name, labels },
    spec: { accessModes: ['ReadWriteOnce'], capacity: { storage: size }, storageClassName: 'late', ...spec },
    status: { phase: 'Available' },
  } as unknown as PersistentVolume;
}

function lookup(volumes: PersistentVolume[], storageClass: Partial<StorageClass> = {}) {
  const late = { provisioner: 'kubernetes.io/no-provisioner', volumeBindingMode: 'WaitForFirstConsumer' };
  return {
    volume: (name: string) => volumes.find(({ metadata }) => metadata.name === name),
    volumesOfClass: () => volumes,
    storageClass: () => ({ ...late, ...storageClass }) as StorageClass,
  };
}

const made = { provisioner: 'example.com/disk' };

function on(
  where: Node,
  claims: { bound?: PersistentVolumeClaim[]; delayed?: PersistentVolumeClaim[] },
  look: ReturnType<typeof lookup>,
) {
  const found = volumesOn(where, { bound: [], delayed: [], ...claims }, look);
  if (typeof found === 'number') return found;
  return [
    ...found.volumes.map((pv) => `${pv.metadata.name} to ${pv.spec.claimRef?.name}`),
    ...found.provisioned.map(
      ({ metadata }) => `${metadata.name} on ${metadata.annotations?.['volume.kubernetes.io/selected-node']}`,
    ),
  ];
}

describe('A node gives a bound claim its volume', () => {
  const zoned = volume('v', '1Gi', {}, { 'topology.kubernetes.io/zone': 'x' });
  const manyZones = volume('v', '1Gi', {}, { 'failure-domain.beta.kubernetes.io/zone': 'x__y' });
  const inZone = (zone: string) => node('a', { 'topology.kubernetes.io/zone': zone });
  for (const [what, where, volumes, expected] of [
    ['that is anywhere', B, [volume('v')], []],
    ['that is there', A, [volume('v', '1Gi', { nodeAffinity: ON_A })], []],
    ['not when it is elsewhere', B, [volume('v', '1Gi', { nodeAffinity: ON_A })], Reason.Elsewhere],
    ['not when there is none', A, [], Reason.NoSuchVolume],
    ['in its zone', inZone('x'), [zoned], []],
    ['not in another zone', inZone('y'), [zoned], Reason.OtherZone],
    ['in one of its zones', inZone('y'), [manyZones], []],
    ['when the node is in no zone', A, [zoned], []],
  ] as const) {
    it(what, () => assert.deepEqual(on(where, { bound: [bound('v')] }, lookup([...volumes])), expected));
  }
});

describe('A node gives a claim that waited for it', () => {
  const here = volume('here', '1Gi', { nodeAffinity: ON_A });
  it('the smallest volume that is large enough and there', () => {
    const look = lookup([volume('big', '5Gi'), here, volume('tiny', '1Mi')]);
    assert.deepEqual(on(A, { delayed: [claim('data')] }, look), ['here to data']);
    assert.deepEqual(on(B, { delayed: [claim('data')] }, look), ['big to data']);
  });

  it('none when all are elsewhere and nobody makes one', () => {
    assert.equal(on(B, { delayed: [claim('data')] }, lookup([here])), Reason.NoVolume);
  });

  it('a volume of its own for each claim, the smallest first', () => {
    const look = lookup([volume('two', '2Gi'), volume('one', '1Gi')]);
    const delayed = [claim('large', '2Gi'), claim('small', '1Gi')];
    assert.deepEqual(on(A, { delayed }, look), ['one to small', 'two to large']);
    assert.equal(on(A, { delayed: [...delayed, claim('third')] }, look), Reason.NoVolume);
  });

  it('one that will be made there, if none is free', () => {
    const look = lookup([here], made);
    assert.deepEqual(on(A, { delayed: [claim('data')] }, look), ['here to data']);
    assert.deepEqual(on(B, { delayed: [claim('data')] }, look), ['data on b']);
  });

  it('nothing when another node was chosen for it', () => {
    const chosen = claim('data', '1Gi', { annotations: { 'volume.kubernetes.io/selected-node': 'a' } });
    assert.deepEqual(on(A, { delayed: [chosen] }, lookup([], made)), ['data on a']);
    assert.equal(on(B, { delayed: [chosen] }, lookup([], made)), Reason.NoVolume);
  });

  it('nothing where the class makes none', () => {
    const allowedTopologies = [{ matchLabelExpressions: [{ key: 'kubernetes.io/hostname', values: ['a'] }] }];
    const look = lookup([], { ...made, allowedTopologies });
    assert.deepEqual(on(A, { delayed: [claim('data')] }, look), ['data on a']);
    assert.equal(on(B, { delayed: [claim('data')] }, look), Reason.NoVolume);
  });
});

describe('The claims of a pod', () => {
  const pod = (volumes: object[]) => ({ metadata: { name: 'p', namespace: 'ns', uid: 'u' }, spec: { volumes } }) as Pod;
  const uses = pod([{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }]);
  const look = (found?: PersistentVolumeClaim, mode = 'Immediate') => ({
    claim: () => found,
    storageClass: () => ({ volumeBindingMode: mode }) as StorageClass,
  });
  const lost = { ...bound('v'), status: { phase: 'Lost' as const } };
  const leaving = { ...bound('v'), metadata: { ...bound('v').metadata, deletionTimestamp: 'now' } };
  for (const [what, subject, found, expected] of [
    ['are missing', uses, look(), 'persistentvolumeclaim "data" not found'],
    [
      'are still to be made',
      pod([{ name: 'v', ephemeral: {} }]),
      look(),
      'waiting for ephemeral volume controller to create the persistentvolumeclaim "p-v"',
    ],
    [
      "are somebody else's",
      pod([{ name: 'v', ephemeral: {} }]),
      look(bound('v')),
      'PVC ns/data was not created for pod ns/p (pod is not owner)',
    ],
    ['are lost', uses, look(lost), 'persistentvolumeclaim "data" bound to non-existent persistentvolume "v"'],
    ['are on their way out', uses, look(leaving), 'persistentvolumeclaim "data" is being deleted'],
    ['are not bound', uses, look(claim('data')), 'pod has unbound immediate PersistentVolumeClaims'],
  ] as const) {
    it(`keep it from every node when they ${what}`, () => assert.equal(podClaims(subject, found), expected));
  }

  it('are bound, or wait for the node', () => {
    assert.deepEqual(podClaims(uses, look(bound('v'))), { bound: [bound('v')], delayed: [] });
    const waits = claim('data');
    assert.deepEqual(podClaims(uses, look(waits, 'WaitForFirstConsumer')), { bound: [], delayed: [waits] });
  });
});

describe('The rules of a pod', () => {
  it('name the nodes that differ from most', () => {
    const rules = (reasons: Record<string, number>) => volumeRules(new Map(Object.entries(reasons)));
    assert.equal(rules({ a: 0, b: 0 }), undefined);
    assert.equal(rules({}), undefined);
    assert.equal(rules({ a: 0, b: 2, c: 2 }), '{"nodes":{"a":0},"others":2}');
    assert.equal(rules({ a: 0, b: 1, c: 0 }), '{"nodes":{"b":1},"others":0}');
    assert.equal(volumeRules(new Map([['a', 16]]), [7, 3, 7]), '{"nodes":{},"others":16,"users":[3,7]}');
  });
});
