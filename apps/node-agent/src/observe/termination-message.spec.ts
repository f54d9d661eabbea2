import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileTree } from '#files';
import { Annotation } from '../pod/labels.js';
import { exited } from '../testing/pod-builders.js';
import { terminationMessage } from './termination-message.js';

describe('the last words of a container', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'berth-message-'));
    writeFileSync(join(directory, 'long'), `${'x'.repeat(5000)}end`);
    writeFileSync(join(directory, 'empty'), '');
    writeFileSync(join(directory, '0.log'), '2026-01-01T00:00:00Z stdout P hal\n2026-01-01T00:00:00Z stderr F ves\n');
    symlinkSync('long', join(directory, 'link'));
    execFileSync('mkfifo', [join(directory, 'pipe')]);
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  const message = (messageFile: string, rest = {}) => {
    const place = messageFile && join(directory, messageFile);
    return terminationMessage(new FileTree(directory), exited('main', 3, { messageFile: place, ...rest }));
  };

  test('are the end of its file', async () => {
    const text = await message('long');
    assert.equal(text.length, 4096);
    assert.match(text, /xend$/);
    assert.equal(await message(''), '');
    assert.equal(await message('none'), '');
  });

  test('are nothing when the file is a pipe, a link or a folder, and nobody waits', async () => {
    const kinds = ['pipe', 'pipe', 'pipe', 'pipe', 'pipe', 'link', ''];
    const found = await Promise.all(kinds.map((name) => message(name)));
    assert.deepEqual(new Set(found), new Set(['']));
    assert.equal(await terminationMessage(new FileTree('/'), exited('main', 3, { messageFile: directory })), '');
    assert.ok((await stat('/')).isDirectory());
  });

  test('are the log of a failed container that asks for that', async () => {
    const annotations = { [Annotation.terminationMessagePolicy]: 'FallbackToLogsOnError' };
    const log = { annotations, logPath: join(directory, '0.log') };
    assert.equal(await message('empty', log), 'halves\n');
    assert.equal(await message('empty', { ...log, logPath: join(directory, 'pipe') }), '');
    assert.equal(await message('empty', { ...log, exitCode: 0 }), '');
  });
});
