import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PodPaths } from '../pod/pod-paths.js';
import { VolumeScrubber } from './volume-scrubber.js';

let directory: string;
let dataDir: string;
let disk: string;
let scrubber: VolumeScrubber;
beforeEach(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), 'berth-scrub-')));
  dataDir = join(directory, 'data');
  disk = join(directory, 'disk');
  mkdirSync(join(disk, 'deep/er'), { recursive: true });
  mkdirSync(dataDir);
  writeFileSync(join(disk, '.hidden'), '');
  writeFileSync(join(disk, 'deep/file'), '');
  scrubber = new VolumeScrubber(dataDir, new PodPaths(join(dataDir, 'agent'), join(dataDir, 'logs')));
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('The folder of a volume that is recycled', () => {
  it('loses all that is in it, and stays', async () => {
    await scrubber.scrub(`${disk}/`);
    assert.deepEqual(readdirSync(disk), []);
    await scrubber.scrub(disk);
  });

  it('may be missing', () => scrubber.scrub(join(directory, 'none')));

  it('loses links, and not what they lead to', async () => {
    const precious = join(directory, 'precious');
    mkdirSync(precious);
    writeFileSync(join(precious, 'file'), '');
    symlinkSync(precious, join(disk, 'link'));
    await scrubber.scrub(disk);
    assert.deepEqual([readdirSync(disk), readdirSync(precious)], [[], ['file']]);
  });

  it('is not looked for behind a link', async () => {
    const link = join(directory, 'link');
    symlinkSync(directory, link);
    symlinkSync(disk, join(directory, 'last'));
    for (const path of [join(link, 'disk'), join(directory, 'last')]) {
      await assert.rejects(scrubber.scrub(path), {
        problem: 'path',
        message: `${JSON.stringify(path)} is behind a link: its files are in ${JSON.stringify(disk)}`,
      });
    }
    assert.ok(existsSync(join(disk, '.hidden')));
  });

  it('is left alone while a pod has it', async () => {
    const volumes = join(dataDir, 'agent/pods/uid-1/volumes/kubernetes.io~local-volume');
    mkdirSync(volumes, { recursive: true });
    // What a bind mount looks like to who looks behind it.
    symlinkSync(disk, join(volumes, 'data'));
    await assert.rejects(scrubber.scrub(disk), { problem: 'inUse', message: /is mounted in pod uid-1$/ });
    assert.ok(existsSync(join(disk, '.hidden')));
  });

  it('may be one of a local-path volume', async () => {
    const folder = join(dataDir, 'storage/pvc-1_ns_data');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'file'), '');
    await scrubber.scrub(folder);
    assert.deepEqual(readdirSync(folder), []);
  });

  it('is a folder', async () => {
    const file = join(directory, 'file');
    writeFileSync(file, '');
    await assert.rejects(scrubber.scrub(file), /is not a folder|Not a directory/);
    assert.ok(existsSync(file));
  });

  for (const path of ['', '.', 'relative', '/', '//', '/etc', '/etc/', '/usr/lib/x', '/proc/1', '/var', '/x/../etc']) {
    it(`is never ${JSON.stringify(path)}`, () => assert.rejects(scrubber.scrub(path), { problem: 'path' }));
  }

  it('is none that the agent needs', async () => {
    for (const path of [dataDir, directory, join(dataDir, 'pki'), join(dataDir, 'storage')]) {
      await assert.rejects(scrubber.scrub(path), { problem: 'path', message: /belongs to the node agent$/ });
    }
  });
});
