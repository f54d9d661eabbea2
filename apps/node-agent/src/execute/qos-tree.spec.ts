import assert from 'node:assert/strict';
import type { PodStatus } from '#kinds';
import { LEGACY, UNIFIED } from '../testing/memory-policies.js';
import { aContainer, aPod } from '../testing/pod-builders.js';
import { qosTree } from './qos-tree.js';

test('burstable pods weigh what they ask for, ended ones nothing', () => {
  const asking = (cpu: string, phase: PodStatus['phase']) =>
    aPod({ containers: [aContainer('a', { resources: { requests: { cpu } } })] }, { phase });
  const tree = qosTree([asking('500m', 'Running'), asking('250m', 'Pending'), asking('4', 'Succeeded'), aPod()], {
    cpus: 2,
    memoryCapacity: 1024,
    memoryPolicy: LEGACY,
    pageSizes: [],
  });
  assert.deepEqual(tree, [
    [{}, { cpuShares: 2048, memoryLimit: 1024 }],
    [{ qos: 'Burstable' }, { cpuShares: 768 }],
    [{ qos: 'BestEffort' }, { cpuShares: 2 }],
  ]);
});

test('with the unified hierarchy, memory that pods reserve is reserved above them; huge pages are bounded below only', () => {
  const asking = (memory: string, limits: object = {}) =>
    aPod({ containers: [aContainer('a', { resources: { requests: { memory, cpu: '1' }, limits } as never })] });
  const pods = [asking('1Ki'), asking('2Ki'), asking('4Ki', { memory: '4Ki', cpu: '1' }), aPod()];
  const node = { cpus: 1, memoryCapacity: 10_000, pageSizes: ['2MB'] };
  const memory = (reservation: 'None' | 'TieredReservation') =>
    qosTree(pods, { ...node, memoryPolicy: { ...UNIFIED, reservation } }).map(
      ([, { memoryMin, memoryLow, hugepages }]) => ({
        memoryMin,
        memoryLow,
        hugepages,
      }),
    );
  const hugepages = [{ pageSize: '2MB', limit: 2 ** 62 }];
  assert.deepEqual(memory('TieredReservation'), [
    { memoryMin: 7168, memoryLow: 3072, hugepages },
    { memoryMin: undefined, memoryLow: 3072, hugepages },
    { memoryMin: undefined, memoryLow: undefined, hugepages },
  ]);
  assert.deepEqual(
    memory('None').map(({ memoryMin, memoryLow }) => [memoryMin, memoryLow]),
    [
      [0, 0],
      [undefined, 0],
      [undefined, undefined],
    ],
  );
});
