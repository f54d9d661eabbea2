import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { FileTree } from './index.js';

let directory: string;
let tree: FileTree;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-files-'));
  tree = new FileTree(directory);
});
afterEach(() => rmSync(directory, { recursive: true }));

const at = (path: string) => join(directory, path);
const payload = (files: Record<string, string>) =>
  new Map(Object.entries(files).map(([path, text]) => [path, { data: Buffer.from(text), mode: 0o400 }]));

test('a payload is written as a whole, and again only when it changed', async () => {
  assert.equal(await tree.writePayload(at('a/volume'), payload({ key: '1', 'deep/er': '2' })), true);
  assert.equal(await tree.writePayload(at('a/volume'), payload({ key: '1', 'deep/er': '2' })), false);
  assert.equal(readFileSync(at('a/volume/deep/er'), 'utf8'), '2');
  assert.equal(statSync(at('a/volume/key')).mode & 0o777, 0o400);
  assert.equal(await tree.writePayload(at('a/volume'), payload({})), true);
  assert.deepEqual(
    readdirSync(at('a/volume')).filter((name) => !name.startsWith('..')),
    [],
  );
  await assert.rejects(tree.writePayload(at('a/volume'), payload({ '../x': '' })), /"..\/x" is not a path inside/);
});

test('files are written, looked at, read, renamed and removed', async () => {
  await tree.makeFolder(at('a/b'), 0o755);
  await tree.makeFolderExactly(at('a/b'), 0o777);
  assert.equal(statSync(at('a/b')).mode & 0o777, 0o777);
  await tree.write(at('file'), 'some text', 0o666);
  assert.equal((await tree.readEnd(at('file'), 4)).toString(), 'text');
  assert.deepEqual(await tree.stat(at('file')), { size: 9, inode: statSync(at('file'), { bigint: true }).ino });
  assert.equal(await tree.stat(at('none/none')), undefined);
  assert.deepEqual(await tree.list(at('none')), []);
  const created = await tree.create(at('copy'), 0o600);
  await pipeline((await tree.open(at('file'))).readable(), created.writable());
  assert.equal((await buffer((await tree.open(at('copy'))).readable())).toString(), 'some text');
  await assert.rejects(tree.create(at('copy'), 0o600), /File exists/);
  await tree.rename(at('copy'), at('other'));
  const names = (await tree.list(directory)).map(({ name, isFolder, size }) => [name, isFolder, isFolder ? 0 : size]);
  assert.deepEqual(names.sort(), [
    ['a', true, 0],
    ['file', false, 9],
    ['other', false, 9],
  ]);
  assert.equal((await tree.usage(directory)).inodes, 5);
  await tree.removeContents();
  assert.deepEqual(readdirSync(directory), []);
  await assert.rejects(tree.readEnd(at('file'), 4), /^Error: ENOENT: open .*file: No such file/);
  await assert.rejects(tree.remove('/etc/hosts'), /is not below/);
});

test('a file gets a name in another folder, and folders go only when they are empty', async () => {
  await tree.write(at('file'), 'text', 0o600);
  await tree.makeFolder(at('a/b'), 0o755);
  await tree.rename(at('file'), at('a/b/moved'));
  assert.equal((await tree.readEnd(at('a/b/moved'), 9)).toString(), 'text');
  assert.equal(await tree.removeEmpty(at('a/b')), false);
  assert.equal(await tree.removeEmpty(at('a/b/moved')), false);
  assert.equal(await tree.removeEmpty(at('none/none')), false);
  await tree.remove(at('a/b/moved'));
  assert.equal(await tree.removeEmpty(at('a/b')), true);
  symlinkSync('a', at('link'));
  assert.equal(await tree.removeEmpty(at('link')), false);
  assert.deepEqual(readdirSync(directory).sort(), ['a', 'link']);
});

test('a link has no limit, whatever it leads to', async () => {
  await tree.makeFolder(at('folder'), 0o755);
  symlinkSync('folder', at('link'));
  assert.equal(await tree.limit(at('link'), 1 << 20, 2 ** 32 - 1), false);
  await tree.clearLimit(at('link'), 7);
  await tree.clearLimit(at('none'), 7);
  await assert.rejects(tree.limit(at('none'), 1, 7), /^Error: ENOENT/);
});

test('pipes and links are refused at once, and the threads of others stay free', async () => {
  execFileSync('mkfifo', [at('pipe')]);
  writeFileSync(at('file'), '');
  symlinkSync('file', at('link'));
  mkdirSync(at('folder'));
  // More than libuv has threads.
  const reads = Array.from({ length: 8 }, () => tree.readEnd(at('pipe'), 10));
  const all = [...reads, tree.open(at('pipe')), tree.readEnd(at('link'), 10), tree.readEnd(at('folder'), 10)];
  // Settled together: a read that is refused while another is awaited would count as an unhandled rejection.
  for (const read of await Promise.allSettled(all)) {
    assert.match(read.status === 'rejected' ? String(read.reason) : 'was read', /is not a regular file/);
  }
  await assert.rejects(tree.write(at('pipe'), 'x', 0o600), /is not a regular file/);
  assert.ok((await stat('/')).isDirectory());
});
