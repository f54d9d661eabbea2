import assert from 'node:assert/strict';
import type { Signal } from '#settings';
import type { ResourceList } from '../pod/pod.js';
import { aContainer, aContainerUsage, aPod, aUsage } from '../testing/pod-builders.js';
import type { PodUsage } from './pod-usage.js';
import { type Candidate, rankForEviction } from './ranking.js';

const MIB = 2 ** 20;
const candidate = (
  name: string,
  usage: PodUsage | undefined,
  requests: ResourceList = {},
  priority = 0,
): Candidate => ({
  pod: aPod({ containers: [aContainer('main', { resources: { requests } })], priority }, {}, { name, uid: name }),
  usage,
});
const memory = (name: string, mib: number, request: string, priority = 0) =>
  candidate(name, aUsage({ memory: mib * MIB }), { memory: request }, priority);
const files = (name: string, rootfs: number, logs: number, request = '0') =>
  candidate(name, aUsage({ containers: [aContainerUsage('main', { rootfs, logs })] }), {
    'ephemeral-storage': request,
  });

const cases: { title: string; signal: Signal; apart?: boolean; candidates: Candidate[]; order: string[] }[] = [
  {
    title: 'those above their request before those within it, however important',
    signal: 'memory.available',
    candidates: [memory('within', 90, '100Mi'), memory('above', 20, '10Mi', 1000)],
    order: ['above', 'within'],
  },
  {
    title: 'then by priority, then by how far above',
    signal: 'memory.available',
    candidates: [memory('high', 90, '1Mi', 10), memory('bit', 20, '15Mi'), memory('far', 20, '1Mi')],
    order: ['far', 'bit', 'high'],
  },
  {
    title: 'one that cannot be measured first',
    signal: 'memory.available',
    candidates: [memory('above', 20, '10Mi'), candidate('unknown', undefined)],
    order: ['unknown', 'above'],
  },
  {
    title: 'processes: priority, then their number',
    signal: 'pid.available',
    candidates: [
      candidate('few', aUsage({ processes: 2 })),
      candidate('many', aUsage({ processes: 9 })),
      candidate('vital', aUsage({ processes: 99 }), {}, 5),
    ],
    order: ['many', 'few', 'vital'],
  },
  {
    title: 'one disk for all: what was written and logged together',
    signal: 'nodefs.available',
    candidates: [files('rootfs', 5, 0), files('both', 4, 4), files('asked', 90, 0, '100')],
    order: ['both', 'rootfs', 'asked'],
  },
  {
    title: 'two disks: logs on one',
    signal: 'nodefs.available',
    apart: true,
    candidates: [files('rootfs', 50, 1), files('logs', 0, 5)],
    order: ['logs', 'rootfs'],
  },
  {
    title: 'two disks: what containers wrote on the other',
    signal: 'imagefs.available',
    apart: true,
    candidates: [files('logs', 1, 50), files('rootfs', 5, 0)],
    order: ['rootfs', 'logs'],
  },
  {
    title: 'inodes: by their number',
    signal: 'nodefs.inodesFree',
    candidates: [
      files('large', 1000, 0),
      candidate('many', aUsage({ volumes: new Map([['scratch', { bytes: 1, inodes: 50 }]]) })),
    ],
    order: ['many', 'large'],
  },
];

describe('Who is evicted first', () => {
  for (const { title, signal, apart = false, candidates, order } of cases) {
    test(title, () => {
      const ranked = rankForEviction(candidates, signal, apart);
      assert.deepEqual(
        ranked.map(({ pod }) => pod.metadata.name),
        order,
      );
    });
  }
});
