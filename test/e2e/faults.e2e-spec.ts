import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeUnless } from '#testing';
import { Cluster, clusterMissing, until } from './cluster.js';
import { leftovers, type MachineState, machineState, ourProcesses } from './leftovers.js';
import { webManifest } from './manifests.js';

const IMAGES = ['berth.local/web:1', 'berth.local/web:2'] as const;

describeUnless(clusterMissing(), 'what kills others', () => {
  let cluster: Cluster;
  let turn = 0;
  let untouched: MachineState;

  const state = () => machineState(cluster);
  const killSupervisor = () => {
    const [line = ''] = ourProcesses().filter((process) => process.endsWith(`${cluster.dataDir}/supervisor.json`));
    process.kill(Number.parseInt(line, 10), 'SIGKILL');
  };

  beforeAll(async () => {
    cluster = new Cluster('faults');
    untouched = state();
  });
  afterAll(() => cluster?.close());

  const runningContainers = () =>
    execFileSync(
      'ctr',
      ['-a', `${cluster.dataDir}/run/containerd/containerd.sock`, '-n', 'k8s.io', 'tasks', 'list', '-q'],
      { encoding: 'utf8' },
    )
      .split('\n')
      .filter((line) => line !== '').length;

  /** The rollout ended, and there is exactly what was asked for: no pod, container or sandbox more. */
  async function settled(image: string): Promise<void> {
    await until(
      'the rollout is complete',
      async () => {
        const { code } = await cluster.run([
          'kubectl',
          `--kubeconfig=${cluster.kubeconfig}`,
          'rollout',
          'status',
          'deployment/web',
          '--timeout=5s',
        ]);
        return code === 0;
      },
      120,
    );
    await until('only the new pods are left', async () => {
      const { items } = await cluster.json('get', 'pods', '-l', 'app=web');
      return (
        items.length === 3 &&
        items.every((pod: any) => pod.spec.containers[0].image === image && pod.status.containerStatuses[0].ready)
      );
    });
    // Three pods, each a sandbox and a container.
    await until('no container more', async () => runningContainers() === 6, 30);
    const { items } = await cluster.json('get', 'replicasets', '-l', 'app=web');
    assert.ok(items.length <= 2, 'one ReplicaSet a template');
    const ip = (await cluster.json('get', 'service', 'web')).spec.clusterIP;
    await until(
      'the Service answers',
      async () => (await cluster.run(['curl', '-sS', '--max-time', '2', `http://${ip}/`])).code === 0,
      30,
    );
  }

  test('up, interrupted at any moment and repeated, gives one whole cluster', async () => {
    for (const delay of [50, 300, 800, 1500, 2500, 4000, 6000]) {
      const child = cluster.spawn(cluster.berth('up', ...cluster.flags));
      const ended = new Promise((resolve) => child.on('close', resolve));
      await Promise.race([sleep(delay), ended]);
      child.kill('SIGKILL');
      await ended;
    }
    await cluster.up();
    assert.match(await cluster.kubectl('get', 'nodes'), /node-1\s+Ready/);
    const { stdout } = await cluster.run(cluster.berth('status', `--data-dir=${cluster.dataDir}`));
    const pids = [...stdout.matchAll(/running\s+(\d+)/g)].map((match) => match[1]);
    assert.equal(new Set(pids).size, 6, stdout);
    const servers = ourProcesses().filter((line) => line.includes(`api/src/main.js --data-dir=${cluster.dataDir}`));
    assert.equal(servers.length, 1, servers.join('\n'));
    await cluster.importImage(IMAGES[0], 'version one');
    await cluster.importImage(IMAGES[1], 'version two');
    await cluster.apply(webManifest(IMAGES[0]));
    await settled(IMAGES[0]);
  });

  for (const unit of ['agent', 'server', 'postgres', 'containerd', 'dns', 'ingress']) {
    test(`${unit} killed in the middle of a rollout`, async () => {
      turn++;
      const image = IMAGES[turn % 2]!;
      const before = await cluster.pidOf(unit);
      assert.ok(before > 0, `${unit} runs`);
      await cluster.kubectl('set', 'image', 'deployment/web', `web=${image}`);
      await sleep(700);
      process.kill(before, 'SIGKILL');
      await until(`${unit} runs again`, async () => {
        const pid = await cluster.pidOf(unit);
        return pid > 0 && pid !== before;
      });
      await settled(image);
    });
  }

  test('a container that the agent did not see die is restarted', async () => {
    const agent = await cluster.pidOf('agent');
    process.kill(agent, 'SIGKILL');
    const { items } = await cluster.json('get', 'pods', '-l', 'app=web');
    const id = items[0].status.containerStatuses[0].containerID.replace('containerd://', '');
    execFileSync('ctr', [
      '-a',
      `${cluster.dataDir}/run/containerd/containerd.sock`,
      '-n',
      'k8s.io',
      'tasks',
      'kill',
      '-s',
      'KILL',
      id,
    ]);
    await until('its restart is counted', async () => {
      const pod = await cluster.json('get', 'pod', items[0].metadata.name);
      return pod.status.containerStatuses[0].restartCount === 1 && pod.status.containerStatuses[0].ready;
    });
    const others = (await cluster.json('get', 'pods', '-l', 'app=web')).items.filter(
      (pod: any) => pod.metadata.name !== items[0].metadata.name,
    );
    assert.ok(
      others.every((pod: any) => pod.status.containerStatuses[0].restartCount === 0),
      'no other was restarted',
    );
  });

  test('supervisor killed in the middle of a rollout: what runs goes on, and up adopts it', async () => {
    const pids = async () =>
      Promise.all(['agent', 'server', 'postgres', 'containerd', 'dns', 'ingress'].map((u) => cluster.pidOf(u)));
    const before = await pids();
    await cluster.kubectl('set', 'image', 'deployment/web', `web=${IMAGES[1]}`);
    await sleep(700);
    killSupervisor();
    await settled(IMAGES[1]);
    assert.deepEqual(await pids(), before);
    await cluster.up();
    assert.deepEqual(await pids(), before);
  });

  test('pods that an up without a node left, and shims that nobody knows, go with the cluster', async () => {
    assert.match(
      await cluster.up('--no-node'),
      /^No node runs here because of --no-node; start one with: npm run up$/m,
    );
    killSupervisor();
    await cluster.delete();
    await sleep(500);
    assert.deepEqual(leftovers(untouched, state()), {});
  });
});
