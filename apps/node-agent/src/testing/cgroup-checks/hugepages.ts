import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readMachine } from '../../node/machine.js';
import { hugepageSizes } from '../../node/memory-controllers.js';
import { type CgroupBench, container } from './cgroup-bench.js';
import { unified } from './cgroup-files.js';

const MiB = 1 << 20;
const NODES = { group: '', version: 'v1', resource: 'nodes' };
const LIMIT = 4;
/** mmap(NULL, size, READ|WRITE, PRIVATE|ANONYMOUS|HUGETLB): prints an address, or -1. busybox has nothing that can. */
const map = (mebibytes: number) =>
  `chroot /host /usr/bin/perl -e 'print syscall(9, 0, ${mebibytes} << 20, 3, 0x40022, -1, 0)'`;

/** Huge pages, where the kernel has some and counts them by cgroup. */
export async function checkHugepages(bench: CgroupBench): Promise<void> {
  const total = readMachine().hugepages['hugepages-2Mi'] ?? 0;
  if (!hugepageSizes().includes('2MB') || total === 0) return;
  const { files, harness } = bench;
  await bench.check('a pod gets the huge pages that it asks for, and no others', async () => {
    const node = await harness.client.get(NODES, '', 'node-1');
    assert.equal(node['status'].capacity['hugepages-2Mi'], `${total / MiB}Mi`);
    const pages = { memory: '64Mi', 'hugepages-2Mi': `${LIMIT}Mi` };
    const host = {
      volumes: [{ name: 'host', hostPath: { path: '/' } }],
      mount: { volumeMounts: [{ name: 'host', mountPath: '/host' }] },
    };
    const pod = async (name: string, resources: object) =>
      bench.run(name, { volumes: host.volumes, containers: [container('sleep 1000', resources, host.mount)] });
    const some = await pod('some', { requests: { cpu: '10m', ...pages }, limits: pages });
    const none = await pod('none', { requests: { cpu: '10m' } });
    const limit = (path: string, prefix = '') =>
      files.read('hugetlb', path, `hugetlb.2MB.${prefix}${unified ? 'max' : 'limit_in_bytes'}`);
    const paths = [files.path('burstable', some.metadata.uid), files.ofContainer('burstable', some)];
    for (const path of paths) assert.equal(limit(path), String(LIMIT * MiB), path);
    assert.equal(limit(files.path('burstable', none.metadata.uid)), '0');
    if (existsSync(`${files.folder('hugetlb', paths[0]!)}/hugetlb.2MB.rsvd.max`)) {
      assert.equal(limit(paths[0]!, 'rsvd.'), String(LIMIT * MiB));
    }
    assert.match(await bench.exec('some', map(LIMIT)), /^\d+$/);
    assert.equal(await bench.exec('some', map(LIMIT + 2)), '-1');
    assert.equal(await bench.exec('none', map(2)), '-1');
    await bench.remove('some', 'none');
  });
}
