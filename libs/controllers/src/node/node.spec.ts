import assert from 'node:assert/strict';
import { type Taint, toleratedTime } from '#kinds';
import { buildNode, buildPod } from '#testing';
import { CidrPool } from './cidr-pool.js';
import { observeHeartbeat, silentConditions, wantedTaints } from './node-health.js';
import { poolsFor } from './node-ipam.reconciler.js';
import { excessFinished, onOutOfServiceNodes, unscheduledTerminating } from './pod-gc.js';
import { ZoneCensus } from './zone-census.js';

const STAMP = '2030-01-01T00:00:00Z';
const keys = (taints: readonly Taint[]) => taints.map(({ key, effect }) => `${key.split('/').pop()}:${effect}`);

describe('observeHeartbeat', () => {
  it('takes a renewed Lease or a new report for a sign of life', () => {
    const node = buildNode({ ready: 'True' });
    const first = observeHeartbeat(undefined, node, 'a', 1000);
    assert.equal(observeHeartbeat(first, node, 'a', 2000).seenAt, 1000);
    assert.equal(observeHeartbeat(first, node, 'b', 3000).seenAt, 3000);
  });

  it('counts from its creation for a node that never reported', () => {
    assert.equal(observeHeartbeat(undefined, buildNode(), undefined, 1000).seenAt, Date.parse('2029-12-31T00:00:00Z'));
  });
});

describe('silentConditions', () => {
  it('makes what was known unknown, once', () => {
    const conditions = silentConditions(buildNode({ ready: 'True' }), STAMP);
    assert.deepEqual(
      conditions.map(({ type, status, reason }) => [type, status, reason]),
      [
        ['Ready', 'Unknown', 'NodeStatusUnknown'],
        ['MemoryPressure', 'Unknown', 'NodeStatusNeverUpdated'],
        ['DiskPressure', 'Unknown', 'NodeStatusNeverUpdated'],
        ['PIDPressure', 'Unknown', 'NodeStatusNeverUpdated'],
      ],
    );
    const node = buildNode();
    node.status!.conditions = conditions;
    assert.equal(silentConditions(node, STAMP), conditions);
  });
});

describe('wantedTaints', () => {
  const own: Taint = { key: 'example.com/own', effect: 'NoSchedule' };
  const cases: [name: string, node: Parameters<typeof buildNode>[0], evict: boolean, expected: string[]][] = [
    ['a ready node has none of ours', { ready: 'True', taints: [own] }, false, ['own:NoSchedule']],
    ['an unready one keeps new pods away', { ready: 'False' }, false, ['not-ready:NoSchedule']],
    ['and drives old ones out', { ready: 'False' }, true, ['not-ready:NoSchedule', 'not-ready:NoExecute']],
    ['a silent one is unreachable', { ready: 'Unknown' }, true, ['unreachable:NoSchedule', 'unreachable:NoExecute']],
  ];
  for (const [name, traits, evict, expected] of cases) {
    it(name, () => assert.deepEqual(keys(wantedTaints(buildNode(traits), evict, STAMP)), expected));
  }

  it('turns not-ready into unreachable, and keeps the time of what stays', () => {
    const old = '2029-01-01T00:00:00Z';
    const taints: Taint[] = [{ key: 'node.kubernetes.io/not-ready', effect: 'NoExecute', timeAdded: old }];
    assert.deepEqual(keys(wantedTaints(buildNode({ ready: 'Unknown', taints }), true, STAMP)), [
      'unreachable:NoSchedule',
      'unreachable:NoExecute',
    ]);
    const [, kept] = wantedTaints(buildNode({ ready: 'False', taints }), true, STAMP);
    assert.equal(kept?.timeAdded, old);
  });

  it('marks cordoned nodes', () => {
    const node = buildNode({ ready: 'True' });
    node.spec = { unschedulable: true };
    assert.deepEqual(keys(wantedTaints(node, false, STAMP)), ['unschedulable:NoSchedule']);
  });
});

describe('a census of zones', () => {
  const zone = (name: string, ready: number, unready: number) => [
    ...Array.from({ length: ready }, (_, i) => buildNode({ name: `${name}-r${i}`, zone: name, ready: 'True' })),
    ...Array.from({ length: unready }, (_, i) => buildNode({ name: `${name}-u${i}`, zone: name, ready: 'Unknown' })),
  ];
  const censusOf = (nodes: ReturnType<typeof zone>) => {
    const census = new ZoneCensus();
    for (const node of nodes) census.record(undefined, node);
    return census;
  };
  const rate = (nodes: ReturnType<typeof zone>, name: string) => censusOf(nodes).rateOf(`/${name}`);

  it('evicts in a healthy zone, not where most nodes are silent, nor when none is ready', () => {
    assert.equal(rate(zone('a', 3, 1), 'a'), 0.1);
    assert.equal(rate(zone('a', 2, 3), 'a'), 0);
    assert.equal(rate(zone('a', 20, 40), 'a'), 0.01);
    assert.equal(rate(zone('a', 0, 1), 'a'), 0);
    assert.equal(rate([...zone('a', 0, 2), ...zone('b', 2, 0)], 'a'), 0.1);
  });

  it('names the nodes that are not ready when a rate changes, and none otherwise', () => {
    const census = censusOf(zone('a', 3, 2));
    const silent = (name: string) => buildNode({ name, zone: 'a', ready: 'Unknown' });
    const live = (name: string) => buildNode({ name, zone: 'a', ready: 'True' });
    assert.deepEqual([...census.record(live('a-r0'), live('a-r0'))], []);
    assert.deepEqual([...census.record(live('a-r0'), silent('a-r0'))], ['a-u0', 'a-u1', 'a-r0']);
    assert.equal(census.rateOf('/a'), 0);
    assert.deepEqual([...census.record(silent('a-u0'), undefined)], ['a-u1', 'a-r0']);
    assert.equal(census.rateOf('/a'), 0.1);
    assert.deepEqual([...census.record(silent('a-u1'), live('a-u1'))], []);
  });
});

describe('toleratedTime', () => {
  const taint: Taint = { key: 'k', value: 'v', effect: 'NoExecute' };
  const time = (tolerations: object[], taints: Taint[] = [taint]) =>
    toleratedTime(buildPod({ spec: { tolerations: tolerations as any } }), taints);
  const cases: [name: string, tolerations: object[], expected: number][] = [
    ['no toleration: none', [], 0],
    ['another effect: none', [{ key: 'k', operator: 'Exists', effect: 'NoSchedule' }], 0],
    ['the same value: for ever', [{ key: 'k', value: 'v' }], Number.POSITIVE_INFINITY],
    ['another value: none', [{ key: 'k', value: 'w' }], 0],
    ['any key: for ever', [{ operator: 'Exists' }], Number.POSITIVE_INFINITY],
    ['seconds: so long', [{ key: 'k', operator: 'Exists', tolerationSeconds: 300 }], 300_000],
    ['a negative time: none', [{ key: 'k', operator: 'Exists', tolerationSeconds: -1 }], 0],
  ];
  for (const [name, tolerations, expected] of cases) {
    it(name, () => assert.equal(time(tolerations), expected));
  }

  it('is the shortest of several', () => {
    const tolerations = [
      { key: 'k', operator: 'Exists', tolerationSeconds: 300 },
      { key: 'l', operator: 'Exists', tolerationSeconds: 10 },
    ];
    assert.equal(time(tolerations, [taint, { key: 'l', effect: 'NoExecute' }]), 10_000);
  });
});

describe('CidrPool', () => {
  it('gives out slices in turn and takes them back', () => {
    const pool = new CidrPool('10.244.0.0/22', 24);
    assert.deepEqual([pool.allocate(), pool.allocate()], ['10.244.0.0/24', '10.244.1.0/24']);
    pool.occupy('10.244.2.0/24');
    assert.equal(pool.allocate(), '10.244.3.0/24');
    assert.equal(pool.allocate(), undefined);
    pool.release('10.244.1.0/24');
    assert.equal(pool.allocate(), '10.244.1.0/24');
  });

  it('counts in IPv6 too', () => {
    const pool = new CidrPool('fd00:10::/56', 64);
    assert.deepEqual([pool.allocate(), pool.allocate()], ['fd00:10::/64', 'fd00:10:0:1::/64']);
  });

  it('leaves out what Services use, and refuses a mask that does not fit', () => {
    const [pool] = poolsFor('10.0.0.0/8', 16, '10.0.0.0/15');
    assert.equal(pool?.allocate(), '10.2.0.0/16');
    assert.throws(() => new CidrPool('10.0.0.0/24', 16), /does not fit/);
    assert.equal(poolsFor('', undefined, '').length, 0);
  });
});

describe('pod garbage', () => {
  it('is finished pods beyond the threshold, the oldest first', () => {
    const pods = ['2029-03', '2029-01', '2029-02'].map((month) =>
      buildPod({ name: month, phase: 'Succeeded', created: `${month}-01T00:00:00Z` }),
    );
    pods.push(buildPod({ name: 'runs' }));
    assert.deepEqual(
      excessFinished(pods, 1).map((pod) => pod.metadata.name),
      ['2029-01', '2029-02'],
    );
    assert.deepEqual(excessFinished(pods, 3), []);
  });

  it('is pods that ended before they had a node, or on a node out of service', () => {
    const pods = [
      buildPod({ name: 'a', deleted: STAMP }),
      buildPod({ name: 'b', deleted: STAMP, node: 'dead' }),
      buildPod({ name: 'c', node: 'dead' }),
    ];
    const taints: Taint[] = [{ key: 'node.kubernetes.io/out-of-service', effect: 'NoExecute' }];
    assert.deepEqual(
      unscheduledTerminating(pods).map((pod) => pod.metadata.name),
      ['a'],
    );
    const dead = buildNode({ name: 'dead', ready: 'Unknown', taints });
    assert.deepEqual(
      onOutOfServiceNodes(pods, [dead]).map((pod) => pod.metadata.name),
      ['b'],
    );
  });
});
