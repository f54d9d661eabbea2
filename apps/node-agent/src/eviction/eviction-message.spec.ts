import assert from 'node:assert/strict';
import { parseThresholds } from '#settings';
import { aContainer, aContainerUsage, aPod, aUsage } from '../testing/pod-builders.js';
import { evictionMessage } from './eviction-message.js';
import { observations } from './pressure.js';

const MIB = 2 ** 20;
const disk = { capacity: 1000 * MIB, available: 50 * MIB, inodes: 1000, inodesFree: 10 };
const observed = observations({
  memory: { available: 50 * MIB, capacity: 4096 * MIB },
  filesystems: { node: disk, image: disk, imageIsApart: false },
  processes: { running: 1, limit: 2 },
});
const pod = aPod({
  containers: [
    aContainer('big', { resources: { requests: { memory: '10Mi' } } }),
    aContainer('small', { resources: { requests: { memory: '10Mi' } } }),
    aContainer('free'),
  ],
});
const usage = aUsage({
  memory: 100 * MIB,
  containers: [
    aContainerUsage('big', { memory: 40 * MIB, rootfs: MIB, logs: MIB }),
    aContainerUsage('small', { memory: 10 * MIB }),
    aContainerUsage('free', { memory: 1234 }),
  ],
});
const message = (threshold: string, subject = pod) =>
  evictionMessage(subject, usage, parseThresholds(threshold)[0]!, observed);

describe('What an evicted pod is told', () => {
  test('memory, and which containers took more than they asked for', () => {
    assert.equal(
      message('memory.available<100Mi'),
      'The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi. ' +
        'Container big was using 40Mi, request is 10Mi, has larger consumption of memory. ' +
        'Container free was using 1234, request is 0, has larger consumption of memory. ',
    );
  });

  test('a pod that asked as a whole', () => {
    const whole = aPod({ containers: [], resources: { requests: { memory: '64Mi' } } });
    assert.match(message('memory.available<100Mi', whole), /Pod web was using 100Mi, request is 64Mi, has larger/);
  });

  test('storage', () => {
    assert.equal(
      message('nodefs.available<10%'),
      'The node was low on resource: ephemeral-storage. Threshold quantity: 100Mi, available: 50Mi. ' +
        'Container big was using 2Mi, request is 0, has larger consumption of ephemeral-storage. ',
    );
  });

  test('inodes, of which nobody is blamed', () => {
    assert.equal(
      message('nodefs.inodesFree<5%'),
      'The node was low on resource: inodes. Threshold quantity: 50, available: 10. ',
    );
  });
});
