import assert from 'node:assert/strict';

describe('exports that only tests use', () => {
  const shipped = 'libs/a/src/a.ts';
  const spec: [string, string] = ['libs/a/src/a.spec.ts', 'import { one } from "./a.js"; one();'];
  const rows: [what: string, texts: [string, string][], found: string[]][] = [
    ['a test uses it', [[shipped, 'export const one = () => 1;'], spec], [`${shipped} one`]],
    ['nobody uses it, which is another matter', [[shipped, 'export const one = () => 1;']], []],
    ['its own file does', [[shipped, 'export const one = () => 1;\none();'], spec], []],
    ['its own file speaks of it', [[shipped, '// one\nexport const one = () => 1;'], spec], [`${shipped} one`]],
    [
      'another file does',
      [[shipped, 'export function one() {}'], ['apps/b/src/b.ts', 'import { one } from "#a"; one();'], spec],
      [],
    ],
    [
      'an index only passes it on',
      [[shipped, 'export class one {}'], ['libs/a/src/index.ts', 'export { one } from "./a.js";'], spec],
      [`${shipped} one`],
    ],
    ['it says why', [[shipped, '// test-only: a table\nexport const one = 1;'], spec], []],
    ['it says nothing', [[shipped, '// test-only:\nexport const one = 1;'], spec], [`${shipped} one`]],
    ['it is of the tests', [['libs/a/src/testing/b.ts', 'export const one = 1;'], spec], []],
  ];
  for (const [what, texts, found] of rows) {
    it(what, async () => {
      // @ts-expect-error: the scripts have no declarations
      const { testOnlyExports } = await import('../../../scripts/check-exports.mjs');
      assert.deepEqual(testOnlyExports(new Map(texts)), found);
    });
  }
});
