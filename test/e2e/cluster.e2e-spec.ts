import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeUnless } from '#testing';
import { Cluster, clusterMissing, until } from './cluster.js';
import { leftovers, type MachineState, machineState } from './leftovers.js';
import { toolPod, webManifest } from './manifests.js';

const FIRST = 'berth.local/web:1';
const SECOND = 'berth.local/web:2';

describeUnless(clusterMissing(), 'a cluster as a user drives it', () => {
  let cluster: Cluster;
  let untouched: MachineState;

  const state = () => machineState(cluster);
  const clusterIp = async () => (await cluster.json('get', 'service', 'web')).spec.clusterIP as string;
  const page = async (address: string) =>
    (await cluster.run(['curl', '-sS', '--max-time', '5', `http://${address}/`])).stdout.trim();

  beforeAll(async () => {
    cluster = new Cluster('e2e');
    untouched = state();
    const said = await cluster.up();
    assert.match(
      said,
      /Next:\n {2}kubectl --context berth get nodes\n {2}kubectl --context berth create deployment \S+ --image=\S+\n {2}npm run status\n/,
    );
  });
  afterAll(() => cluster?.close());

  test('the node is Ready, and the kubeconfig is private and merged', async () => {
    assert.match(await cluster.kubectl('get', 'nodes'), /node-1\s+Ready\s/);
    assert.equal(statSync(cluster.kubeconfig).mode & 0o777, 0o600);
    assert.match(await cluster.ok(['kubectl', '--context=berth', 'version']), /Server Version: v1\.37/);
  });

  test('one file becomes running, reachable pods', async () => {
    await cluster.importImage(FIRST, 'version one');
    await cluster.importImage(SECOND, 'version two');
    const applied = await cluster.apply(webManifest(FIRST));
    assert.match(applied, /deployment\.apps\/web created/);
    await cluster.kubectl('rollout', 'status', 'deployment/web', '--timeout=60s');
    await until('the ClusterIP answers', async () => (await page(await clusterIp())) === 'version one');
    assert.equal(await page(`${cluster.nodeIp}:30080`), 'version one');
    assert.match(await cluster.apply(webManifest(FIRST)), /deployment\.apps\/web unchanged/);
  });

  test('the node tells all that clients ask of one', async () => {
    const node = await cluster.json('get', 'node', cluster.nodeName);
    const { addresses, capacity, allocatable, conditions, daemonEndpoints, nodeInfo } = node.status;
    assert.deepEqual(addresses, [
      { type: 'InternalIP', address: cluster.nodeIp },
      { type: 'Hostname', address: cluster.nodeName },
    ]);
    for (const resources of [capacity, allocatable]) {
      assert.ok(Number.parseInt(resources.cpu, 10) > 0);
      assert.match(resources.memory, /^[1-9]\d+Ki$/);
      assert.match(resources['ephemeral-storage'], /^[1-9]\d+(Ki)?$/);
      assert.equal(resources.pods, '110');
    }
    assert.deepEqual(daemonEndpoints, { kubeletEndpoint: { Port: 10250 } });
    assert.match(nodeInfo.kubeletVersion, /^v1\.37\.\d/);
    assert.match(nodeInfo.containerRuntimeVersion, /^containerd:\/\/v?\d/);
    for (const field of ['machineID', 'bootID', 'kernelVersion', 'osImage', 'operatingSystem', 'architecture']) {
      assert.ok(nodeInfo[field], field);
    }
    const state = Object.fromEntries(conditions.map(({ type, status }: any) => [type, status]));
    assert.deepEqual(state, { Ready: 'True', MemoryPressure: 'False', DiskPressure: 'False', PIDPressure: 'False' });
    assert.match(node.spec.podCIDR, /^10\.244\.\d+\.0\/24$/);
    assert.ok(node.metadata.labels['kubernetes.io/hostname'] && node.metadata.labels['kubernetes.io/arch']);
    const lease = await cluster.json('get', 'lease', cluster.nodeName, '-n', 'kube-node-lease');
    assert.ok(Date.now() - Date.parse(lease.spec.renewTime) < 40_000);
    await until('the imported images', async () => {
      const { images } = (await cluster.json('get', 'node', cluster.nodeName)).status;
      return [FIRST, SECOND].every((name) => images?.some(({ names }: any) => names.includes(name)));
    });
  });

  test('another pod finds the Service by its name', async () => {
    await cluster.apply(toolPod('tool', FIRST));
    await cluster.kubectl('wait', '--for=condition=Ready', 'pod/tool', '--timeout=30s');
    const answer = await cluster.kubectl(
      'exec',
      'tool',
      '--',
      'sh',
      '-c',
      "printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc web.default.svc.cluster.local 80",
    );
    assert.match(answer, /version one/);
    const short = await cluster.kubectl(
      'exec',
      'tool',
      '--',
      'sh',
      '-c',
      "printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc web 80",
    );
    assert.match(short, /version one/);
  });

  test('ConfigMap, Secret and fields reach the container', async () => {
    const environment = await cluster.kubectl('exec', 'deploy/web', '--', 'env');
    assert.match(environment, /GREETING=hello from a ConfigMap/);
    assert.match(environment, /PASSWORD=s3cret/);
    assert.match(environment, /POD_NAME=web-/);
    assert.match(environment, /WEB_SERVICE_HOST=|KUBERNETES_SERVICE_HOST=/);
    assert.equal(
      await cluster.kubectl('exec', 'deploy/web', '--', 'cat', '/config/greeting'),
      'hello from a ConfigMap',
    );
  });

  test('a rolling update loses no request', async () => {
    const ip = await clusterIp();
    let running = true;
    const answers = new Map<string, number>();
    const client = (async () => {
      while (running) {
        const answer = await page(ip);
        answers.set(answer, (answers.get(answer) ?? 0) + 1);
      }
    })();
    await cluster.kubectl('set', 'image', 'deployment/web', `web=${SECOND}`);
    await cluster.kubectl('rollout', 'status', 'deployment/web', '--timeout=90s');
    await sleep(3000);
    running = false;
    await client;
    assert.deepEqual([...answers.keys()].sort(), ['version one', 'version two'], JSON.stringify([...answers]));
  });

  test('a rollout is undone to a revision', async () => {
    assert.match(await cluster.kubectl('rollout', 'history', 'deployment/web'), /^1 [\s\S]*^2 /m);
    await cluster.kubectl('rollout', 'undo', 'deployment/web', '--to-revision=1');
    await cluster.kubectl('rollout', 'status', 'deployment/web', '--timeout=90s');
    await until('the first version answers', async () => (await page(await clusterIp())) === 'version one');
  });

  test('scaling changes the endpoints', async () => {
    await cluster.kubectl('scale', 'deployment/web', '--replicas=5');
    await cluster.kubectl('rollout', 'status', 'deployment/web', '--timeout=60s');
    await until('five endpoints', async () => {
      const slices = await cluster.json('get', 'endpointslices', '-l', 'kubernetes.io/service-name=web');
      const ready = slices.items
        .flatMap((slice: any) => slice.endpoints ?? [])
        .filter((endpoint: any) => endpoint.conditions.ready);
      return ready.length === 5;
    });
    await cluster.kubectl('scale', 'deployment/web', '--replicas=2');
    await until('two pods', async () => (await cluster.json('get', 'pods', '-l', 'app=web')).items.length === 2);
  });

  test('exec -it has a terminal and passes the exit code on', async () => {
    const kubectl = `kubectl --kubeconfig=${cluster.kubeconfig} exec -it tool -- sh -c 'test -t 0 && echo terminal; exit 7'`;
    const output = await cluster.run(['script', '-qec', kubectl, '/dev/null']);
    assert.match(output.stdout, /terminal/);
    assert.equal(output.code, 7);
    const piped = await cluster.run(
      ['kubectl', `--kubeconfig=${cluster.kubeconfig}`, 'exec', '-i', 'tool', '--', 'cat'],
      { input: 'through' },
    );
    assert.equal(piped.stdout, 'through');
  });

  test('logs -f follows', async () => {
    const child = cluster.spawn(['kubectl', `--kubeconfig=${cluster.kubeconfig}`, 'logs', '-f', '--tail=1', 'tool']);
    let text = '';
    child.stdout!.on('data', (chunk) => {
      text += chunk;
    });
    await until('two more lines', async () => text.split('tick').length > 3, 15);
    child.kill();
  });

  test('port-forward reaches the container', async () => {
    const child = cluster.spawn([
      'kubectl',
      `--kubeconfig=${cluster.kubeconfig}`,
      'port-forward',
      'deploy/web',
      '18080:8080',
    ]);
    try {
      await until('the forwarded port answers', async () => (await page('127.0.0.1:18080')) === 'version one', 15);
    } finally {
      child.kill();
    }
  });

  test('cp copies both ways', async () => {
    const [there, back] = [join(cluster.directory, 'there'), join(cluster.directory, 'back')];
    writeFileSync(there, 'copied');
    await cluster.kubectl('cp', there, 'tool:/tmp/file');
    await cluster.kubectl('cp', 'tool:/tmp/file', back);
    assert.equal(readFileSync(back, 'utf8'), 'copied');
  });

  test('describe and get show what people look for', async () => {
    const described = await cluster.kubectl('describe', 'pod', 'tool');
    for (const part of ['Status:           Running', 'Scheduled', 'Started', 'ContainersReady', 'kube-api-access']) {
      assert.ok(described.includes(part), `${part} in:\n${described}`);
    }
    const all = await cluster.kubectl('get', 'all', '-o', 'wide');
    assert.match(all, /pod\/tool\s+1\/1\s+Running\s+0\s+\S+\s+10\.244\.0\.\d+\s+node-1/);
    assert.match(all, /deployment\.apps\/web\s+2\/2\s+2\s+2/);
    assert.match(await cluster.kubectl('explain', 'deployment.spec.strategy'), /rollingUpdate/);
    assert.match(await cluster.kubectl('auth', 'can-i', 'create', 'pods'), /yes/);
    assert.match(await cluster.kubectl('top', 'node').catch((error) => error.message), /Metrics API not available|CPU/);
  });

  test('down keeps data and pods; up adopts them', async () => {
    const before = await cluster.json('get', 'pods');
    const started = (list: any) =>
      list.items
        .map((pod: any) => [
          pod.metadata.name,
          pod.status.containerStatuses[0].containerID,
          pod.status.containerStatuses[0].restartCount,
        ])
        .sort();
    await cluster.down();
    assert.notEqual((await cluster.run(['kubectl', `--kubeconfig=${cluster.kubeconfig}`, 'get', 'nodes'])).code, 0);
    const begun = Date.now();
    // As a user starts it: what is built and installed already is left alone.
    await cluster.ok(['npm', 'run', '--silent', 'up', '--', ...cluster.flags]);
    console.log(`# up again took ${((Date.now() - begun) / 1000).toFixed(1)} s`);
    assert.deepEqual(started(await cluster.json('get', 'pods')), started(before));
    await cluster.up();
    await until('the Service answers again', async () => (await page(await clusterIp())) === 'version one');
  });

  test('delete all --all empties the namespace', async () => {
    await cluster.kubectl('delete', 'all', '--all', '--timeout=60s');
    await until('no pod is left', async () => (await cluster.json('get', 'pods')).items.length === 0);
    await until(
      'the Service of the API is back or stayed',
      async () =>
        (await cluster.run(['kubectl', `--kubeconfig=${cluster.kubeconfig}`, 'get', 'service', 'kubernetes'])).code ===
        0,
    );
  });

  test('berth delete leaves nothing behind', async () => {
    await cluster.apply(toolPod('running-at-delete', FIRST));
    await cluster.kubectl('wait', '--for=condition=Ready', 'pod/running-at-delete', '--timeout=30s');
    await cluster.delete();
    assert.equal(existsSync(cluster.dataDir), false);
    await sleep(500);
    assert.deepEqual(leftovers(untouched, state()), {});
  });
});
