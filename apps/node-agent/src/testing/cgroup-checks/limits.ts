import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Pod } from '../../pod/pod.js';
import { CgroupDriverError, cgroupSetup } from '../../runtime/cgroup-driver.js';
import { CriRuntime } from '../../runtime/cri.js';
import { type CgroupBench, container, eventually, PATIENCE, PIDS_LIMIT, PODS } from './cgroup-bench.js';
import { DRIVERS, MOUNT, unified } from './cgroup-files.js';

const MiB = 1 << 20;
const BURSTABLE = { requests: { cpu: '250m', memory: '32Mi' }, limits: { cpu: '505m', memory: '64Mi' } };

/** What pods may use, how that changes, and what is left of them. */
export async function checkLimits(bench: CgroupBench): Promise<void> {
  const { harness, files } = bench;
  const { driver } = bench.setup;

  await bench.check('the agent takes the driver from its runtime, and refuses another', async () => {
    const runtime = new CriRuntime(harness.environment.socket);
    const { driver: found, weightCurve } = await cgroupSetup(runtime, undefined);
    assert.deepEqual([found, weightCurve], [driver, bench.setup.curve]);
    const other = DRIVERS.find((name) => name !== driver);
    await assert.rejects(cgroupSetup(runtime, other), CgroupDriverError);
  });

  await bench.check('a pod has its limits, and its containers lie in its cgroup', async () => {
    const pod = await bench.run('limited', { containers: [container('sleep 1000', BURSTABLE)] });
    const path = files.path('burstable', pod.metadata.uid);
    const expected = { memory: String(64 * MiB), weight: files.weight(256), processes: String(PIDS_LIMIT) };
    // systemd keeps whole percents: 50.5 % becomes 51 % for the pod. The container's own number is the runtime's.
    const quota = driver === 'systemd' ? '51000' : '50500';
    assert.deepEqual(files.limits(path), { ...expected, quota });
    const inside = files.ofProcesses(pod);
    assert.equal(inside.length, 2);
    for (const found of inside) assert.ok(found.startsWith(`/${path}/`), found);
    // crun makes a cgroup of its own in the scope.
    const scope = /\/cri-containerd-[0-9a-f]+\.scope(?:\/container)?$/;
    if (driver === 'systemd') for (const found of inside) assert.match(found, scope);
  });

  await bench.check('the runtime gives the container the weight that the agent gives the pod', async () => {
    const pod = (await harness.pod('limited'))!;
    assert.equal(files.limits(files.ofContainer('burstable', pod)).weight, files.weight(256));
  });

  await bench.check('the tree of classes weighs what its pods ask for', async () => {
    // The tree is brought up to date every ten seconds.
    const burstable = () => files.limits(files.path('burstable')).weight;
    await eventually('the class weighs its pods', () => burstable() === files.weight(256));
    assert.equal(files.limits(files.path('besteffort')).weight, files.weight(2));
    const total = Number(/^MemTotal:\s+(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))![1]) * 1024;
    assert.equal(files.limits(files.path('')).memory, String(total));
  });

  if (unified) {
    await bench.check('with cgroup v2 a container has no swap and dies as a whole', async () => {
      const own = files.ofContainer('burstable', (await harness.pod('limited'))!);
      assert.equal(files.read('memory', own, 'memory.oom.group'), '1');
      assert.equal(files.read('memory', own, 'memory.low'), '0');
      const swap = join(files.folder('memory', own), 'memory.swap.max');
      if (existsSync(swap)) assert.equal(readFileSync(swap, 'utf8').trim(), '0');
    });
  }

  await bench.check('a running pod gets more and less, in its own cgroup and its container', async () => {
    await resize(bench, 'limited', { ...BURSTABLE, limits: { cpu: '1', memory: '128Mi' } });
    await expectLimits(bench, 'limited', '100000', 128 * MiB);
    await resize(bench, 'limited', { ...BURSTABLE, limits: { cpu: '300m', memory: '48Mi' } });
    await expectLimits(bench, 'limited', '30000', 48 * MiB);
  });

  if (driver === 'systemd') {
    await bench.check('systemd reloads its units and keeps the limits', async () => {
      const path = files.path('burstable', (await harness.pod('limited'))!.metadata.uid);
      const before = files.limits(path);
      const unit = path.split('/').at(-1)!;
      const property = unified ? 'MemoryMax' : 'MemoryLimit';
      const shown = execFileSync('systemctl', ['show', unit, '--property', `ActiveState,${property}`], {
        encoding: 'utf8',
      });
      assert.deepEqual(shown.trim().split('\n').sort(), ['ActiveState=active', `${property}=${48 * MiB}`]);
      execFileSync('systemctl', ['daemon-reload']);
      assert.deepEqual(files.limits(path), before);
    });
  }

  await bench.check('a pod that starts too many processes gets no more of them', async () => {
    // The inner shell ends when it cannot fork; what it started runs on.
    const many = `(for i in $(seq ${2 * PIDS_LIMIT}); do sleep 1000 & done); exec sleep 1000`;
    const pod = await bench.run('many', { containers: [container(many)] });
    const path = files.path('besteffort', pod.metadata.uid);
    // The kernel counts the refusals in the pod's cgroup with v2, and in the container's with v1.
    const refused = (cgroup: string) => files.counter('pids', cgroup, 'pids.events', 'max');
    await eventually('some are refused', () => refused(path) + refused(files.ofContainer('besteffort', pod)) > 0);
    // The shell that was refused ends.
    const found = Number(files.read('pids', path, 'pids.current'));
    assert.ok(found <= PIDS_LIMIT && found >= PIDS_LIMIT - 1, `${found} processes`);
    await bench.remove('many');
  });

  await bench.check('a container that wants more than its CPU limit is throttled', async () => {
    const { metadata } = await bench.run('busy', {
      containers: [container('while true; do :; done', { limits: { cpu: '200m' }, requests: { cpu: '50m' } })],
    });
    const path = files.path('burstable', metadata.uid);
    await eventually('it is throttled', () => files.counter('cpu', path, 'cpu.stat', 'nr_throttled') > 0);
    await bench.remove('busy');
  });

  await bench.check('a container that takes too much memory is killed, and says so', async () => {
    // The runtime listens for the kernel's word from a moment after the start, and drops it when the container's cgroup is
    // gone before it has read it, as on a busy machine with systemd. With v1 the shell outlives what it started; with v2
    // all die, and the next attempt is heard.
    const eat = 'sleep 3; (a=x; while true; do a=$a$a; done); code=$?; sleep 2; exit $code';
    await harness.create('hungry', {
      restartPolicy: 'OnFailure',
      containers: [container(eat, { limits: { memory: '24Mi' }, requests: { memory: '24Mi' } })],
    });
    const end = ({ status }: Pod) => status.containerStatuses?.[0]?.lastState?.terminated;
    const told = await harness.until('hungry', (pod) => end(pod)?.reason === 'OOMKilled', PATIENCE);
    assert.equal(end(told)?.exitCode, 137);
    await bench.remove('hungry');
  });

  await bench.check('a deleted pod leaves no cgroup and no unit', async () => {
    const { uid } = (await harness.pod('limited'))!.metadata;
    await bench.remove('limited');
    const name = files.path('burstable', uid).split('/').at(-1)!;
    const found = execFileSync('find', [MOUNT, '-type', 'd', '-name', name], { encoding: 'utf8' });
    assert.equal(found, '');
    if (driver !== 'systemd') return;
    const units = execFileSync('systemctl', ['list-units', '--all', '--no-legend', '--plain'], { encoding: 'utf8' });
    assert.deepEqual(units.match(/^(?:kubepods\S*-pod|cri-containerd)\S*/gm), null);
  });
}

/** Gives the pod's only container other resources, and waits until it has them. */
export async function resize(bench: CgroupBench, name: string, resources: Required<ResourcesOf>): Promise<void> {
  const { harness } = bench;
  const pod = (await harness.pod(name))!;
  const containers = [{ ...pod.spec.containers[0]!, resources }];
  await harness.client.update(PODS, 'default', { ...pod, spec: { ...pod.spec, containers } });
  const { status } = await harness.until(
    name,
    (candidate) => {
      const limits = candidate.status.containerStatuses?.[0]?.resources?.limits;
      const busy = candidate.status.conditions?.some(({ type }) => type.startsWith('PodResize'));
      return !busy && Object.entries(resources.limits).every(([key, value]) => limits?.[key] === value);
    },
    PATIENCE,
  );
  assert.equal(status.containerStatuses?.[0]?.restartCount, 0);
}

interface ResourcesOf {
  requests?: Record<string, string>;
  limits?: Record<string, string>;
}

async function expectLimits({ harness, files }: CgroupBench, name: string, quota: string, bytes: number) {
  const pod = (await harness.pod(name))!;
  const found = files.limits(files.path('burstable', pod.metadata.uid));
  assert.deepEqual([found.quota, found.memory], [quota, String(bytes)]);
  assert.equal(files.limits(files.ofContainer('burstable', pod)).memory, String(bytes));
}
