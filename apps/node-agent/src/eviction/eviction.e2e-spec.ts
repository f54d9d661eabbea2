import assert from 'node:assert/strict';
import { DEFAULT_THRESHOLDS, parseThresholds } from '#settings';
import { BUSYBOX_IMAGE, containerdMissing, describeUnless } from '#testing';
import type { Container } from '../pod/pod.js';
import { AgentHarness } from '../testing/agent-harness.js';

const NODES = { group: '', version: 'v1', resource: 'nodes' };
const shell = (script: string, rest: Partial<Container> = {}): Container => ({
  name: 'main',
  image: BUSYBOX_IMAGE,
  command: ['sh', '-c', `${script}; sleep 1000`],
  ...rest,
});

describeUnless(containerdMissing(), 'eviction from a node', () => {
  let harness: AgentHarness;
  beforeAll(async () => {
    harness = await AgentHarness.start({ evictionThresholds: parseThresholds(DEFAULT_THRESHOLDS) });
  });
  afterAll(() => harness.close());

  const evicted = (name: string) => harness.until(name, ({ status }) => status.phase === 'Failed', 40_000);

  test('a pod that fills more of the disk than it may goes, the others stay', async () => {
    const write = (path: string) => `dd if=/dev/zero of=${path} bs=1M count=3 && sync`;
    await harness.create('still', { containers: [shell('true')] });
    await harness.create('volume', {
      containers: [shell(write('/scratch/file'), { volumeMounts: [{ name: 'scratch', mountPath: '/scratch' }] })],
      volumes: [{ name: 'scratch', emptyDir: { sizeLimit: '2Mi' } }],
    });
    const resources = { limits: { 'ephemeral-storage': '2Mi' }, requests: { 'ephemeral-storage': '1Mi' } };
    await harness.create('layer', { containers: [shell(write('/file'), { resources })] });
    const [volume, layer] = await Promise.all([evicted('volume'), evicted('layer')]);
    assert.equal(volume.status.reason, 'Evicted');
    assert.equal(volume.status.message, 'Usage of EmptyDir volume "scratch" exceeds the limit "2Mi". ');
    assert.equal(layer.status.message, 'Pod ephemeral local storage usage exceeds the total limit of containers 2Mi. ');
    assert.equal((await harness.running('still')).status.phase, 'Running');
    const node = await harness.client.get(NODES, '', 'node-1');
    const pressure = node['status'].conditions.filter(({ type }: { type: string }) => type.endsWith('Pressure'));
    assert.deepEqual(
      pressure.map(({ status }: { status: string }) => status),
      ['False', 'False', 'False'],
    );
    for (const name of ['still', 'volume', 'layer']) await harness.delete(name);
  });

  test('a node short of memory evicts what is not critical, and takes nothing that asks for nothing', async () => {
    await harness.create('vital', { containers: [shell('true')], priority: 2_000_001_000 });
    await harness.create('burst', {
      containers: [shell('true', { resources: { limits: { memory: '64Mi' }, requests: { cpu: '1m' } } })],
    });
    await harness.running('vital');
    await harness.running('burst');
    harness.agent.close();
    harness.change({ evictionThresholds: parseThresholds('memory.available<1000Ti') });
    await harness.startAgent();
    const burst = await evicted('burst');
    assert.equal(burst.status.reason, 'Evicted');
    assert.match(
      burst.status.message!,
      /^The node was low on resource: memory\. Threshold quantity: 1000Ti, available: \d+\w*\. Container main was using \d+\w*, request is 0, has larger consumption of memory\. $/,
    );
    const disrupted = burst.status.conditions?.find(({ type }) => type === 'DisruptionTarget');
    assert.equal(disrupted?.message, burst.status.message);
    await harness.create('best', { containers: [shell('true')] });
    const best = await evicted('best');
    assert.equal(best.status.message, 'Pod was rejected: The node had condition: [MemoryPressure]. ');
    await harness.running('vital');
    assert.ok(harness.reasons('node-1').includes('EvictionThresholdMet'));
    for (const name of ['vital', 'burst', 'best']) await harness.delete(name);
  });
});
