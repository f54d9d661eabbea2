import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeFolder } from './remove-folder.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-remove-'));
  mkdirSync(join(directory, 'other'));
  writeFileSync(join(directory, 'other', 'file'), '');
});
afterEach(() => rmSync(directory, { recursive: true }));

test('a folder goes with all that is in it, and links in it lead nowhere', async () => {
  mkdirSync(join(directory, 'data', 'deep', 'er'), { recursive: true });
  symlinkSync('../../other', join(directory, 'data', 'deep', 'link'));
  await removeFolder(join(directory, 'data'));
  await removeFolder(join(directory, 'data'));
  assert.deepEqual(readdirSync(directory), ['other']);
  assert.deepEqual(readdirSync(join(directory, 'other')), ['file']);
});

test('a folder behind a link goes with the link', async () => {
  mkdirSync(join(directory, 'disk', 'pki'), { recursive: true });
  symlinkSync('disk', join(directory, 'data'));
  await removeFolder(join(directory, 'data'));
  assert.deepEqual(readdirSync(directory), ['other']);
});
