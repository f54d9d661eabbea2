import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { installation } from '#host';

const ARCHIVES = 'E: Could not get lock /var/lib/apt/lists/lock. It is held by process 77 (apt-get)';
const DPKG = 'E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), is another process using it?';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'berth-apt-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

/** Calls aptGet where `apt-get` is a script; returns what it said, and the exit code that it came back with. */
function call(script: string, patience: number): { said: string[]; status: number; calls: number } {
  writeFileSync(join(dir, 'apt-get'), `#!/bin/sh\necho "$@" >> ${dir}/calls\n${script}\n`, { mode: 0o755 });
  const module = pathToFileURL(join(installation, 'scripts', 'apt-get.mjs'));
  const program = `import { aptGet } from '${module}';
    const said = [];
    const { status } = aptGet(['update'], { say: (text) => said.push(text), patience: ${patience}, pause: 20 });
    console.log(JSON.stringify({ said, status }));`;
  const result = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
    env: { ...process.env, PATH: `${dir}:${process.env['PATH']}` },
  });
  assert.equal(result.status, 0, result.stderr);
  return { ...JSON.parse(result.stdout), calls: readFileSync(join(dir, 'calls'), 'utf8').split('\n').length - 1 };
}

for (const held of [ARCHIVES, DPKG]) {
  test(`waits while it is told: ${held.slice(0, 40)}`, () => {
    const { said, status, calls } = call(
      `[ $(wc -l < ${dir}/calls) -ge 3 ] && exit 0; echo "${held}" >&2; exit 100`,
      60_000,
    );
    assert.deepEqual([status, calls], [0, 3]);
    assert.equal(said.length, 1, 'it says so once');
    assert.match(said[0]!, /^another program installs packages; waiting until it is done \(.*lock/);
  });
}

test('gives up in the end, with what apt said', () => {
  const { status, calls } = call(`echo "${ARCHIVES}" >&2; exit 100`, 100);
  assert.equal(status, 100);
  assert.ok(calls > 1);
});

test('does not wait for other errors', () => {
  const { said, status, calls } = call('echo "E: Unable to locate package nonesuch" >&2; exit 100', 60_000);
  assert.deepEqual([said, status, calls], [[], 100, 1]);
});
