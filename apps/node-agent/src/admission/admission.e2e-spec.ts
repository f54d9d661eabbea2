import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import type { PodSpec } from '#kinds';
import { gvr } from '#kinds';
import { BUSYBOX_IMAGE, containerdMissing, describeUnless } from '#testing';
import type { Container } from '../pod/pod.js';
import { AgentHarness } from '../testing/agent-harness.js';

const NODES = { group: '', version: 'v1', resource: 'nodes' };
const sleepy: Container = { name: 'main', image: BUSYBOX_IMAGE, command: ['sleep', '1000'] };
const onPort: Partial<PodSpec> & { containers: Container[] } = {
  hostNetwork: true,
  containers: [{ ...sleepy, ports: [{ containerPort: 31999, hostPort: 31999 }] }],
};

describeUnless(containerdMissing(), 'pods that cannot run on their node', () => {
  let harness: AgentHarness;
  beforeAll(async () => {
    harness = await AgentHarness.start();
  });
  afterAll(() => harness.close());

  const refused = (name: string) => harness.until(name, ({ status }) => status.phase === 'Failed');

  test('are refused, and say why, until the port that they want is free', async () => {
    await harness.create('first', onPort);
    await harness.running('first');
    await harness.create('second', onPort);
    const { status } = await refused('second');
    assert.deepEqual(
      [status.reason, status.message, status.containerStatuses],
      [
        'NodePorts',
        "Pod was rejected: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
        undefined,
      ],
    );
    assert.deepEqual(harness.reasons('second'), ['NodePorts']);

    harness.agent.close();
    await harness.startAgent();
    await harness.running('first');
    assert.equal((await harness.pod('second'))?.status.containerStatuses, undefined);
    await harness.delete('second');
    await harness.delete('first');
    await harness.create('third', onPort);
    await harness.running('third');
    await harness.delete('third');
  });

  test('what asks for more than there is goes, unless it is critical: then others go', async () => {
    const node = await harness.client.get(NODES, '', 'node-1');
    const cpus = Number(node['status'].allocatable.cpu);
    const asking = (cpu: number, priority?: number) => ({
      containers: [{ ...sleepy, resources: { requests: { cpu: String(cpu) } } }],
      ...(priority ? { priority } : {}),
    });
    await harness.create('huge', asking(cpus + 1));
    const { status } = await refused('huge');
    assert.equal(status.reason, 'OutOfcpu');
    const amounts = `requested: ${cpus * 1000 + 1000}, used: 0, capacity: ${cpus * 1000}`;
    assert.equal(status.message, `Pod was rejected: Node didn't have enough resource: cpu, ${amounts}`);

    await harness.create('victim', asking(cpus));
    await harness.running('victim');
    await harness.create('vital', asking(1, 2_000_001_000));
    await harness.running('vital');
    const victim = await refused('victim');
    assert.equal(victim.status.reason, 'Preempting');
    const disrupted = victim.status.conditions?.find(({ type }) => type === 'DisruptionTarget');
    assert.equal(disrupted?.reason, 'TerminationByKubelet');
    for (const name of ['huge', 'victim', 'vital']) await harness.delete(name);
  });

  test('the node is free for others as soon as it says that a pod has ended', async () => {
    const node = await harness.client.get(NODES, '', 'node-1');
    const resources = { requests: { cpu: String(Number(node['status'].allocatable.cpu)) } };
    for (const name of ['brief-1', 'brief-2', 'brief-3']) {
      await harness.create(name, {
        restartPolicy: 'Never',
        containers: [{ ...sleepy, command: ['true'], resources }],
      });
      const { status } = await harness.until(name, ({ status }) => ['Succeeded', 'Failed'].includes(status.phase!));
      assert.equal(status.phase, 'Succeeded', status.message);
    }
    for (const name of ['brief-1', 'brief-2', 'brief-3']) await harness.delete(name);
  });

  test('do not start without the isolation that they ask for', async () => {
    await harness.client.create(gvr.runtimeclasses, '', {
      apiVersion: 'node.k8s.io/v1',
      kind: 'RuntimeClass',
      metadata: { name: 'sandboxed' },
      handler: 'gvisor',
    });
    const table: [name: string, spec: object, message: RegExp][] = [
      [
        'own-users',
        { hostUsers: false },
        /can't set `spec\.hostUsers: false`, runtime does not support user namespaces$/,
      ],
      ['no-class', { runtimeClassName: 'none' }, /runtimeclass\.node\.k8s\.io "none" not found$/],
      ['no-handler', { runtimeClassName: 'sandboxed' }, /no runtime for "gvisor" is configured/],
    ];
    for (const [name, spec, message] of table) {
      await harness.create(name, { ...spec, containers: [{ ...sleepy, securityContext: { procMount: 'Unmasked' } }] });
      await harness.until(name, () => harness.reasons(name).includes('FailedCreatePodSandBox'));
      const event = harness.events.find((seen) => seen.name === name && seen.reason === 'FailedCreatePodSandBox');
      assert.match(event!.message, /^Failed to create pod sandbox: /);
      assert.match(event!.message, message);
      assert.equal((await harness.pod(name))?.status.containerStatuses?.[0]?.containerID, undefined);
      await harness.delete(name);
    }
  });

  test('may not write where their cgroups are mounted, nor see all of /proc', async () => {
    await harness.create('plain', { containers: [sleepy] });
    await harness.running('plain');
    const script =
      'touch /sys/fs/cgroup/x 2>&1; ls /sys/fs/cgroup/memory/tasks >/dev/null && echo seen; cat /proc/timer_list';
    const output = await harness.exec('plain', 'sh', '-c', script);
    const version1 = !existsSync('/sys/fs/cgroup/cgroup.controllers');
    assert.equal(output, `touch: /sys/fs/cgroup/x: Read-only file system\n${version1 ? 'seen\n' : ''}`);
    await harness.delete('plain');
  });
});
