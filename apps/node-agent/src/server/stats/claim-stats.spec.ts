import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pod } from '../../pod/pod.js';
import type { NodeServerOptions } from '../node-server-options.js';
import { claimMetrics, claimUsage } from './claim-stats.js';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-stats-'));
  mkdirSync(join(directory, 'p/data'), { recursive: true });
  mkdirSync(join(directory, 'q/data'), { recursive: true });
});
afterAll(() => rmSync(directory, { recursive: true }));

const pod = (uid: string) =>
  ({
    metadata: { name: uid, namespace: 'ns', uid },
    spec: {
      volumes: [
        { name: 'data', persistentVolumeClaim: { claimName: 'shared' } },
        { name: 'in-place', persistentVolumeClaim: { claimName: 'disk' } },
        { name: 'other', emptyDir: {} },
      ],
    },
  }) as Pod;
const server = () =>
  ({
    pods: { list: () => [pod('p'), pod('q')] },
    claimFolder: (uid: string, volume: string) => join(directory, uid, volume),
  }) as unknown as NodeServerOptions;

describe('The claims of a pod', () => {
  it('are measured where they are mounted', async () => {
    const usage = await claimUsage(server(), pod('p'));
    assert.deepEqual(
      usage.map(({ volume, claim }) => [volume, claim]),
      [['data', { namespace: 'ns', name: 'shared' }]],
    );
    assert.ok(usage[0]!.disk.capacity > 0);
  });

  it('are shown once, by the names of kubelet', async () => {
    const lines = (await claimMetrics(server())).split('\n').filter((line) => line && !line.startsWith('#'));
    const labels = '{namespace="ns",persistentvolumeclaim="shared"}';
    assert.deepEqual(
      lines.map((line) => line.slice(0, line.indexOf(' '))),
      ['available_bytes', 'capacity_bytes', 'used_bytes', 'inodes', 'inodes_free', 'inodes_used'].map(
        (name) => `kubelet_volume_stats_${name}${labels}`,
      ),
    );
    assert.ok(lines.every((line) => Number(line.slice(line.indexOf(' '))) >= 0));
  });
});
