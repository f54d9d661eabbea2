import assert from 'node:assert/strict';
import type { PodStatus } from '#kinds';
import { aContainer, aPod } from '../testing/pod-builders.js';
import { qosTree } from './qos-tree.js';

test('burstable pods weigh what they ask for, ended ones nothing', () => {
  const asking = (cpu: string, phase: PodStatus['phase']) =>
    aPod({ containers: [aContainer('a', { resources: { requests: { cpu } } })] }, { phase });
  const tree = qosTree([asking('500m', 'Running'), asking('250m', 'Pending'), asking('4', 'Succeeded'), aPod()], {
    cpus: 2,
    memoryCapacity: 1024,
  });
  assert.deepEqual(tree, [
    [{}, { cpuShares: 2048, memoryLimit: 1024 }],
    [{ qos: 'Burstable' }, { cpuShares: 768 }],
    [{ qos: 'BestEffort' }, { cpuShares: 2 }],
  ]);
});
