import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { type CgroupBench, container } from './cgroup-bench.js';
import { MOUNT } from './cgroup-files.js';

export async function checkCrowd(bench: CgroupBench, count: number): Promise<void> {
  const { files, harness } = bench;
  await bench.check(
    `${count} pods of all classes start at once, lie where they belong, and leave nothing`,
    async () => {
      // A slow processor takes minutes to start what may use a hundredth of it. runc itself needs some of the memory.
      const all = { cpu: `${Math.floor(1000 / count)}m`, memory: '24Mi' };
      const classes = [
        ['', { requests: all, limits: all }],
        ['burstable', { requests: all }],
        ['besteffort', {}],
      ] as const;
      const pods = Array.from({ length: count }, (_, index) => ({ name: `crowd-${index}`, kind: classes[index % 3]! }));
      for (const { name, kind } of pods) await harness.create(name, { containers: [container('sleep 1000', kind[1])] });
      for (const { name, kind } of pods) {
        const { metadata } = await bench.running(name);
        assert.ok(existsSync(files.folder('memory', files.path(kind[0], metadata.uid))), name);
      }
      await bench.remove(...pods.map(({ name }) => name));
      const left = execFileSync('find', [MOUNT, '-type', 'd', '-name', '*crowd*'], { encoding: 'utf8' });
      assert.equal(left, '');
    },
  );
}
