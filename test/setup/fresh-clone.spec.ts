import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installation } from '#host';

test('the set-up begins in a clone that has no packages yet', () => {
  const clone = mkdtempSync(join(tmpdir(), 'berth-clone-'));
  try {
    for (const part of ['scripts', 'bin', 'package.json', 'package-lock.json']) {
      cpSync(join(installation, part), join(clone, part), { recursive: true });
    }
    const script = "import('./scripts/prepare.mjs').then(({ prepare }) => console.log(typeof prepare))";
    const text = execFileSync(process.execPath, ['--input-type=module', '--eval', script], {
      cwd: clone,
      encoding: 'utf8',
    });
    assert.equal(text.trim(), 'function');
  } finally {
    rmSync(clone, { recursive: true, force: true });
  }
});
