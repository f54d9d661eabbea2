// The cgroups of pods on the machine that this runs on, with the driver that is named, and with so many pods at once:
// `node cgroup-checks.js systemd 100`. Runs inside the machines of test/rigs, as root. Each check prints `ok NAME` or `FAIL NAME: why`; exit status 1 when one failed.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BUSYBOX_IMAGE } from '#testing';
import type { Container, Pod } from '../pod/pod.js';
import { type CgroupDriver, CgroupDriverError, cgroupSetup } from '../runtime/cgroup-driver.js';
import { CriRuntime } from '../runtime/cri.js';
import { AgentHarness } from './agent-harness.js';

const CGROUP_DRIVERS = ['cgroupfs', 'systemd'] as const satisfies readonly CgroupDriver[];

const MOUNT = '/sys/fs/cgroup';
const MiB = 1 << 20;
/** Emulated processors are slow. Milliseconds. */
const PATIENCE = 180_000;
const PODS = { group: '', version: 'v1', resource: 'pods' };

const driver = process.argv[2] as CgroupDriver;
assert.ok(CGROUP_DRIVERS.includes(driver), `usage: cgroup-checks.js ${CGROUP_DRIVERS.join('|')}`);
const crowd = Number(process.argv[3] ?? 0);
const unified = existsSync(join(MOUNT, 'cgroup.controllers'));
let failed = 0;

async function check(name: string, work: () => Promise<void>): Promise<void> {
  const begun = Date.now();
  try {
    await work();
    console.log(`ok ${name} (${((Date.now() - begun) / 1000).toFixed(1)} s)`);
  } catch (error) {
    failed++;
    console.log(`FAIL ${name}: ${(error as Error).stack}`);
  }
}

/** Of a class, or of a pod in it: the names that kubelet gives them. */
function cgroupPath(qos: '' | 'burstable' | 'besteffort', uid?: string): string {
  const parts = ['kubepods', ...(qos ? [qos] : []), ...(uid ? [`pod${uid}`] : [])];
  if (driver === 'cgroupfs') return parts.join('/');
  const escaped = parts.map((part) => part.replaceAll('-', '_'));
  return escaped.map((_, index) => `${escaped.slice(0, index + 1).join('-')}.slice`).join('/');
}

function place(controller: string, path: string): string {
  return unified ? join(MOUNT, path) : join(MOUNT, controller, path);
}

function read(controller: string, path: string, file: string): string {
  return readFileSync(join(place(controller, path), file), 'utf8').trim();
}

/** Numbers of the kernel for the limits of a cgroup, whichever hierarchy they are in. */
function limitsOf(path: string) {
  const [quota] = unified ? read('cpu', path, 'cpu.max').split(' ') : [read('cpu', path, 'cpu.cfs_quota_us')];
  return {
    memory: read('memory', path, unified ? 'memory.max' : 'memory.limit_in_bytes'),
    quota: quota === '-1' ? 'max' : quota,
    weight: read('cpu', path, unified ? 'cpu.weight' : 'cpu.shares'),
    processes: read('pids', path, 'pids.max'),
  };
}

/** Requests as they stand in the kernel: shares, or the weight that runc before 1.3.2 makes of them. */
const weight = (shares: number) => String(unified ? 1 + Math.floor(((shares - 2) * 9999) / 262_142) : shares);

const container = (script: string, resources: object = {}): Container => ({
  name: 'main',
  image: BUSYBOX_IMAGE,
  command: ['sh', '-c', script],
  resources: resources as never,
});

const harness = await AgentHarness.start({ cgroupRoot: '', podPidsLimit: 100 }, { cgroupDriver: driver });

const running = (name: string) =>
  harness.until(name, ({ status }) => status.containerStatuses?.every(({ started }) => started), PATIENCE);

async function remove(name: string): Promise<void> {
  await harness.client.delete(PODS, 'default', name);
  const end = Date.now() + PATIENCE;
  while (await harness.pod(name)) {
    assert.ok(Date.now() < end, `pod ${name} is still there`);
    await sleep(50);
  }
}

/** Where each hierarchy has the container's first process. */
function cgroupsOfContainer(pod: Pod): string[] {
  const path = cgroupPath('burstable', pod.metadata.uid);
  const folder = place('memory', path);
  const processes = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) =>
      readFileSync(join(folder, name, 'cgroup.procs'), 'utf8')
        .split('\n')
        .filter(Boolean),
    );
  return processes.map((id) => {
    const table = readFileSync(`/proc/${id}/cgroup`, 'utf8');
    return (unified ? /^0::(.*)$/m : /:memory:(.*)$/m).exec(table)![1]!;
  });
}

const BURSTABLE = { requests: { cpu: '250m', memory: '32Mi' }, limits: { cpu: '505m', memory: '64Mi' } };

await check('the agent takes the driver from its runtime, and refuses another', async () => {
  const runtime = new CriRuntime(harness.environment.socket);
  assert.equal((await cgroupSetup(runtime, undefined)).driver, driver);
  const other = CGROUP_DRIVERS.find((name) => name !== driver);
  await assert.rejects(cgroupSetup(runtime, other), CgroupDriverError);
});

await check('a pod has its limits, and its containers lie in its cgroup', async () => {
  const pod = await harness.create('limited', { containers: [container('sleep 1000', BURSTABLE)] });
  await running('limited');
  const path = cgroupPath('burstable', pod.metadata.uid);
  const expected = { memory: String(64 * MiB), weight: weight(256), processes: '100' };
  // systemd keeps whole percents: 50.5 % becomes 51 % for the pod. The container's own number is the runtime's.
  const quota = driver === 'systemd' ? '51000' : '50500';
  assert.deepEqual(limitsOf(path), { ...expected, quota });
  const inside = cgroupsOfContainer(pod);
  assert.equal(inside.length, 2);
  for (const found of inside) assert.ok(found.startsWith(`/${path}/`), found);
  if (driver === 'systemd') for (const found of inside) assert.match(found, /\/cri-containerd-[0-9a-f]+\.scope$/);
});

await check('the tree of classes weighs what its pods ask for', async () => {
  const sum = weight(256);
  // The tree is brought up to date every ten seconds.
  for (let attempt = 0; attempt < 60 && limitsOf(cgroupPath('burstable')).weight !== sum; attempt++) await sleep(500);
  assert.equal(limitsOf(cgroupPath('burstable')).weight, sum);
  assert.equal(limitsOf(cgroupPath('besteffort')).weight, weight(2));
  const total = Number(/^MemTotal:\s+(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))![1]) * 1024;
  assert.equal(limitsOf(cgroupPath('')).memory, String(total));
});

if (unified) {
  await check('with cgroup v2 a container has no swap and dies as a whole', async () => {
    const pod = (await harness.pod('limited'))!;
    const [own] = cgroupsOfContainer(pod).filter((path) => read('memory', path, 'memory.max') === String(64 * MiB));
    assert.equal(read('memory', own!, 'memory.oom.group'), '1');
    assert.equal(read('memory', own!, 'memory.low'), '0');
    const swap = join(place('memory', own!), 'memory.swap.max');
    if (existsSync(swap)) assert.equal(readFileSync(swap, 'utf8').trim(), '0');
  });
}

await check('a running pod gets more and less, in its own cgroup and its container', async () => {
  const resize = async (cpu: string, memory: string, quota: string, bytes: number) => {
    const pod = (await harness.pod('limited'))!;
    const resources = { ...BURSTABLE, limits: { cpu, memory } } as never;
    const containers = [{ ...pod.spec.containers[0]!, resources }];
    await harness.client.update(PODS, 'default', { ...pod, spec: { ...pod.spec, containers } });
    const { status } = await harness.until(
      'limited',
      (candidate) => {
        const limits = candidate.status.containerStatuses?.[0]?.resources?.limits;
        const busy = candidate.status.conditions?.some(({ type }) => type.startsWith('PodResize'));
        return !busy && limits?.['cpu'] === cpu && limits['memory'] === memory;
      },
      PATIENCE,
    );
    assert.equal(status.containerStatuses?.[0]?.restartCount, 0);
    const found = limitsOf(cgroupPath('burstable', pod.metadata.uid));
    assert.deepEqual([found.quota, found.memory], [quota, String(bytes)]);
    const containerLimits = cgroupsOfContainer(pod).map((path) => limitsOf(path.slice(1)).memory);
    assert.ok(containerLimits.includes(String(bytes)), containerLimits.join());
  };
  await resize('1', '128Mi', '100000', 128 * MiB);
  await resize('300m', '48Mi', '30000', 48 * MiB);
});

if (driver === 'systemd') {
  await check('systemd reloads its units and keeps the limits', async () => {
    const { uid } = (await harness.pod('limited'))!.metadata;
    const path = cgroupPath('burstable', uid);
    const before = limitsOf(path);
    const unit = path.split('/').at(-1)!;
    const property = unified ? 'MemoryMax' : 'MemoryLimit';
    const shown = execFileSync('systemctl', ['show', unit, '--property', `ActiveState,${property}`], {
      encoding: 'utf8',
    });
    assert.deepEqual(shown.trim().split('\n').sort(), ['ActiveState=active', `${property}=${48 * MiB}`]);
    execFileSync('systemctl', ['daemon-reload']);
    assert.deepEqual(limitsOf(path), before);
  });
}

await check('a container that wants more than its CPU limit is throttled', async () => {
  const { metadata } = await harness.create('busy', {
    terminationGracePeriodSeconds: 0,
    containers: [container('while true; do :; done', { limits: { cpu: '50m' }, requests: { cpu: '50m' } })],
  });
  await running('busy');
  const path = cgroupPath('burstable', metadata.uid);
  const throttled = () => Number(/^nr_throttled (\d+)$/m.exec(read('cpu', path, 'cpu.stat'))![1]);
  const end = Date.now() + PATIENCE;
  while (throttled() === 0) {
    assert.ok(Date.now() < end, `it is never throttled: ${read('cpu', path, 'cpu.stat')}`);
    await sleep(100);
  }
  await remove('busy');
});

await check('a container that takes too much memory is killed, and says so', async () => {
  const eat = 'a=x; while true; do a=$a$a; done';
  await harness.create('hungry', {
    restartPolicy: 'Never',
    containers: [container(eat, { limits: { memory: '24Mi' }, requests: { memory: '24Mi' } })],
  });
  const { status } = await harness.until('hungry', (pod) => pod.status.phase === 'Failed', PATIENCE);
  const terminated = status.containerStatuses![0]!.state?.terminated;
  assert.deepEqual([terminated?.exitCode, terminated?.reason], [137, 'OOMKilled']);
  await remove('hungry');
});

await check('a deleted pod leaves no cgroup and no unit', async () => {
  const { uid } = (await harness.pod('limited'))!.metadata;
  await remove('limited');
  const name = cgroupPath('burstable', uid).split('/').at(-1)!;
  const found = execFileSync('find', [MOUNT, '-type', 'd', '-name', name], { encoding: 'utf8' });
  assert.equal(found, '');
  if (driver !== 'systemd') return;
  const units = execFileSync('systemctl', ['list-units', '--all', '--no-legend', '--plain'], { encoding: 'utf8' });
  assert.deepEqual(units.match(/^(?:kubepods\S*-pod|cri-containerd)\S*/gm), null);
});

if (crowd > 0) {
  await check(`${crowd} pods of all classes start at once, lie where they belong, and leave nothing`, async () => {
    const all = { cpu: '1m', memory: '8Mi' };
    const classes = [
      ['', { requests: all, limits: all }],
      ['burstable', { requests: all }],
      ['besteffort', {}],
    ] as const;
    const pods = Array.from({ length: crowd }, (_, index) => ({ name: `crowd-${index}`, kind: classes[index % 3]! }));
    for (const { name, kind } of pods) await harness.create(name, { containers: [container('sleep 1000', kind[1])] });
    for (const { name, kind } of pods) {
      const { metadata } = await running(name);
      assert.ok(existsSync(place('memory', cgroupPath(kind[0], metadata.uid))), name);
    }
    for (const { name } of pods) await harness.client.delete(PODS, 'default', name);
    for (const { name } of pods) await remove(name).catch((error) => assert.match(String(error), /not found/));
    const left = execFileSync('find', [MOUNT, '-type', 'd', '-name', '*crowd*'], { encoding: 'utf8' });
    assert.equal(left, '');
  });
}

harness.agent.close();
await harness.environment.stop();
console.log(failed === 0 ? 'all checks passed' : `${failed} checks failed`);
process.exit(failed === 0 ? 0 : 1);
