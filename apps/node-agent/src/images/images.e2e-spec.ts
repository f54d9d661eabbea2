import assert from 'node:assert/strict';
import { buildImage, PAUSE_IMAGE } from '#oci';
import { BUSYBOX_IMAGE, containerdMissing, describeUnless } from '#testing';
import { AgentHarness } from '../testing/agent-harness.js';

describeUnless(containerdMissing(), 'images that nobody uses', () => {
  let harness: AgentHarness;
  beforeAll(async () => {
    // Any disk is over the high threshold; never below the low one.
    harness = await AgentHarness.start({ imagePolicy: { highPercent: 0, lowPercent: 0, minimumAge: 1 } });
  });
  afterAll(() => harness.close());

  test('go when the disk is too full; those of pods and of sandboxes stay', async () => {
    const unused = 'berth.local/unused:1';
    await harness.create('user', { containers: [{ name: 'main', image: BUSYBOX_IMAGE, command: ['sleep', '1000'] }] });
    await harness.running('user');
    const files = [{ path: 'nothing', mode: 0o644, content: Buffer.from('nothing') }];
    await harness.environment.import(buildImage({ reference: unused, files }));
    const { runtime } = harness.agent;
    const tags = async () => (await runtime.listImages()).flatMap(({ repoTags }) => repoTags).sort();
    for (let i = 0; i < 100 && !(await tags()).includes(unused); i++) await new Promise((wake) => setTimeout(wake, 50));
    assert.deepEqual(await tags(), [BUSYBOX_IMAGE, PAUSE_IMAGE, unused]);
    // The first look sees it, the second finds it old enough.
    await harness.agent.parts.images.collect();
    await harness.agent.parts.images.collect();
    assert.deepEqual(await tags(), [BUSYBOX_IMAGE, PAUSE_IMAGE]);
    assert.ok(harness.reasons('node-1').includes('FreeDiskSpaceFailed'));
    await harness.delete('user');
    assert.equal(await runtime.sandboxImage(), PAUSE_IMAGE);
  });
});
