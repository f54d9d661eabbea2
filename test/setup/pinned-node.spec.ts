import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { installation } from '#host';
import { testUnless } from '#testing';

const MODULE = join(installation, 'bin', 'pinned-node.mjs');
const { isNewEnough, pinnedNode } = await import(pathToFileURL(MODULE).href);
const here: string | undefined = pinnedNode();
const lock = JSON.parse(readFileSync(join(installation, 'package-lock.json'), 'utf8')).packages;

describe('The pinned Node', () => {
  let folder: string;
  let program: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'berth-pinned-'));
    mkdirSync(join(folder, 'bin'));
    copyFileSync(MODULE, join(folder, 'bin', 'pinned-node.mjs'));
    program = join(folder, 'bin', 'program.mjs');
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** A program of an installation whose pinned Node is a script that names itself, or another one. */
  function install(
    text: string,
    script = `#!/bin/sh\n[ "$1" = --version ] || export RAN_BY=pinned\nexec ${process.execPath} "$@"\n`,
  ): void {
    const node = join(folder, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node');
    mkdirSync(dirname(node), { recursive: true });
    writeFileSync(node, script);
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ engines: { node: '>=20.19' } }));
    chmodSync(node, 0o755);
    writeFileSync(
      program,
      `import { continueOnPinnedNode } from './pinned-node.mjs';
      if (process.env.RAN_BY !== 'pinned') { console.log('first'); await continueOnPinnedNode(); }
      ${text}`,
    );
  }
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [program, ...args], { encoding: 'utf8', timeout: 60_000 });

  it('takes over the program, its arguments and its exit code', () => {
    install("console.log('then', process.argv.slice(2).join()); process.exit(7);");
    const { status, stdout } = run('a', '--b');
    assert.deepEqual([status, stdout], [7, 'first\nthen a,--b\n']);
  });

  it('is told of signals, and tells what it ended with', async () => {
    install("console.log('ready'); setInterval(() => {}, 1000);");
    const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout.on('data', (text) => String(text).includes('ready') && child.kill('SIGTERM'));
    const code = await new Promise((resolve) => child.on('exit', resolve));
    assert.equal(code, 128 + 15);
  });

  it('is not needed: the program goes on where it is not installed', () => {
    install("console.log('then');");
    rmSync(join(folder, 'node_modules'), { recursive: true });
    assert.equal(run().stdout, 'first\nthen\n');
  });

  const olderGlibc = '#!/bin/sh\necho "node: version \'GLIBC_2.28\' not found" >&2\nexit 1\n';
  for (const [what, script] of [
    ['asks for another C library', olderGlibc],
    ['has no loader here', '#!/lib/ld-absent.so.2\n'],
  ] as const) {
    it(`is passed over when it ${what}: the machine's own goes on`, () => {
      install("console.log('then');", script);
      assert.equal(run().stdout, 'first\nthen\n');
    });

    it(`is named when it ${what} and the machine's own is too old`, () => {
      install("console.log('then');", script);
      writeFileSync(join(folder, 'package.json'), JSON.stringify({ engines: { node: '>=999.1' } }));
      const { status, stdout, stderr } = run();
      assert.deepEqual([status, stdout], [1, 'first\n']);
      const why = script === olderGlibc ? "node: version 'GLIBC_2.28' not found" : 'this machine has no glibc';
      assert.match(stderr, /^berth: Node \d+\.\d+\.\d+ is too old, and .*bin\/node does not run here \(/);
      assert.ok(stderr.includes(`(${why}); install Node 999.1 or newer`), stderr);
    });
  }

  it('has a lower bound for the Node that goes on instead', () => {
    const rows: [version: string, enough: boolean][] = [
      ['20.18.9', false],
      ['20.19.0', true],
      ['22.0.0', true],
      ['18.20.1', false],
    ];
    for (const [version, enough] of rows) assert.equal(isNewEnough(version, '20.19'), enough, version);
    assert.equal(isNewEnough('20.0.0', '20'), true);
  });

  testUnless(
    here ? undefined : 'npm has no Node for this machine',
    'runs these tests, in the version of the lock file',
    () => {
      const { version } = lock[`node_modules/node-${process.platform}-${process.arch}`];
      assert.equal(process.version, `v${version}`);
      assert.ok(existsSync(here!));
    },
  );

  it('has the same version for every processor', () => {
    const versions = Object.entries<any>(lock).filter(([path]) => /^node_modules\/node-linux-/.test(path));
    assert.equal(versions.length, 2);
    assert.equal(new Set(versions.map(([, { version }]) => version)).size, 1);
  });
});
