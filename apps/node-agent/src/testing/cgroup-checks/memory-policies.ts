import assert from 'node:assert/strict';
import { meminfo } from '../../node/machine.js';
import type { MemoryPolicy } from '../../pod/memory-policy.js';
import type { Pod } from '../../pod/pod.js';
import { type CgroupBench, container, eventually, holdMemory } from './cgroup-bench.js';
import type { Qos } from './cgroup-files.js';
import { resize } from './limits.js';

const MiB = 1 << 20;
const PAGE = 4096;
const memory = (request: number, limit: number) => ({
  requests: { memory: `${request}Mi` },
  limits: { memory: `${limit}Mi` },
});
/** With this limit of CPU both requests and limits are equal, which is what makes a pod guaranteed. */
const GUARANTEED = { requests: { cpu: '200m', memory: '32Mi' }, limits: { cpu: '200m', memory: '32Mi' } };

/** Swap, reservations and throttling, which take cgroup v2. The node has swap. */
export async function checkMemoryPolicies(bench: CgroupBench): Promise<void> {
  const { files } = bench;
  const read = (path: string, file: string) => files.read('memory', path, file);
  const ofContainer = (qos: Qos, pod: Pod, file: string) => read(files.ofContainer(qos, pod), file);
  const withPolicy = (policy: Pick<MemoryPolicy, 'swap' | 'reservation' | 'throttlingFactor'>) =>
    bench.restartAgent({ memory: policy });

  await bench.check('a container swaps no more than its part of the swap of the node', async () => {
    await withPolicy({ swap: 'LimitedSwap', reservation: 'None', throttlingFactor: undefined });
    assert.ok(meminfo('SwapTotal') > 0, 'this machine has no swap');
    const part = Math.floor(((40 * MiB) / meminfo('MemTotal')) * meminfo('SwapTotal'));
    const pod = await bench.run('swapping', { containers: [container(holdMemory(72), memory(40, 64))] });
    assert.equal(Number(ofContainer('burstable', pod, 'memory.swap.max')), Math.floor(part / PAGE) * PAGE);
    await eventually(
      'it swaps what is beyond its limit',
      () => Number(ofContainer('burstable', pod, 'memory.swap.current')) > 4 * MiB,
    );
    assert.equal((await bench.harness.pod('swapping'))!.status.containerStatuses![0]!.restartCount, 0);
    const others: [string, Qos, object][] = [
      ['guaranteed', '', GUARANTEED],
      ['besteffort', 'besteffort', {}],
    ];
    for (const [name, qos, resources] of others) {
      const other = await bench.run(name, { containers: [container('sleep 1000', resources)] });
      assert.equal(ofContainer(qos, other, 'memory.swap.max'), '0', name);
    }
    await bench.remove('swapping', 'guaranteed', 'besteffort');
  });

  await bench.check('requested memory is reserved on every level, and more of it is throttled', async () => {
    await withPolicy({ swap: 'NoSwap', reservation: 'TieredReservation', throttlingFactor: 0.5 });
    const guaranteed = await bench.run('guaranteed', { containers: [container('sleep 1000', GUARANTEED)] });
    const pod = await bench.run('throttled', { containers: [container(holdMemory(80), memory(32, 96))] });
    const expected: [path: string, file: string, mebibytes: number | 'max'][] = [
      [files.ofContainer('', guaranteed), 'memory.min', 32],
      [files.ofContainer('', guaranteed), 'memory.high', 'max'],
      [files.path('', guaranteed.metadata.uid), 'memory.min', 32],
      [files.ofContainer('burstable', pod), 'memory.low', 32],
      [files.ofContainer('burstable', pod), 'memory.min', 0],
      [files.ofContainer('burstable', pod), 'memory.high', 64],
      [files.path('burstable', pod.metadata.uid), 'memory.low', 32],
    ];
    for (const [path, file, value] of expected) {
      assert.equal(read(path, file), value === 'max' ? value : String(value * MiB), `${path} ${file}`);
    }
    await eventually('the classes reserve what their pods do', () => {
      const found = [read(files.path(''), 'memory.min'), read(files.path('burstable'), 'memory.low')];
      return found.join() === `${64 * MiB},${32 * MiB}`;
    });
    const throttled = () => files.counter('memory', files.ofContainer('burstable', pod), 'memory.events', 'high');
    await eventually('it is throttled', () => throttled() > 0);
    assert.equal((await bench.harness.pod('throttled'))!.status.containerStatuses![0]!.restartCount, 0);
    await resize(bench, 'throttled', memory(32, 160));
    assert.equal(ofContainer('burstable', pod, 'memory.high'), String(96 * MiB));
    await bench.remove('guaranteed', 'throttled');
  });

  await bench.check('resources of a pod throttle the pod', async () => {
    const resources = memory(32, 96) as never;
    const pod = await bench.run('whole', { resources, containers: [container('sleep 1000')] });
    const path = files.path('burstable', pod.metadata.uid);
    assert.deepEqual(
      [read(path, 'memory.max'), read(path, 'memory.high')],
      [96, 64].map((size) => String(size * MiB)),
    );
    await bench.remove('whole');
  });

  await withPolicy({ swap: 'NoSwap', reservation: 'None', throttlingFactor: undefined });
}
