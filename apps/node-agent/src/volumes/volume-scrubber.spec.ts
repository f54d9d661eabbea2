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
import { newMemory } from '../pod/pod-memory.js';
import { PodPaths } from '../pod/pod-paths.js';
import { aPod } from '../testing/pod-builders.js';
import { emptyInTurn, mountInTurn } from './folder-turns.js';
import { type FolderUse, folderUses } from './folder-users.js';
import { VolumeScrubber } from './volume-scrubber.js';

let directory: string;
let dataDir: string;
let disk: string;
let scrubber: VolumeScrubber;
let uses: FolderUse[];
beforeEach(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), 'berth-scrub-')));
  dataDir = join(directory, 'data');
  disk = join(directory, 'disk');
  mkdirSync(join(disk, 'deep/er'), { recursive: true });
  mkdirSync(dataDir);
  writeFileSync(join(disk, '.hidden'), '');
  writeFileSync(join(disk, 'deep/file'), '');
  uses = [];
  scrubber = scrubberOf(dataDir);
});
const scrubberOf = (data: string) =>
  new VolumeScrubber(data, new PodPaths(join(data, 'agent'), join(data, 'logs')), () => uses);
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

  it('is left alone while a pod has it, or a part of it, in its place', async () => {
    const link = join(directory, 'link');
    symlinkSync(disk, link);
    const inUse = { problem: 'inUse', message: `${JSON.stringify(disk)} is mounted in pod uid-1` };
    for (const path of [disk, `${disk}/`, link, join(disk, 'deep'), directory]) {
      uses = [{ uid: 'uid-1', path, claimed: true }];
      await assert.rejects(scrubber.scrub(disk), inUse, path);
    }
    for (const path of [disk, join(disk, 'deep/er')]) {
      uses = [{ uid: 'uid-1', path, claimed: false }];
      await assert.rejects(scrubber.scrub(disk), inUse, path);
    }
    assert.ok(existsSync(join(disk, 'deep/file')));
    // Those of pods that see the whole disk of the node, and of others.
    uses = [
      { uid: 'uid-1', path: directory, claimed: false },
      { uid: 'uid-2', path: `${disk}-2`, claimed: true },
    ];
    await scrubber.scrub(disk);
    assert.deepEqual(readdirSync(disk), []);
  });

  it('is not emptied while it is being mounted, nor mounted while it is being emptied', async () => {
    let mounted!: () => void;
    const mounting = mountInTurn(join(disk, 'deep'), () => new Promise<void>((resolve) => (mounted = resolve)));
    while (!mounted) await new Promise(setImmediate);
    await assert.rejects(scrubber.scrub(disk), { problem: 'inUse', message: /is being mounted$/ });
    mounted();
    await mounting;
    let emptied!: () => void;
    const emptying = emptyInTurn(
      disk,
      () => new Promise<void>((resolve) => (emptied = resolve)),
      () => new Error(),
    );
    for (const path of [disk, directory, join(disk, 'deep')]) {
      const message = `the files of an earlier claim are still being deleted in ${JSON.stringify(path)}`;
      await assert.rejects(
        mountInTurn(path, async () => assert.fail('mounted')),
        { message },
      );
    }
    await mountInTurn(`${disk}-2`, async () => {});
    emptied();
    await emptying;
    await mountInTurn(disk, async () => {});
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

  for (const path of [
    '',
    '.',
    'relative',
    '/',
    '//',
    '/etc',
    '/etc/',
    '/usr/lib/x',
    '/proc/1',
    '/var',
    '/var/lib',
    '/var/log/',
    '/x/../etc',
  ]) {
    it(`is never ${JSON.stringify(path)}`, () => assert.rejects(scrubber.scrub(path), { problem: 'path' }));
  }

  it('is none that the agent needs', async () => {
    for (const path of [dataDir, directory, join(dataDir, 'pki'), join(dataDir, 'storage')]) {
      await assert.rejects(scrubber.scrub(path), { problem: 'path', message: /belongs to the node agent$/ });
    }
  });

  it('is none that the agent needs, also if its data is behind a link', async () => {
    const link = join(directory, 'link');
    symlinkSync(dataDir, link);
    const linked = scrubberOf(link);
    mkdirSync(join(dataDir, 'agent'));
    for (const path of [dataDir, directory, join(dataDir, 'agent')]) {
      await assert.rejects(linked.scrub(path), { problem: 'path', message: /belongs to the node agent$/ });
    }
    const logs = join(directory, 'logs');
    mkdirSync(join(logs, 'pods'), { recursive: true });
    const elsewhere = new VolumeScrubber(dataDir, new PodPaths(join(dataDir, 'agent'), join(logs, 'pods')), () => []);
    for (const path of [logs, join(logs, 'pods')]) {
      await assert.rejects(elsewhere.scrub(path), { problem: 'path', message: /belongs to the node agent$/ });
    }
  });
});

test('What pods use in its place is what they name, and the volumes of their claims', () => {
  const pod = aPod({
    volumes: [
      { name: 'own', hostPath: { path: '/own' } },
      { name: 'data', persistentVolumeClaim: { claimName: 'data' } },
      { name: 'coming', persistentVolumeClaim: { claimName: 'coming' } },
      { name: 'empty', emptyDir: {} },
    ],
  });
  const { uid } = pod.metadata;
  const mounted = (path: string) => ({ phase: 'mounted', path }) as const;
  const volumes = new Map([
    ['data', mounted('/data')],
    ['empty', mounted('/agent/empty')],
  ]);
  const memory = { ...newMemory(), volumes };
  const claim = { uid, path: '/data', claimed: true };
  assert.deepEqual([...folderUses([{ pod, memory }])], [{ uid, path: '/own', claimed: false }, claim]);
  assert.deepEqual([...folderUses([{ pod, memory: { ...memory, cleaned: 'released' } }])], [claim]);
});
