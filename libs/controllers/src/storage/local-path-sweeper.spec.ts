import assert from 'node:assert/strict';
import type { KubeObject } from '#apimachinery';
import { gvr } from '#kinds';
import { controllerContext, FakeClock, MemoryClient } from '#testing';
import { NO_FOLDERS } from '../context.js';
import { startControllers } from '../start-controllers.js';

const SYSTEM = '/usr/volumes';
const DISK = '/disk';
const PATHS = { nodePathMap: [{ node: 'node-1', paths: [SYSTEM, DISK] }] };
const folderOf = (number: number) => `pvc-01234567-89ab-cdef-0123-00000000000${number}_ns_claim-${number}`;

describe('the look for folders that nobody has', () => {
  let client: MemoryClient;
  let clock: FakeClock;
  /** Names by the folder that they are in; '': the agent's own. */
  let there: Map<string, Set<string>>;
  let asked: string[];
  let fails: Error | undefined;
  let stop: AbortController;
  let running: Promise<unknown>;

  const put = (of: Parameters<MemoryClient['put']>[0], kind: string, name: string, more: object, namespace?: string) =>
    client.put(of, { apiVersion: 'v1', kind, metadata: { name, namespace }, ...more } as KubeObject);
  const isReady = () =>
    put(gvr.nodes, 'Node', 'node-1', { status: { conditions: [{ type: 'Ready', status: 'True' }] } });

  beforeEach(() => {
    client = new MemoryClient();
    clock = new FakeClock();
    there = new Map([
      ['', new Set([folderOf(1), folderOf(2)])],
      [DISK, new Set([folderOf(3)])],
    ]);
    [asked, fails] = [[], undefined];
    put(
      gvr.configmaps,
      'ConfigMap',
      'local-path-config',
      { data: { 'config.json': JSON.stringify(PATHS) } },
      'kube-system',
    );
    const [volume] = folderOf(1).split('_');
    put(gvr.persistentvolumes, 'PersistentVolume', volume!, { spec: { hostPath: { path: `/x/${folderOf(1)}` } } });
    stop = new AbortController();
    const base = controllerContext(client, { clock });
    const nodeFolders = {
      ...NO_FOLDERS,
      async list(_node: string, root = '') {
        asked.push(root);
        if (fails) throw fails;
        if (root === SYSTEM) throw Object.assign(new Error('belongs to the system'), { refused: true });
        return [...there.get(root)!];
      },
      async deleteEmpty({ folder, root = '' }: { folder: string; root?: string }) {
        there.get(root)!.delete(folder);
      },
    };
    const names = ['local-path-provisioner-controller'];
    const context = { ...base, options: { ...base.options, nodeFolders } };
    running = startControllers({ ...context, signal: stop.signal, names, leaderElect: false });
  });

  afterEach(async () => {
    stop.abort();
    await running;
  });

  it('goes on behind a folder in which the agent makes none, and asks once', async () => {
    isReady();
    await clock.advance(60_000);
    assert.deepEqual(there.get(''), new Set([folderOf(1)]));
    assert.deepEqual(there.get(DISK), new Set());
    isReady();
    await clock.advance(60_000);
    assert.deepEqual(asked, ['', SYSTEM, DISK]);
  });

  it('asks the server about no folder whose volume is there', async () => {
    there.get('')!.delete(folderOf(2));
    there.get(DISK)!.clear();
    client.calls = {};
    isReady();
    await clock.advance(60_000);
    assert.equal(asked.length, 3);
    const { 'get persistentvolumeclaims': claims, 'get persistentvolumes': volumes } = client.calls;
    assert.deepEqual([claims, volumes], [undefined, undefined]);
  });

  it('ends after five failures', async () => {
    fails = new Error('does not answer');
    isReady();
    await clock.advance(600_000);
    assert.deepEqual(asked, ['', '', '', '', '']);
  });
});
