import assert from 'node:assert/strict';
import { describeUnless } from '#testing';
import { Cluster, clusterMissing } from './cluster.js';
import { roundOf, VolumeKills } from './volume-kills.js';

/** `npm run kills -- volumes` plays others, and as many as wanted. These have each trick, and kill each process. */
const SEEDS = [1, 2];

describeUnless(clusterMissing(), 'volumes, while processes are killed', () => {
  let cluster: Cluster;
  let kills: VolumeKills;
  beforeAll(async () => {
    cluster = new Cluster('volume-kills');
    await cluster.up();
    kills = new VolumeKills(cluster);
    await kills.prepare();
  });
  afterAll(() => cluster?.close());

  for (const seed of SEEDS) {
    test(`are neither lost nor left: seed ${seed}`, () => kills.round(seed));
  }

  test('a seed says all of a round', () => {
    assert.deepEqual(roundOf(7), roundOf(7));
    assert.notDeepEqual(roundOf(7), roundOf(8));
  });
});
