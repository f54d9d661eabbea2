import assert from 'node:assert/strict';
import { describeUnless } from '#testing';
import { MountKills } from '../testing/mount-kills.js';

/** `npm run kills -- mounts` plays as many as wanted. */
const ROUNDS = 8;

describeUnless(
  process.getuid?.() !== 0 && 'needs root',
  'local-path volumes, while the process that mounts them is killed',
  () => {
    let kills: MountKills;
    beforeAll(async () => {
      kills = new MountKills();
      await kills.prepare();
    });
    afterAll(() => kills.close());

    test('are neither lost nor left', async () => {
      for (let seed = 1; seed <= ROUNDS; seed++) await kills.round(seed);
      await kills.end();
      assert.equal(kills.kills.get('agent'), ROUNDS);
    });
  },
);
