import assert from 'node:assert/strict';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { installation } from '#host';

const { folderCircles } = await import(pathToFileURL(join(installation, 'scripts', 'folder-circles.mjs')).href);

describe('circles between folders', () => {
  const rows: [string, [string, string][], string[][]][] = [
    [
      'files of one folder need each other',
      [
        ['a/x.ts', 'a/y.ts'],
        ['a/y.ts', 'a/x.ts'],
      ],
      [],
    ],
    [
      'folders in an order',
      [
        ['a/x.ts', 'b/x.ts'],
        ['b/x.ts', 'c/x.ts'],
        ['a/y.ts', 'c/y.ts'],
      ],
      [],
    ],
    [
      'two folders, by different files',
      [
        ['a/x.ts', 'b/x.ts'],
        ['b/y.ts', 'a/y.ts'],
      ],
      [['a', 'b']],
    ],
    [
      'a folder and one inside it',
      [
        ['a/x.ts', 'a/in/x.ts'],
        ['a/in/y.ts', 'a/x.ts'],
      ],
      [['a', 'a/in']],
    ],
    [
      'the shortest way round is told',
      [
        ['a/x.ts', 'b/x.ts'],
        ['b/x.ts', 'c/x.ts'],
        ['c/x.ts', 'a/x.ts'],
        ['c/x.ts', 'd/x.ts'],
        ['d/x.ts', 'a/x.ts'],
      ],
      [
        ['a', 'b', 'c'],
        ['d', 'a', 'b', 'c'],
      ],
    ],
    [
      'each circle once',
      [
        ['a/x.ts', 'b/x.ts'],
        ['b/x.ts', 'a/x.ts'],
        ['c/x.ts', 'd/x.ts'],
        ['d/x.ts', 'c/x.ts'],
      ],
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    ],
  ];
  for (const [name, imports, circles] of rows) {
    test(name, () => assert.deepEqual(folderCircles(imports), circles));
  }
});
