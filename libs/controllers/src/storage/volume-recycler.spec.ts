import assert from 'node:assert/strict';
import type { KubeObject } from '#apimachinery';
import { gvr, type PersistentVolume } from '#kinds';
import { buildNode, controllerContext, FakeClock, MemoryClient } from '#testing';
import { NO_FOLDERS, runtimeFor } from '../context.js';
import { volumeRecycler } from './volume-recycler.js';

const NAMESPACE = 'default';

/** A released volume of the nodes a and b, and all that the recycler does with it. */
class World {
  readonly client = new MemoryClient();
  readonly clock = new FakeClock();
  readonly scrubbed: string[] = [];
  broken = new Set<string>();
  private readonly stop = new AbortController();
  private running: Promise<void> | undefined;

  constructor() {
    for (const name of ['a', 'b']) this.client.put(gvr.nodes, buildNode({ name }) as KubeObject);
    const claimRef = { namespace: NAMESPACE, name: 'data', uid: 'u' };
    this.client.put(gvr.persistentvolumes, {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: 'disk', annotations: { 'pv.kubernetes.io/bound-by-controller': 'yes' } },
      spec: { persistentVolumeReclaimPolicy: 'Recycle', hostPath: { path: '/mnt/disk' }, claimRef },
      status: { phase: 'Released' },
    } as KubeObject);
  }

  async start(): Promise<void> {
    const scrub = async (node: string, path: string) => {
      this.scrubbed.push(`${node} ${path}`);
      if (this.broken.has(node)) throw new Error(`node ${node}: the disk is broken`);
    };
    const context = controllerContext(this.client, { clock: this.clock });
    const options = { ...context.options, nodeFolders: { ...NO_FOLDERS, scrub } };
    const recycler = volumeRecycler(runtimeFor({ ...context, options }, 'persistent-volume-binder'));
    context.informers.start(this.stop.signal);
    this.running = recycler.run(this.stop.signal);
    await this.clock.advance(100);
  }

  async end(): Promise<void> {
    this.stop.abort();
    await this.clock.advance(1000);
    await this.running;
  }

  volume(): Promise<PersistentVolume & KubeObject> {
    return this.client.get(gvr.persistentvolumes, '', 'disk');
  }
}

describe('The recycler of volumes', () => {
  let world: World;
  beforeEach(() => {
    world = new World();
  });
  afterEach(() => world.end());

  it('empties the volume on each node that reaches it, once', async () => {
    await world.start();
    assert.deepEqual(world.scrubbed, ['a /mnt/disk', 'b /mnt/disk']);
    assert.equal((await world.volume()).spec.claimRef, undefined);
    await world.clock.advance(60_000);
    assert.equal(world.scrubbed.length, 2);
  });

  it('tries again every 15 s while a node cannot', async () => {
    world.broken.add('b');
    await world.start();
    const { status, spec } = await world.volume();
    assert.equal(status!.phase, 'Failed');
    assert.equal(status!.message, 'Recycle failed: failed to recycle volume: node b: the disk is broken');
    assert.ok(spec.claimRef);
    const tries = world.scrubbed.length;
    await world.clock.advance(14_000);
    assert.equal(world.scrubbed.length, tries);
    world.broken.clear();
    await world.clock.advance(2_000);
    assert.equal(world.scrubbed.length, tries + 2);
    assert.equal((await world.volume()).spec.claimRef, undefined);
  });

  it('waits for pods that name the claim, and not for those that have ended', async () => {
    const pod = (name: string, phase: string) =>
      ({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, namespace: NAMESPACE },
        spec: { containers: [], volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }] },
        status: { phase },
      }) as unknown as KubeObject;
    world.client.put(gvr.pods, pod('user', 'Running'));
    world.client.put(gvr.pods, pod('ended', 'Succeeded'));
    await world.start();
    await world.clock.advance(40_000);
    assert.deepEqual(world.scrubbed, []);
    world.client.remove(gvr.pods, NAMESPACE, 'user');
    await world.clock.advance(16_000);
    assert.equal(world.scrubbed.length, 2);
  });
});
