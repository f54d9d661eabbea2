import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MountSpec } from '#files';
import type { Node, PersistentVolume, Volume } from '#kinds';
import { PodPaths } from '../pod/pod-paths.js';
import { exclusiveVolumes } from './exclusive-volumes.js';
import type { VolumeContext } from './volume-plugin.js';
import { mountVolume, readOnlyVolumes, unmountVolume } from './volume-set.js';

const ON = (host: string) => ({
  required: {
    nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [host] }] }],
  },
});
const CLAIM: Volume = { name: 'data', persistentVolumeClaim: { claimName: 'data' } };
const READ_ONLY: Volume = { name: 'data', persistentVolumeClaim: { claimName: 'data', readOnly: true } };

let directory: string;
let disk: string;
let mounts: [string, MountSpec][];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-claims-'));
  disk = join(directory, 'disk');
  mkdirSync(disk);
  mounts = [];
});
afterEach(() => rmSync(directory, { recursive: true }));

function mount(
  spec: object,
  volume = CLAIM,
  securityContext: object = {},
  paths = new PodPaths(join(directory, 'agent'), join(directory, 'logs')),
  uid = 'p',
): Promise<string> {
  const found = { metadata: { name: 'pv' }, spec: { claimRef: { uid: 'c' }, ...spec } } as PersistentVolume;
  const claim = { metadata: { uid: 'c' }, spec: { volumeName: 'pv' }, status: { phase: 'Bound' } };
  const context = {
    pod: { metadata: { name: 'web', namespace: 'ns', uid }, spec: { securityContext, containers: [] } },
    paths,
    claims: {
      claim: async () => claim,
      volume: async () => found,
      node: () => ({ metadata: { name: 'n', labels: { 'kubernetes.io/hostname': 'here' } } }) as unknown as Node,
    },
    mounter: {
      mount: async (spec_: MountSpec, target: string) => {
        mounts.push([target, spec_]);
      },
    },
  } as unknown as VolumeContext;
  mkdirSync(join(directory, 'agent'), { recursive: true });
  return mountVolume(context, volume);
}

describe('A local volume', () => {
  it('is bound into the folder of the pod', async () => {
    const place = join(directory, 'agent/pods/p/volumes/kubernetes.io~local-volume/data');
    assert.equal(await mount({ local: { path: disk }, nodeAffinity: ON('here') }), place);
    assert.deepEqual(mounts, [[place, { type: 'bind', source: disk, options: ['bind'] }]]);
    assert.ok(statSync(place).isDirectory());
  });

  it('has its options, and is read-only for who asks for that', async () => {
    await mount({ local: { path: disk }, mountOptions: ['noexec'] }, READ_ONLY);
    assert.deepEqual(mounts[0]![1].options, ['bind', 'noexec', 'ro']);
    assert.deepEqual([...readOnlyVolumes([READ_ONLY])], ['data']);
    assert.deepEqual([...readOnlyVolumes([CLAIM])], []);
  });
});

describe('A local volume that is mounted already', () => {
  async function groupsSet(volume: Volume, securityContext: object): Promise<unknown[]> {
    const paths = new PodPaths(join(directory, 'agent'), join(directory, 'logs'));
    const set: unknown[] = [];
    paths.files.isMounted = async () => true;
    paths.files.setGroup = async (_, group, policy) => void set.push([group, policy]);
    await mount({ local: { path: disk } }, volume, securityContext, paths);
    assert.deepEqual(mounts, []);
    return set;
  }

  it('gets the group of the pod, if an earlier agent did not finish that', async () => {
    const security = { fsGroup: 2000, fsGroupChangePolicy: 'Always' };
    assert.deepEqual(await groupsSet(CLAIM, security), [[2000, 'OnRootMismatch']]);
  });

  it('keeps its group where nothing may be written, or nobody asks', async () => {
    assert.deepEqual(await groupsSet(READ_ONLY, { fsGroup: 2000 }), []);
    assert.deepEqual(await groupsSet(CLAIM, {}), []);
  });
});

describe('A hostPath volume of a claim', () => {
  it('is used in its place', async () => {
    assert.equal(await mount({ hostPath: { path: disk, type: 'Directory' } }), disk);
    assert.deepEqual(mounts, []);
  });
});

describe('A volume for one pod', () => {
  const inUse =
    'MountVolume.SetUp failed for volume "data" : volume uses the ReadWriteOncePod access mode and is already in use by another pod';
  const paths = () => new PodPaths(join(directory, 'agent'), join(directory, 'logs'));
  const mountFor = (uid: string, spec: object = {}) =>
    mount({ accessModes: ['ReadWriteOncePod'], hostPath: { path: disk }, ...spec }, CLAIM, {}, paths(), uid);
  const unmounted = (uid: string) =>
    unmountVolume(
      { paths: paths(), memoryDirectory: join(directory, 'agent/memory'), closeImages: async () => {} },
      uid,
      'data',
    );

  it('stays with who has it when its folder is not found again', async () => {
    await mountFor('first');
    await assert.rejects(mountFor('first', { hostPath: { path: disk, type: 'File' } }), /is not a file$/);
    await assert.rejects(mountFor('second'), { message: inUse });
    await unmounted('first');
    await mountFor('second');
    await unmounted('second');
  });

  for (const [what, source] of [
    ['folder', () => ({ hostPath: { path: disk } })],
    ['disk', () => ({ hostPath: undefined, local: { path: disk } })],
  ] as const) {
    it(`keeps others on the node waiting for its ${what}, until it is unmounted`, async () => {
      await mountFor('first', source());
      await mountFor('first', source());
      await assert.rejects(mountFor('second', source()), { message: inUse });
      await assert.rejects(mountFor('third', source()), { message: inUse });
      assert.deepEqual(await exclusiveVolumes(paths(), 'second'), []);
      assert.deepEqual(await exclusiveVolumes(paths(), 'first'), ['data']);
      await unmounted('first');
      await mountFor('second', source());
    });
  }

  it('goes to one of two that come together', async () => {
    const results = await Promise.allSettled([mountFor('first'), mountFor('second')]);
    assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  });

  it('is free again when it could not be mounted', async () => {
    await assert.rejects(mountFor('first', { hostPath: undefined, local: { path: '/does/not/exist' } }));
    await mountFor('second');
  });

  it('is for many when it has other modes as well', async () => {
    const modes = { accessModes: ['ReadWriteOnce', 'ReadWriteOncePod'] };
    await mountFor('first', modes);
    await mountFor('second', modes);
  });
});

describe('A volume with the mode Block', () => {
  const told = (stage: string, why: string) => ({ message: `${stage} for volume "data" : ${why}` });
  const block = (spec: object) => ({ volumeMode: 'Block', ...spec });
  const exclusive = { accessModes: ['ReadWriteOncePod'], local: { path: '/dev/null' } };
  for (const [what, spec, stage, why] of [
    ['that is a folder', { local: { path: '/' } }, 'MapVolume.SetUpDevice failed', 'path "/" is not a block device'],
    [
      'that is a device for characters',
      { local: { path: '/dev/null' } },
      'MapVolume.SetUpDevice failed',
      'path "/dev/null" is not a block device',
    ],
    [
      'that is not there',
      { local: { path: '/does/not/exist' } },
      'MapVolume.SetUpDevice failed',
      'path "/does/not/exist" does not exist',
    ],
    [
      'of a folder',
      { hostPath: { path: '/' } },
      'MapVolume.FindMapperPluginBySpec failed',
      'no block volume plugin matched',
    ],
    [
      'of another node',
      { local: { path: '/' }, nodeAffinity: ON('there') },
      'MapVolume.NodeAffinity check failed',
      'no matching NodeSelectorTerms',
    ],
  ] as const) {
    it(`${what} is refused`, () => assert.rejects(mount(block(spec)), told(stage, why)));
  }

  it('is for one pod, if it says so', async () => {
    const paths = new PodPaths(join(directory, 'agent'), join(directory, 'logs'));
    await mount(block({ ...exclusive, volumeMode: undefined, local: { path: disk } }), CLAIM, {}, paths, 'first');
    await assert.rejects(
      mount(block(exclusive), CLAIM, {}, paths, 'second'),
      told(
        'MapVolume.SetUpDevice failed',
        'volume uses the ReadWriteOncePod access mode and is already in use by another pod',
      ),
    );
  });
});

describe('A volume of a claim that cannot be mounted', () => {
  const told = (stage: string, why: string) => ({ message: `${stage} for volume "data" : ${why}` });
  for (const [what, spec, stage, why] of [
    [
      'is on another node',
      { hostPath: { path: '/' }, nodeAffinity: ON('there') },
      'MountVolume.NodeAffinity check failed',
      'no matching NodeSelectorTerms',
    ],
    [
      'has options that it cannot have',
      { hostPath: { path: '/' }, mountOptions: ['ro'] },
      'MountVolume.MountOptionSupport check failed',
      'mount options are not supported for this volume type',
    ],
    [
      'is not there',
      { local: { path: '/does/not/exist' } },
      'MountVolume.NewMounter initialization failed',
      'path "/does/not/exist" does not exist',
    ],
    [
      'is of another type',
      { nfs: { server: 'x', path: '/' } },
      'MountVolume.SetUp failed',
      'no volume plugin matched: persistent volumes of type nfs are not supported by this node',
    ],
  ] as const) {
    it(`is told when it ${what}`, () => assert.rejects(mount(spec), told(stage, why)));
  }

  it('is told when it is no folder', async () => {
    const path = join(directory, 'file');
    writeFileSync(path, '');
    await assert.rejects(
      mount({ local: { path } }),
      told('MountVolume.NewMounter initialization failed', `path ${JSON.stringify(path)} is not a directory`),
    );
  });
});
