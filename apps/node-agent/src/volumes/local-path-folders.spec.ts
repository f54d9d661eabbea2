import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PodPaths } from '../pod/pod-paths.js';
import { LocalPathFolders } from './local-path-folders.js';
import { isNoVolume, unfitForVolumes } from './volume-places.js';

const NAME = 'pvc-01234567-89ab-cdef-0123-456789abcdef_ns_data';

let directory: string;
let folders: LocalPathFolders;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-folders-'));
  folders = new LocalPathFolders(directory, new PodPaths(join(directory, 'agent'), join(directory, 'logs')));
});
afterEach(() => rmSync(directory, { recursive: true }));

describe("A volume's folder", () => {
  it('is open to every user of its pods, and to nobody else', async () => {
    const path = await folders.create(NAME);
    assert.equal(path, join(directory, 'storage', NAME));
    assert.equal(statSync(path).mode & 0o777, 0o777);
    assert.equal(statSync(join(directory, 'storage')).mode & 0o777, 0o700);
  });

  it('is found again as its pods left it', async () => {
    const path = await folders.create(NAME);
    writeFileSync(join(path, 'file'), 'kept');
    const { mode } = statSync(path);
    assert.equal(await folders.create(NAME), path);
    assert.equal(readFileSync(join(path, 'file'), 'utf8'), 'kept');
    assert.equal(statSync(path).mode, mode);
  });

  it('goes with all that is in it; one that is gone is fine', async () => {
    await folders.delete(NAME);
    const path = await folders.create(NAME);
    mkdirSync(join(path, 'deep/er'), { recursive: true });
    await folders.delete(NAME);
    assert.ok(!existsSync(path));
    await folders.delete(NAME);
  });

  it('that an agent left unfinished is finished, or goes', async () => {
    const left = join(directory, 'storage', '.new-pvc-01234567-89ab-cdef-0123-456789abcdef');
    mkdirSync(left, { recursive: true, mode: 0o700 });
    const path = await folders.create(NAME);
    assert.equal(statSync(path).mode & 0o777, 0o777);
    assert.ok(!existsSync(left));
    mkdirSync(left);
    await folders.delete(NAME);
    assert.deepEqual(readdirSync(join(directory, 'storage')), []);
  });

  it('is made once for two who ask at the same time', async () => {
    assert.deepEqual(await Promise.all([folders.create(NAME), folders.create(NAME)]), [
      join(directory, 'storage', NAME),
      join(directory, 'storage', NAME),
    ]);
    assert.deepEqual(readdirSync(join(directory, 'storage')), [NAME]);
  });

  it('that became a link goes alone: what it leads to stays', async () => {
    const path = await folders.create(NAME);
    rmSync(path, { recursive: true });
    const precious = join(directory, 'precious');
    mkdirSync(precious);
    writeFileSync(join(precious, 'file'), 'kept');
    symlinkSync(precious, path);
    await folders.delete(NAME);
    assert.ok(!existsSync(path));
    assert.equal(readFileSync(join(precious, 'file'), 'utf8'), 'kept');
  });

  it('stays while a pod has it', async () => {
    const path = await folders.create(NAME);
    const volumes = join(directory, 'agent/pods/uid-1/volumes/kubernetes.io~local-volume');
    mkdirSync(volumes, { recursive: true });
    // What a bind mount looks like to who looks behind it.
    symlinkSync(path, join(volumes, 'data'));
    await assert.rejects(folders.delete(NAME), { problem: 'inUse', message: `folder ${NAME} is mounted in pod uid-1` });
    assert.ok(existsSync(path));
  });

  for (const name of ['', '..', 'pvc-1_a_b', `${NAME}/..`, `../${NAME}`, 'agent', NAME.toUpperCase()]) {
    it(`is never called ${JSON.stringify(name)}`, async () => {
      await assert.rejects(folders.create(name), { problem: 'name' });
      await assert.rejects(folders.delete(name), { problem: 'name' });
    });
  }

  it('may be in a folder that was configured', async () => {
    const disks = mkdtempSync(join(tmpdir(), 'berth-disks-'));
    const root = join(disks, '1');
    // As an administrator may have it: volumes are on a disk elsewhere.
    symlinkSync(disks, join(disks, 'link'));
    for (const given of [root, join(disks, 'link/2')]) {
      const path = await folders.create(NAME, given);
      assert.equal(path, join(given, NAME));
      assert.equal(statSync(path).mode & 0o777, 0o777);
      writeFileSync(join(given, 'other'), '');
      await folders.delete(NAME);
      assert.ok(existsSync(path), 'another folder of that name');
      await folders.delete(NAME, given);
      assert.deepEqual(readdirSync(given), ['other']);
    }
    await folders.delete(NAME, join(disks, 'none'));
    rmSync(disks, { recursive: true });
  });

  for (const root of ['relative', '/', '/etc', '/usr/lib', '/x/../etc', '/proc/self']) {
    it(`is never in ${root}`, async () => {
      await assert.rejects(folders.create(NAME, root), { problem: 'name' });
      await assert.rejects(folders.delete(NAME, root), { problem: 'name' });
    });
  }

  it('is never in a folder of the agent', async () => {
    for (const root of [directory, join(directory, 'agent')]) {
      await assert.rejects(folders.create(NAME, root), { problem: 'name', message: /belongs to the node agent$/ });
    }
  });

  it("may be in the agent's own folder for them, wherever that is", () => {
    const dataDir = '/usr/local/lib/berth';
    for (const root of ['storage', 'storage/.'])
      assert.equal(unfitForVolumes(`${dataDir}/${root}`, dataDir), undefined);
    assert.equal(isNoVolume(`${dataDir}/storage/${NAME}`, dataDir), undefined);
    for (const path of [dataDir, `${dataDir}/pki`, `${dataDir}/storage-2`, '/usr/local']) {
      assert.equal(unfitForVolumes(path, dataDir), 'belongs to the system');
    }
  });
});
