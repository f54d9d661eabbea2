import assert from 'node:assert/strict';
import { type KubeObject, notFound } from '#apimachinery';
import { silentLogger } from '#client';
import type { Node, PersistentVolume } from '#kinds';
import type { ControllerRuntime, NodeFolder, NodeFolderError, NodeFolders } from '../context.js';
import type { LocalPathSettings } from './local-path-settings.js';
import { LocalPathSweeper } from './local-path-sweeper.js';

const NODE = {
  metadata: { name: 'a', uid: 'node' },
  status: { conditions: [{ type: 'Ready', status: 'True' }] },
} as unknown as Node;
const uidOf = (number: number) => `01234567-89ab-cdef-0123-${String(number).padStart(12, '0')}`;
const folderOf = (number: number) => `pvc-${uidOf(number)}_ns_c${number}`;

interface Sweep {
  roots?: string[];
  listing?: (root?: string) => void;
  /** Does not go. */
  stuck?: string;
}

/**
 * Folders 1 to 4 and 6 are in the agent's own root, 5 in `/disk`. Claim 1 is there, 2 has a volume that only the server knows yet, 3 a
 * volume of another name, and 6 its own.
 */
function sweeping({ roots = ['/disk'], listing, stuck }: Sweep = {}) {
  const deleted: NodeFolder[] = [];
  const volume = {
    metadata: { name: 'own' },
    spec: { local: { path: `/data/storage/${folderOf(3)}` } },
  } as PersistentVolume;
  const known = { metadata: { name: `pvc-${uidOf(6)}` }, spec: {} } as PersistentVolume;
  const listed: Record<'nodes' | 'persistentvolumes', KubeObject[]> = {
    nodes: [NODE],
    persistentvolumes: [volume, known],
  };
  const asked: string[] = [];
  const there: Record<string, object> = {
    c1: { metadata: { uid: uidOf(1) } },
    [`pvc-${uidOf(2)}`]: {},
    // Another claim of the name.
    c4: { metadata: { uid: uidOf(9) } },
  };
  const runtime = {
    informers: {
      for: ({ resource }: { resource: 'nodes' | 'persistentvolumes' }) => ({
        list: () => listed[resource],
        getByKey: (key: string) => listed[resource].find(({ metadata }) => metadata.name === key),
      }),
    },
    client: {
      get: async (_: unknown, _namespace: string, name: string) => {
        asked.push(name);
        if (there[name]) return there[name];
        throw notFound({ group: '', resource: '' }, name);
      },
    },
    logger: silentLogger,
  } as unknown as ControllerRuntime;
  const folders = {
    list: async (_node: string, root?: string) => {
      listing?.(root);
      return root === undefined ? [1, 2, 3, 4, 6].map(folderOf) : [folderOf(5)];
    },
    deleteEmpty: async (folder: NodeFolder) => {
      if (folder.folder === stuck) throw new Error('device or resource busy');
      deleted.push(folder);
    },
  } as unknown as NodeFolders;
  const settings = { known: () => roots } as unknown as LocalPathSettings;
  return { sweeper: new LocalPathSweeper(runtime, folders, settings), deleted, asked };
}

describe('Folders that a killed process left', () => {
  const abandoned = (root: string | undefined, number: number) => ({ node: 'a', folder: folderOf(number), root });

  it('go once, if their claim is gone and no volume has them', async () => {
    const { sweeper, deleted } = sweeping();
    assert.equal(await sweeper.sweep('a'), undefined);
    assert.deepEqual(deleted, [abandoned(undefined, 4), abandoned('/disk', 5)]);
    assert.equal(sweeper.wants(NODE), false);
  });

  it('are told from those whose volume is known without a request', async () => {
    const { sweeper, asked } = sweeping();
    await sweeper.sweep('a');
    assert.deepEqual(asked, ['c1', 'c2', `pvc-${uidOf(2)}`, 'c4', `pvc-${uidOf(4)}`, 'c5', `pvc-${uidOf(5)}`]);
  });

  it('are forgotten together with their node', async () => {
    const { sweeper } = sweeping();
    await sweeper.sweep('a');
    sweeper.forget(NODE);
    assert.equal(sweeper.wants(NODE), true);
  });

  it('are not looked for where a node has no volumes', async () => {
    const listing = (root?: string) => {
      if (root !== '/etc') return;
      const error: NodeFolderError = new Error('/etc belongs to the system');
      error.refused = true;
      throw error;
    };
    const { sweeper, deleted } = sweeping({ roots: ['/etc', '/disk'], listing });
    assert.equal(await sweeper.sweep('a'), undefined);
    assert.deepEqual(deleted, [abandoned(undefined, 4), abandoned('/disk', 5)]);
  });

  it('go although another one does not, which is tried again', async () => {
    const { sweeper, deleted } = sweeping({ stuck: folderOf(4) });
    assert.ok(await sweeper.sweep('a'));
    assert.deepEqual(deleted, [abandoned('/disk', 5)]);
    assert.equal(sweeper.wants(NODE), true);
  });

  it('stay on a node that does not answer; it is asked a few times', async () => {
    const { sweeper, deleted } = sweeping({
      listing: () => {
        throw new Error('i/o timeout');
      },
    });
    for (let tries = 0; tries < 5; tries++) assert.ok(await sweeper.sweep('a'));
    assert.equal(sweeper.wants(NODE), false);
    assert.deepEqual(deleted, []);
  });
});
