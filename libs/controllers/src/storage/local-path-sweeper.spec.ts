import assert from 'node:assert/strict';
import { notFound } from '#apimachinery';
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

/** Folders 1 to 4 are in the agent's own root, 5 in `/disk`. Claim 1 is there, 2 has a volume, and 3 a volume of another name. */
function sweeping({ roots = ['/disk'], listing }: { roots?: string[]; listing?: (root?: string) => void } = {}) {
  const deleted: NodeFolder[] = [];
  const volume = { spec: { local: { path: `/data/storage/${folderOf(3)}` } } } as unknown as PersistentVolume;
  const listed = { nodes: [NODE], persistentvolumes: [volume] };
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
        getByKey: () => listed[resource][0],
      }),
    },
    client: {
      get: async (_: unknown, _namespace: string, name: string) => {
        if (there[name]) return there[name];
        throw notFound({ group: '', resource: '' }, name);
      },
    },
    logger: silentLogger,
  } as unknown as ControllerRuntime;
  const folders = {
    list: async (_node: string, root?: string) => {
      listing?.(root);
      return root === undefined ? [1, 2, 3, 4].map(folderOf) : [folderOf(5)];
    },
    deleteEmpty: async (folder: NodeFolder) => void deleted.push(folder),
  } as unknown as NodeFolders;
  const settings = { known: () => roots } as unknown as LocalPathSettings;
  return { sweeper: new LocalPathSweeper(runtime, folders, settings), deleted };
}

describe('Folders that a killed process left', () => {
  const abandoned = (root: string | undefined, number: number) => ({ node: 'a', folder: folderOf(number), root });

  it('go once, if their claim is gone and no volume has them', async () => {
    const { sweeper, deleted } = sweeping();
    assert.equal(await sweeper.sweep('a'), undefined);
    assert.deepEqual(deleted, [abandoned(undefined, 4), abandoned('/disk', 5)]);
    assert.equal(sweeper.wants(NODE), false);
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
