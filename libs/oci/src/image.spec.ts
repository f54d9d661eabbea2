import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildImage } from './image.js';
import { writeTar } from './tar.js';

test('tar reads back what was written, with links and modes', () => {
  const directory = mkdtempSync(join(tmpdir(), 'berth-tar-'));
  try {
    const long = `${'d'.repeat(90)}/${'f'.repeat(60)}`;
    const archive = writeTar([
      { path: 'bin/', type: 'directory' },
      { path: 'bin/tool', mode: 0o755, content: 'x'.repeat(700) },
      { path: 'bin/alias', type: 'symlink', target: 'tool' },
      { path: long, content: 'long' },
    ]);
    writeFileSync(join(directory, 'a.tar'), archive);
    const listing = execFileSync('tar', ['-tvf', join(directory, 'a.tar')], { encoding: 'utf8' });
    assert.match(listing, /-rwxr-xr-x .* 700 .* bin\/tool/);
    assert.match(listing, /bin\/alias -> tool/);
    execFileSync('tar', ['-xf', join(directory, 'a.tar'), '-C', directory]);
    assert.equal(readFileSync(join(directory, 'bin/alias'), 'utf8').length, 700);
    assert.equal(readFileSync(join(directory, long), 'utf8'), 'long');
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('the same files give the same image, other files another', () => {
  const build = (content: string) =>
    buildImage({ reference: 'berth.local/a:1', files: [{ path: 'deep/file', content }], config: { Cmd: ['/a'] } });
  assert.equal(build('1').digest, build('1').digest);
  assert.notEqual(build('1').digest, build('2').digest);
  assert.ok(build('1').archive.includes('berth.local/a:1'));
});

test('a reference needs a tag', () => {
  assert.throws(() => buildImage({ reference: 'localhost:5000/a', files: [] }), /without a tag/);
});
