import assert from 'node:assert/strict';
import type { KubeObject } from '#apimachinery';
import { gvr, type Node } from '#kinds';
import { buildNode, controllerContext, FakeClock, MemoryClient } from '#testing';
import { nodeTtlController, ttlSeconds, ttlStep } from './node-ttl.reconciler.js';

const ANNOTATION = 'node.alpha.kubernetes.io/ttl';

describe('the time to live of what a node keeps', () => {
  const rows: [nodes: number[], seconds: number][] = [
    [[1], 0],
    [[100], 0],
    [[101], 15],
    [[101, 90], 15],
    [[101, 89], 0],
    [[501], 30],
    [[501, 449], 15],
    [[5000], 300],
    [[5000, 10], 0],
  ];
  for (const [sizes, seconds] of rows) {
    it(`is ${seconds} s in a cluster of ${sizes.join(', then ')} nodes`, () => {
      assert.equal(ttlSeconds(sizes.reduce(ttlStep, 0)), seconds);
    });
  }

  it('is told to every node when the cluster has grown', async () => {
    const client = new MemoryClient();
    const clock = new FakeClock();
    const context = controllerContext(client, { clock });
    const { informers } = context;
    const put = (i: number) => client.put(gvr.nodes, buildNode({ name: `n${i}` }) as KubeObject);
    for (let i = 0; i < 100; i++) put(i);
    const controller = nodeTtlController(context);
    const stop = new AbortController();
    informers.start(stop.signal);
    const running = controller.run(stop.signal);
    const told = async () => {
      await clock.advance(1000);
      const { items } = await client.list<Node & KubeObject>(gvr.nodes);
      return [...new Set(items.map(({ metadata }) => metadata.annotations?.[ANNOTATION]))];
    };
    assert.deepEqual(await told(), ['0']);
    put(100);
    assert.deepEqual(await told(), ['15']);
    client.calls = {};
    await clock.advance(60_000);
    assert.deepEqual(client.calls, {});
    stop.abort();
    await running;
  });
});
