import assert from 'node:assert/strict';
import { parseThresholds, type Signal } from '#settings';
import { diskUsage, memoryAvailable } from '../../node/machine.js';
import type { Pod } from '../../pod/pod.js';
import { type CgroupBench, container, holdMemory, PATIENCE } from './cgroup-bench.js';
import { unified } from './cgroup-files.js';

const MiB = 1 << 20;
const NODES = { group: '', version: 'v1', resource: 'nodes' };

interface Shortage {
  signal: Signal;
  /** What the node has of it now. Bytes. */
  available(): Promise<number>;
  /** A pod that takes most of it. */
  greedy: Parameters<CgroupBench['run']>[1];
  condition: string;
  resource: string;
}

/** A node that runs short evicts the pod that takes most, tells, and takes no more until it is over. */
export async function checkEviction(bench: CgroupBench): Promise<void> {
  // Other programs of the host take memory and give it back, too: only a kernel of its own has a number that stays.
  if (unified) {
    await checkShortage(bench, {
      signal: 'memory.available',
      available: async () => memoryAvailable(),
      greedy: { containers: [container(holdMemory(300))] },
      condition: 'MemoryPressure',
      resource: 'memory',
    });
  }
  await checkShortage(bench, {
    signal: 'nodefs.available',
    available: async () => (await diskUsage(bench.harness.environment.directory)).available,
    greedy: {
      containers: [
        container(
          'dd if=/dev/zero of=/scratch/file bs=1M count=200; exec sleep 1000',
          {},
          { volumeMounts: [{ name: 'scratch', mountPath: '/scratch' }] },
        ),
      ],
      volumes: [{ name: 'scratch', emptyDir: {} }],
    },
    condition: 'DiskPressure',
    resource: 'ephemeral-storage',
  });
}

async function checkShortage(bench: CgroupBench, shortage: Shortage): Promise<void> {
  const { harness } = bench;
  const { signal, available, condition, resource, greedy } = shortage;
  await bench.check(`a node short of ${resource} evicts the pod that takes most of it`, async () => {
    await bench.run('modest', { containers: [container('sleep 1000')] });
    const before = await available();
    const threshold = Math.floor(before / MiB) - 100;
    await bench.restartAgent({ evictionThresholds: parseThresholds(`${signal}<${threshold}Mi`) });
    await bench.running('modest');
    assert.equal(await nodeCondition(bench, condition), 'False');

    await harness.create('greedy', greedy!);
    const evicted = await failed(bench, 'greedy');
    assert.equal(evicted.status.reason, 'Evicted');
    const quantity = String.raw`\d+(?:\.\d+)?\w*`;
    const message = `^The node was low on resource: ${resource}\\. Threshold quantity: ${quantity}, available: ${quantity}\\. Container main was using ${quantity}, request is 0, has larger consumption of ${resource}\\. $`;
    assert.match(evicted.status.message!, new RegExp(message));
    assert.ok(evicted.status.conditions?.some(({ type, status }) => type === 'DisruptionTarget' && status === 'True'));
    assert.ok(harness.reasons('node-1').includes('EvictionThresholdMet'));
    assert.ok(harness.reasons('greedy').includes('Evicted'));

    await harness.create('late', { containers: [container('sleep 1000')] });
    const late = await failed(bench, 'late');
    assert.equal(late.status.message, `Pod was rejected: The node had condition: [${condition}]. `);
    assert.equal(await nodeCondition(bench, condition), 'True');
    assert.equal((await bench.running('modest')).status.phase, 'Running');
    await bench.remove('greedy', 'late', 'modest');
    const after = await available();
    assert.ok(after > threshold * MiB, `${after / MiB} MiB are left of ${before / MiB}`);
  });
  await bench.restartAgent({ evictionThresholds: [] });
}

const failed = (bench: CgroupBench, name: string): Promise<Pod> =>
  bench.harness.until(name, ({ status }) => status.phase === 'Failed', PATIENCE);

async function nodeCondition({ harness }: CgroupBench, type: string): Promise<string> {
  const node = await harness.client.get(NODES, '', 'node-1');
  return node['status'].conditions.find((condition: { type: string }) => condition.type === type).status;
}
