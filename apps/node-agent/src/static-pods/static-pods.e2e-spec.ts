import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BUSYBOX_IMAGE, containerdMissing, describeUnless } from '#testing';
import { SourceAnnotation } from '../pod/pod-source.js';
import { AgentHarness } from '../testing/agent-harness.js';

const NAME = 'fixed-node-1';
const NODES = { group: '', version: 'v1', resource: 'nodes' };

describeUnless(containerdMissing(), 'static pods', () => {
  let harness: AgentHarness;
  beforeAll(async () => {
    harness = await AgentHarness.start();
  });
  afterAll(() => harness.close());

  const write = (seconds: number) => {
    const directory = harness.options.podManifestPath!;
    mkdirSync(directory, { recursive: true });
    const container = { name: 'main', image: BUSYBOX_IMAGE, command: ['sleep', String(seconds)] };
    const spec = { terminationGracePeriodSeconds: 0, containers: [container] };
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'fixed' }, spec };
    writeFileSync(join(directory, 'fixed.json'), JSON.stringify(pod));
  };
  const observed = () => [...harness.agent.parts.observer.pods()].filter(({ name }) => name === NAME);
  const until = async (holds: () => boolean | Promise<boolean>) => {
    for (const end = Date.now() + 20_000; !(await holds()); await sleep(20)) {
      if (Date.now() > end) throw new Error('timed out');
    }
  };
  const runs = () => observed().some(({ containers }) => containers.some(({ state }) => state === 'running'));

  test('begin without an API server, which has a copy of them when it is back', async () => {
    harness.agent.close();
    harness.client.away = true;
    write(1000);
    const started = harness.startAgent();
    await until(runs);
    harness.client.away = false;
    await started;
    const mirror = await harness.running(NAME);
    const node = await harness.client.get(NODES, '', 'node-1');
    assert.deepEqual(
      mirror.metadata.ownerReferences?.map(({ uid }) => uid),
      [node.metadata.uid],
    );
    const { annotations } = mirror.metadata;
    assert.equal(annotations?.[SourceAnnotation.mirror], annotations?.[SourceAnnotation.hash]);
    assert.equal(harness.agent.pods.find('default', NAME)?.metadata.uid, observed()[0]?.uid);
  });

  test('get a new copy when theirs is deleted, and are not touched by that', async () => {
    const [before] = observed();
    const { uid } = (await harness.pod(NAME))!.metadata;
    await harness.client.delete({ group: '', version: 'v1', resource: 'pods' }, 'default', NAME);
    await harness.until(NAME, ({ metadata, status }) => metadata.uid !== uid && status.phase === 'Running');
    assert.equal(observed()[0]?.containers[0]?.id, before?.containers[0]?.id);
  });

  test('are others when their file is, stay when the agent starts anew, and go with their file', async () => {
    const hash = async () => (await harness.pod(NAME))?.metadata.annotations?.[SourceAnnotation.mirror];
    const [before, old] = [observed()[0]!.uid, await hash()];
    write(2000);
    await until(async () => runs() && observed()[0]?.uid !== before && (await hash()) !== old);
    await harness.running(NAME);
    const [kept] = observed();
    harness.agent.close();
    await harness.startAgent();
    await harness.running(NAME);
    assert.deepEqual(
      observed().map(({ containers }) => containers[0]?.id),
      [kept?.containers[0]?.id],
    );
    rmSync(join(harness.options.podManifestPath!, 'fixed.json'));
    await until(async () => observed().length === 0 && (await harness.pod(NAME)) === undefined);
  });
});
