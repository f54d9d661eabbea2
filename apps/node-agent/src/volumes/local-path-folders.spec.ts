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
import { FileTree } from '#files';
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
    const { path } = await folders.create(NAME);
    assert.equal(path, join(directory, 'storage', NAME));
    assert.equal(statSync(path).mode & 0o777, 0o777);
    assert.equal(statSync(join(directory, 'storage')).mode & 0o777, 0o700);
  });

  it('is found again as its pods left it', async () => {
    const { path } = await folders.create(NAME);
    writeFileSync(join(path, 'file'), 'kept');
    const { mode } = statSync(path);
    assert.equal((await folders.create(NAME)).path, path);
    assert.equal(readFileSync(join(path, 'file'), 'utf8'), 'kept');
    assert.equal(statSync(path).mode, mode);
  });

  it('goes with all that is in it; one that is gone is fine', async () => {
    await folders.delete(NAME);
    const { path } = await folders.create(NAME);
    mkdirSync(join(path, 'deep/er'), { recursive: true });
    await folders.delete(NAME);
    assert.ok(!existsSync(path));
    await folders.delete(NAME);
  });

  it('that an agent left unfinished is finished, or goes', async () => {
    const left = join(directory, 'storage', '.new-pvc-01234567-89ab-cdef-0123-456789abcdef');
    mkdirSync(left, { recursive: true, mode: 0o700 });
    const { path } = await folders.create(NAME);
    assert.equal(statSync(path).mode & 0o777, 0o777);
    assert.ok(!existsSync(left));
    mkdirSync(left);
    await folders.delete(NAME);
    assert.deepEqual(readdirSync(join(directory, 'storage')), []);
  });

  it('is made once for two who ask at the same time', async () => {
    const made = { path: join(directory, 'storage', NAME), limited: false };
    assert.deepEqual(await Promise.all([folders.create(NAME), folders.create(NAME)]), [made, made]);
    assert.deepEqual(readdirSync(join(directory, 'storage')), [NAME]);
  });

  it('that became a link goes alone: what it leads to stays', async () => {
    const { path } = await folders.create(NAME);
    rmSync(path, { recursive: true });
    const precious = join(directory, 'precious');
    mkdirSync(precious);
    writeFileSync(join(precious, 'file'), 'kept');
    symlinkSync(precious, path);
    await folders.delete(NAME);
    assert.ok(!existsSync(path));
    assert.equal(readFileSync(join(precious, 'file'), 'utf8'), 'kept');
  });

  it('that is to go only if it is empty stays with what is in it', async () => {
    const { path } = await folders.create(NAME);
    writeFileSync(join(path, 'file'), 'kept');
    await folders.deleteEmpty(NAME);
    assert.equal(readFileSync(join(path, 'file'), 'utf8'), 'kept');
    rmSync(join(path, 'file'));
    await folders.deleteEmpty(NAME);
    assert.ok(!existsSync(path));
    symlinkSync(directory, path);
    await folders.deleteEmpty(NAME);
    assert.ok(existsSync(path), 'a link is no empty folder');
    await folders
      .deleteEmpty(NAME, join(directory, 'none/there'))
      .catch(({ problem }) => assert.equal(problem, 'name'));
  });

  it('is listed if it has the name of a volume', async () => {
    assert.deepEqual(await folders.list(), []);
    await folders.create(NAME);
    await folders.create('ns/data');
    const left = join(directory, 'storage', '.new-pvc-01234567-89ab-cdef-0123-000000000000');
    mkdirSync(left);
    symlinkSync(directory, join(directory, 'storage', NAME.replace('_data', '_link')));
    writeFileSync(join(directory, 'storage', NAME.replace('_data', '_file')), '');
    assert.deepEqual(await folders.list(), [NAME]);
    assert.ok(!existsSync(left), 'what was left unfinished goes');
  });

  it('may have a name that a class gives it, and takes the folders above it with it', async () => {
    const { path } = await folders.create('ns/data/disk');
    assert.equal(path, join(directory, 'storage/ns/data/disk'));
    assert.equal(statSync(path).mode & 0o777, 0o777);
    assert.equal(statSync(join(directory, 'storage/ns')).mode & 0o777, 0o711);
    await folders.create('ns/other');
    writeFileSync(join(path, 'file'), '');
    await folders.delete('ns/data/disk');
    assert.deepEqual(readdirSync(join(directory, 'storage/ns')), ['other']);
    await folders.delete('ns/other');
    assert.deepEqual(readdirSync(join(directory, 'storage')), []);
  });

  it('goes although a folder above it is a disk of its own', async () => {
    const { path } = await folders.create('ns/data');
    const busy = jest.spyOn(FileTree.prototype, 'removeEmpty').mockRejectedValueOnce(new Error('EBUSY'));
    await folders.delete('ns/data');
    assert.deepEqual(busy.mock.calls, [[join(directory, 'storage/ns')]]);
    busy.mockRestore();
    assert.ok(!existsSync(path));
  });

  it('is never made or deleted behind a link', async () => {
    const precious = join(directory, 'precious');
    mkdirSync(join(precious, 'data'), { recursive: true });
    writeFileSync(join(precious, 'data/file'), 'kept');
    await folders.create('other/data');
    symlinkSync(precious, join(directory, 'storage/ns'));
    await assert.rejects(folders.create('ns/new'), /is not a folder/);
    await assert.rejects(folders.delete('ns/data'), /is not a folder/);
    assert.equal(readFileSync(join(precious, 'data/file'), 'utf8'), 'kept');
    assert.deepEqual(readdirSync(precious), ['data']);
  });

  it('stays while a pod has it', async () => {
    const { path } = await folders.create(NAME);
    const volumes = join(directory, 'agent/pods/uid-1/volumes/kubernetes.io~local-volume');
    mkdirSync(volumes, { recursive: true });
    // What a bind mount looks like to who looks behind it.
    symlinkSync(path, join(volumes, 'data'));
    await assert.rejects(folders.delete(NAME), { problem: 'inUse', message: `folder ${NAME} is mounted in pod uid-1` });
    assert.ok(existsSync(path));
  });

  const BAD = ['', '..', 'pvc-1_a_b', `${NAME}/..`, `../${NAME}`, 'agent', NAME.toUpperCase()];
  const BAD_PATTERNED = ['ns', 'ns/', '/ns/data', 'ns//data', 'ns/../data', 'ns/.new', 'ns/data/', 'NS/data', 'ns/a b'];
  for (const name of [...BAD, ...BAD_PATTERNED]) {
    it(`is never called ${JSON.stringify(name)}`, async () => {
      await assert.rejects(folders.create(name), { problem: 'name' });
      await assert.rejects(folders.delete(name), { problem: 'name' });
      await assert.rejects(folders.deleteEmpty(name), { problem: 'name' });
      await assert.rejects(folders.limit(name, undefined, 1), { problem: 'name' });
    });
  }

  it('may be in a folder that was configured', async () => {
    const disks = mkdtempSync(join(tmpdir(), 'berth-disks-'));
    const root = join(disks, '1');
    // As an administrator may have it: volumes are on a disk elsewhere.
    symlinkSync(disks, join(disks, 'link'));
    for (const given of [root, join(disks, 'link/2')]) {
      const { path } = await folders.create(NAME, given);
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
