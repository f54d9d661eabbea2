import assert from 'node:assert/strict';
import { LEGACY } from '../testing/memory-policies.js';
import { aContainer, aPod } from '../testing/pod-builders.js';
import { podTotal } from './qos-class.js';
import { containerResources, cpuQuota, cpuShares, oomScore, podCgroup, podLimits } from './resources.js';

const NODE = { podPidsLimit: 0, memoryPolicy: LEGACY, pageSizes: [] };
const GiB = 1024 ** 3;
const resources = (requests: object, limits?: object) => ({ resources: { requests, limits } as never });

test('shares and quota of CPU', () => {
  assert.deepEqual([0, 1, 100, 1000, 300_000].map(cpuShares), [2, 2, 102, 1024, 262_144]);
  assert.deepEqual(
    [0, 1, 500, 2000].map((milli) => cpuQuota(milli)),
    [0, 1000, 50_000, 200_000],
  );
});

test('the pod lies below its QoS class', () => {
  assert.deepEqual(podCgroup(aPod()), { qos: 'BestEffort', uid: 'uid-1' });
  const burstable = aPod({ containers: [aContainer('a', resources({ cpu: '1' }))] });
  assert.deepEqual(podCgroup(burstable), { qos: 'Burstable', uid: 'uid-1' });
  const all = { cpu: '1', memory: '1Gi' };
  assert.deepEqual(podCgroup(aPod({ containers: [aContainer('a', resources(all, all))] })), {
    qos: 'Guaranteed',
    uid: 'uid-1',
  });
});

test('a pod needs its containers and sidecars together, or its largest init container', () => {
  const pod = (init: string) =>
    aPod({
      initContainers: [
        aContainer('side', { restartPolicy: 'Always', ...resources({ cpu: '100m' }) }),
        aContainer('init', resources({ cpu: init })),
      ],
      containers: [aContainer('a', resources({ cpu: '200m' })), aContainer('b', resources({ cpu: '300m' }))],
    });
  assert.equal(podTotal(pod('50m'), 'requests', 'cpu'), 600);
  assert.equal(podTotal(pod('1'), 'requests', 'cpu'), 1100);
});

test('a limit counts for the pod only when every container has one', () => {
  const limited = aContainer('a', resources({ memory: '1Gi' }, { memory: '1Gi' }));
  assert.equal(podLimits(aPod({ containers: [limited] }), NODE).memoryLimit, GiB);
  assert.equal(podLimits(aPod({ containers: [limited, aContainer('b')] }), NODE).memoryLimit, -1);
  assert.deepEqual(podLimits(aPod(), NODE), { cpuShares: 2 });
});

test('who is killed first when memory is short', () => {
  const memory = (amount: string) => aContainer('a', resources({ memory: amount }));
  const score = (amount: string) => oomScore(aPod({ containers: [memory(amount)] }), memory(amount), 8 * GiB);
  assert.equal(oomScore(aPod(), aContainer('a'), 8 * GiB), 1000);
  assert.equal(score('4Gi'), 500);
  assert.equal(score('1Ki'), 999);
  assert.equal(score('8Gi'), 3);
});

test('no score below what this process may give', () => {
  const all = { cpu: '1', memory: '1Gi' };
  const container = aContainer('a', resources(all, all));
  const pod = aPod({ containers: [container] });
  const of = (minimumOomScore: number) =>
    containerResources(pod, container, {
      memoryCapacity: 8 * GiB,
      minimumOomScore,
      memoryPolicy: LEGACY,
    }).oomScoreAdj;
  assert.equal(of(-1000), -997);
  assert.equal(of(0), 0);
});

test('the pod may use the huge pages that it asks for, and none of other sizes', () => {
  const asking = aContainer('a', resources({ 'hugepages-2Mi': '4Mi' }, { 'hugepages-2Mi': '4Mi' }));
  const { hugepages } = podLimits(aPod({ containers: [asking, asking] }), { ...NODE, pageSizes: ['2MB', '1GB'] });
  assert.deepEqual(hugepages, [
    { pageSize: '2MB', limit: 8 << 20 },
    { pageSize: '1GB', limit: 0 },
  ]);
});
