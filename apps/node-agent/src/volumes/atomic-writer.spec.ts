import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, readlink, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { writeAtomically } from './atomic-writer.js';
import type { Payload } from './volume-plugin.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-atomic-'));
});
afterEach(() => rm(directory, { recursive: true }));

const payload = (files: Record<string, string>, mode = 0o644): Payload =>
  new Map(Object.entries(files).map(([path, text]) => [path, { data: Buffer.from(text), mode }]));

test('files appear through links, also in folders', async () => {
  assert.equal(await writeAtomically(directory, payload({ a: '1', 'deep/er/b': '2' }, 0o400)), true);
  assert.equal(await readFile(join(directory, 'deep/er/b'), 'utf8'), '2');
  assert.equal(await readlink(join(directory, 'a')), '..data/a');
  assert.equal((await stat(join(directory, 'a'))).mode & 0o777, 0o400);
});

test('the same content changes nothing', async () => {
  await writeAtomically(directory, payload({ a: '1' }));
  const before = await readlink(join(directory, '..data'));
  assert.equal(await writeAtomically(directory, payload({ a: '1' })), false);
  assert.equal(await readlink(join(directory, '..data')), before);
});

test('an update swaps everything, and the old folder and names go', async () => {
  await writeAtomically(directory, payload({ a: '1', old: 'x' }));
  const before = await readlink(join(directory, '..data'));
  assert.equal(await writeAtomically(directory, payload({ a: '2', fresh: 'y' })), true);
  const names = await readdir(directory);
  assert.ok(!names.includes(before));
  assert.deepEqual(names.filter((name) => !name.startsWith('..')).sort(), ['a', 'fresh']);
  assert.equal(await readFile(join(directory, 'a'), 'utf8'), '2');
});

test('a path that leaves the volume is refused', async () => {
  for (const path of ['/etc/passwd', '../x', 'a/../../x', '..']) {
    await assert.rejects(writeAtomically(directory, payload({ [path]: '' })), /invalid path/, path);
  }
});
