import assert from 'node:assert/strict';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { installation } from '#host';

const { unitsIn } = await import(pathToFileURL(join(installation, 'scripts/compile-ahead.mjs')).href);

test('how far cargo is, is in the last line of progress that it wrote', () => {
  const bar = (done: number, what: string) => `\r    Building [====>      ] ${done}/151: ${what}\r`;
  assert.equal(unitsIn('    Updating crates.io index\n'), undefined);
  assert.equal(
    unitsIn(`${bar(3, 'libc')}   Compiling ring v0.17.14\n${bar(57, 'ring(build), tokio')}`),
    '57 of 151 units',
  );
});
