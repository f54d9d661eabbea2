import assert from 'node:assert/strict';
import { DEFAULT_THRESHOLDS, parseThresholds } from '#settings';
import { activeConditions, crossed, observations, recordConditions } from './pressure.js';

const GIB = 2 ** 30;
const plenty = {
  memory: { available: 2 * GIB, capacity: 4 * GIB },
  disk: { capacity: 100, available: 50, inodes: 100, inodesFree: 50 },
  image: { capacity: 100, available: 50, inodes: 100, inodesFree: 50 },
  processes: { running: 10, limit: 100 },
};
type Change = { [K in keyof typeof plenty]?: Partial<(typeof plenty)[K]> };

function signals(change: Change, text = DEFAULT_THRESHOLDS): string[] {
  const measure = {
    memory: { ...plenty.memory, ...change.memory },
    filesystems: {
      node: { ...plenty.disk, ...change.disk },
      image: { ...plenty.image, ...change.image },
      imageIsApart: true,
    },
    processes: { ...plenty.processes, ...change.processes },
  };
  return crossed(parseThresholds(text), observations(measure)).map(({ signal }) => signal);
}

const cases: [title: string, change: Change, crossed: string[], thresholds?: string][] = [
  ['a node with plenty', {}, []],
  ['exactly the threshold is enough', { memory: { available: 100 * 2 ** 20 }, disk: { available: 10 } }, []],
  ['memory', { memory: { available: 100 * 2 ** 20 - 1 } }, ['memory.available']],
  ['the disk of volumes', { disk: { available: 9 } }, ['nodefs.available']],
  ['its inodes', { disk: { inodesFree: 4 } }, ['nodefs.inodesFree']],
  ['a filesystem that counts no inodes', { disk: { inodes: 0, inodesFree: 0 } }, []],
  ['the disk of images', { image: { available: 14, inodesFree: 4 } }, ['imagefs.available', 'imagefs.inodesFree']],
  ['processes are looked at on demand', { processes: { running: 99 } }, []],
  ['processes', { processes: { running: 96 } }, ['pid.available'], 'pid.available<5'],
  [
    'memory comes first',
    { memory: { available: 0 }, disk: { available: 0 } },
    ['memory.available', 'nodefs.available'],
    'nodefs.available<1%,memory.available<1',
  ],
];

describe('What a node is short of', () => {
  for (const [title, change, expected, thresholds] of cases) {
    test(title, () => assert.deepEqual(signals(change, thresholds), expected));
  }

  test('a condition stays for five minutes after its cause', () => {
    const low = parseThresholds('imagefs.available<15%,nodefs.available<10%');
    const seen = recordConditions(recordConditions(new Map(), low, 1000), [], 2000);
    assert.deepEqual(activeConditions(seen, 300_999), ['DiskPressure']);
    assert.deepEqual(activeConditions(seen, 301_000), []);
    assert.deepEqual(activeConditions(recordConditions(seen, low, 200_000), 499_999), ['DiskPressure']);
  });
});
