import assert from 'node:assert/strict';
import type { CriImage } from '../runtime/cri-types.js';
import { bytesToFree, readableSize, recordImages, removableImages, usedPercent } from './image-garbage.js';

const MINUTE = 60_000;
const image = (id: string, rest: Partial<CriImage> = {}): CriImage => ({
  id,
  repoTags: [`app.local/${id}:1`],
  repoDigests: [],
  size: 100,
  uid: null,
  username: '',
  pinned: false,
  ...rest,
});
const disk = (capacity: number, available: number) => ({ capacity, available, inodes: 0, inodesFree: 0 });
const policy = { highPercent: 85, lowPercent: 80, minimumAge: 2 * MINUTE };

describe('Which images may go', () => {
  const all = [image('old'), image('used'), image('named'), image('pinned', { pinned: true })];
  const used = new Set(['used', 'app.local/named:1']);
  const ids = (records: ReturnType<typeof recordImages>, now: number) =>
    removableImages(records, policy.minimumAge, now).map(({ id }) => id);

  test('not those in use by id or by name, nor those that the runtime needs', () => {
    const records = recordImages(new Map(), all, used, 0);
    assert.deepEqual(ids(records, 2 * MINUTE), ['old']);
  });

  test('not those that have just come', () => {
    const before = recordImages(new Map(), [image('old')], new Set(), 0);
    const records = recordImages(before, [image('old'), image('new')], new Set(), 2 * MINUTE);
    assert.deepEqual(ids(records, 3 * MINUTE), ['old']);
    assert.deepEqual(ids(records, 4 * MINUTE), ['old', 'new']);
  });

  test('those first that were used the longest time ago', () => {
    let records = recordImages(new Map(), all, new Set(['old', 'named']), 0);
    records = recordImages(records, all, new Set(['old']), MINUTE);
    records = recordImages(records, all, new Set(), 2 * MINUTE);
    assert.deepEqual(ids(records, 5 * MINUTE), ['used', 'named', 'old']);
  });

  test('what is gone is forgotten', () => {
    const before = recordImages(new Map(), all, used, 0);
    assert.equal(recordImages(before, [image('old')], used, 1).size, 1);
  });
});

describe('How much has to go', () => {
  const cases: [title: string, available: number, bytes: number][] = [
    ['nothing below the high threshold', 160, 0],
    ['down to the low threshold from the high one on', 150, 50],
    ['all of the band when the disk is full', 0, 200],
  ];
  for (const [title, available, bytes] of cases) {
    test(title, () => assert.equal(bytesToFree(disk(1000, available), policy), bytes));
  }

  test('a percentage and a size read as upstream writes them', () => {
    assert.equal(usedPercent(disk(1000, 141)), 86);
    assert.deepEqual([0, 1023, 1536, 5 * 2 ** 40].map(readableSize), ['0 B', '1023 B', '1.5 KiB', '5.0 TiB']);
  });
});
