import assert from 'node:assert/strict';
import { describeUnless } from '#testing';
import { Cluster, clusterMissing } from './cluster.js';
import { Rollouts } from './rollouts.js';

/** `npm run rollouts` makes as many as wanted. */
const ROUNDS = 4;

describeUnless(clusterMissing(), 'roll-outs of pods that have no hook and die of the signal at once', () => {
  let cluster: Cluster;
  let rollouts: Rollouts;
  beforeAll(async () => {
    cluster = new Cluster('rollouts');
    await cluster.up();
    rollouts = new Rollouts(cluster);
    await rollouts.prepare();
  });
  afterAll(() => cluster?.close());

  test('lose no request, by ClusterIP, node port and Ingress', async () => {
    const results = await rollouts.run(ROUNDS);
    assert.deepEqual(Object.keys(results), ['clusterIP', 'nodePort', 'ingress']);
    for (const [way, { requests, failures }] of Object.entries(results)) {
      assert.ok(requests > 100, `${way}: ${requests} requests`);
      assert.deepEqual(failures, [], way);
    }
  });
});
