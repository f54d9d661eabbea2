import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { silentLogger } from '#client';
import { BUSYBOX_IMAGE, ContainerdEnvironment, containerdMissing, describeUnless } from '#testing';
import { Cgroups } from '../runtime/cgroups.js';
import { CriRuntime } from '../runtime/cri.js';
import { type CriSandboxConfig, NamespaceMode } from '../runtime/cri-types.js';
import { type NodeServer, startNodeServer } from './node-server.js';
import { SpdyConnection } from './spdy/connection.js';
import { TestCertificates } from './testing/certificates.js';
import { FakePods } from './testing/fake-pods.js';
import { NodeClient, readChannels } from './testing/node-client.js';
import { ReviewClient } from './testing/review-client.js';
import { unwrapMessages } from './testing/web-socket-bytes.js';

const CGROUP = `berth-node-server-${process.pid}`;
const SCRIPT = `
trap 'exit 0' TERM
httpd -p 127.0.0.1:8080 -h /etc
echo started; echo problem >&2
while true; do sleep 1 & wait; done`;

describeUnless(containerdMissing(), 'node server on containerd', () => {
  let environment: ContainerdEnvironment;
  let cri: CriRuntime;
  let server: NodeServer;
  let certificates: TestCertificates;
  let client: NodeClient;
  let logs: string;
  const pods = new FakePods();

  beforeAll(async () => {
    environment = await ContainerdEnvironment.start();
    cri = new CriRuntime(environment.socket);
    logs = mkdtempSync(join(tmpdir(), 'berth-node-logs-'));
    const sandboxConfig: CriSandboxConfig = {
      metadata: { name: 'web', uid: 'uid-web', namespace: 'default', attempt: 0 },
      logDirectory: logs,
      labels: {},
      annotations: {},
      linux: {
        cgroupParent: `/${CGROUP}`,
        securityContext: { namespaceOptions: { pid: NamespaceMode.Container } },
      },
    };
    const sandbox = await cri.runPodSandbox(sandboxConfig);
    const id = await cri.createContainer(
      sandbox,
      {
        metadata: { name: 'main', attempt: 0 },
        image: { image: BUSYBOX_IMAGE },
        command: ['/bin/sh', '-c', SCRIPT],
        labels: { 'io.kubernetes.pod.uid': 'uid-web' },
        annotations: {},
        logPath: 'main.log',
        linux: { securityContext: { namespaceOptions: { pid: NamespaceMode.Container } } },
      },
      sandboxConfig,
    );
    await cri.startContainer(id);
    pods.add('web', { id, logPath: join(logs, 'main.log') });
    pods.change('web', (observed) => {
      observed.sandboxes[0]!.id = sandbox;
    });
    certificates = await TestCertificates.create();
    server = await startNodeServer({
      nodeName: 'node-1',
      address: '127.0.0.1',
      port: 0,
      tls: certificates.tls,
      cri,
      pods,
      client: new ReviewClient().client,
      logger: silentLogger,
    });
    client = new NodeClient(server.port, certificates.ca, await certificates.issue('CN=admin, O=system:masters'));
  });

  afterAll(async () => {
    await server?.close();
    certificates?.remove();
    await environment?.stop();
    await new Cgroups(CGROUP, { driver: 'cgroupfs', weightCurve: 'linear' }).removeRoot();
    if (logs) rmSync(logs, { recursive: true, force: true });
  });

  const path = (command: string[], flags: string) =>
    `/exec/default/web/main?${command.map((word) => `command=${encodeURIComponent(word)}`).join('&')}&${flags}`;
  const shell = (script: string, flags = 'output=1&error=1') => path(['sh', '-c', script], flags);

  for (const protocol of ['v5.channel.k8s.io', 'v4.channel.k8s.io', 'v4.base64.channel.k8s.io']) {
    it(`runs a command for ${protocol}, with its exit code`, async () => {
      const ws = await client.webSocket(shell('echo out; echo err >&2; exit 7'), [protocol]);
      const channels = await readChannels(ws);
      assert.equal(channels.get(1), 'out\n');
      assert.equal(channels.get(2), 'err\n');
      const status = JSON.parse(channels.get(3)!);
      assert.equal(status.reason, 'NonZeroExitCode');
      assert.deepEqual(status.details.causes, [{ reason: 'ExitCode', message: '7' }]);
    });
  }

  it('tells older clients the text of a failure, and nothing of success', async () => {
    const failed = await readChannels(await client.webSocket(shell('exit 3'), ['channel.k8s.io']));
    assert.match(failed.get(3)!, /^command terminated with non-zero exit code/);
    const good = await readChannels(await client.webSocket(shell('true'), ['base64.channel.k8s.io']));
    assert.equal(good.get(3) ?? '', '');
  });

  it('gives standard input, and its end with v5', async () => {
    const ws = await client.webSocket(path(['wc', '-c'], 'input=1&output=1'), ['v5.channel.k8s.io']);
    const answer = readChannels(ws);
    for (let part = 0; part < 32; part++) ws.send(Buffer.concat([Buffer.from([0]), Buffer.alloc(32 * 1024, 'x')]));
    ws.send(Buffer.from([255, 0]));
    const channels = await answer;
    assert.equal(channels.get(1)!.trim(), String(1 << 20));
    assert.equal(JSON.parse(channels.get(3)!).status, 'Success');
  });

  it('delivers large output whole', async () => {
    const ws = await client.webSocket(shell('head -c 20000000 /dev/zero | tr "\\0" a'), ['v5.channel.k8s.io']);
    assert.equal((await readChannels(ws)).get(1)!.length, 20_000_000);
  });

  it('resizes a terminal', async () => {
    const ws = await client.webSocket(shell('read go; stty size', 'input=1&output=1&tty=1'), ['v5.channel.k8s.io']);
    const answer = readChannels(ws);
    ws.send(Buffer.concat([Buffer.from([4]), Buffer.from('{"Width":97,"Height":41}\n')]));
    await new Promise((resolve) => setTimeout(resolve, 200));
    ws.send(Buffer.concat([Buffer.from([0]), Buffer.from('go\n')]));
    assert.match((await answer).get(1)!, /41 97/);
  });

  it('says on the error channel that a command cannot be run', async () => {
    const ws = await client.webSocket(path(['/no/such'], 'output=1'), ['v5.channel.k8s.io']);
    const status = JSON.parse((await readChannels(ws)).get(3)!);
    assert.equal(status.status, 'Failure');
    assert.match(status.message, /no such file or directory/);
  });

  it('passes SPDY clients on to the runtime', async () => {
    const { socket, response } = await client.upgrade(shell('echo spdy; exit 4'), {
      Upgrade: 'SPDY/3.1',
      'X-Stream-Protocol-Version': ['v4.channel.k8s.io', 'v3.channel.k8s.io'],
    });
    assert.equal(response.headers['x-stream-protocol-version'], 'v4.channel.k8s.io');
    const connection = new SpdyConnection(socket, { role: 'client' });
    const error = await connection.openStream({ streamtype: 'error' });
    const stdout = await connection.openStream({ streamtype: 'stdout' });
    const stderr = await connection.openStream({ streamtype: 'stderr' });
    const [status, output] = await Promise.all([text(error), text(stdout), text(stderr)]);
    assert.equal(output, 'spdy\n');
    assert.equal(JSON.parse(status).details.causes[0].message, '4');
    connection.close();
  });

  it('forwards a port through a tunnel', async () => {
    const { socket, response } = await client.upgrade('/portForward/default/web', {
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': Buffer.alloc(16).toString('base64'),
      'Sec-WebSocket-Protocol': 'SPDY/3.1+portforward.k8s.io',
    });
    assert.equal(response.headers['sec-websocket-protocol'], 'SPDY/3.1+portforward.k8s.io');
    const connection = new SpdyConnection(unwrapMessages(socket), { role: 'client' });
    for (const requestid of ['0', '1']) {
      const errors = await connection.openStream({ streamtype: 'error', port: '8080', requestid });
      errors.end();
      const data = await connection.openStream({ streamtype: 'data', port: '8080', requestid });
      data.write('GET /group HTTP/1.0\r\n\r\n');
      assert.match(await text(data), /nogroup:x:65534/);
      assert.equal(await text(errors), '');
    }
    connection.close();
  });

  it('forwards ports by channels, and by SPDY', async () => {
    const ws = await client.webSocket('/portForward/default/web?port=8080', ['v4.channel.k8s.io']);
    const answer = readChannels(ws);
    ws.send(Buffer.concat([Buffer.from([0]), Buffer.from('GET /group HTTP/1.0\r\n\r\n')]));
    const channels = await answer;
    assert.equal(channels.get(0)!.slice(0, 2), '\x90\x1f');
    assert.match(channels.get(0)!, /nogroup:x:65534/);

    const { socket } = await client.upgrade('/portForward/default/web', {
      Upgrade: 'SPDY/3.1',
      'X-Stream-Protocol-Version': 'portforward.k8s.io',
    });
    const connection = new SpdyConnection(socket, { role: 'client' });
    const errors = await connection.openStream({ streamtype: 'error', port: '9', requestid: '0' });
    const data = await connection.openStream({ streamtype: 'data', port: '9', requestid: '0' });
    data.resume();
    assert.match(await text(errors), /connection refused/i);
    connection.close();
  });

  it('attaches to the output of a running container', async () => {
    const ws = await client.webSocket('/attach/default/web/main?output=1&error=1', ['v5.channel.k8s.io']);
    const answer = readChannels(ws);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await cri.execSync(pods.observed('uid-web')!.containers[0]!.id, ['sh', '-c', 'echo hello > /proc/1/fd/1'], 5);
    await new Promise((resolve) => setTimeout(resolve, 200));
    ws.close();
    assert.match((await answer).get(1)!, /hello/);
  });

  it('runs a command without streams', async () => {
    const answer = await client.get('/run/default/web/main?cmd=echo%20plain', 'POST');
    assert.deepEqual([answer.code, answer.body], [200, 'plain\n']);
  });

  it('measures the pod and the node', async () => {
    const { node, pods: measured } = JSON.parse((await client.get('/stats/summary')).body);
    assert.ok(node.cpu.usageNanoCores > 0 && node.memory.workingSetBytes > 1 << 20 && node.fs.capacityBytes > 0);
    const [web] = measured;
    assert.deepEqual(web.podRef, { name: 'web', namespace: 'default', uid: 'uid-web' });
    assert.ok(web.cpu.usageCoreNanoSeconds > 0 && web.network.rxBytes > 0);
    assert.equal(web.containers[0].name, 'main');
    assert.ok(web.containers[0].memory.workingSetBytes > 0 && web.containers[0].logs.usedBytes > 0);
    const { body } = await client.get('/metrics/resource');
    for (const name of ['container_cpu_usage_seconds_total{container="main"', 'node_memory_working_set_bytes ']) {
      assert.ok(body.includes(`\n${name}`), name);
    }
    assert.match(
      (await client.get('/metrics/cadvisor')).body,
      /container_network_receive_bytes_total\{interface="eth0"/,
    );
  });

  it('gives the log, also while it grows, until the container ends', async () => {
    assert.match((await client.get('/containerLogs/default/web/main')).body, /^(started\nproblem|problem\nstarted)\n/);
    const { id } = pods.observed('uid-web')!.containers[0]!;
    const following = client.get('/containerLogs/default/web/main?follow=true&tailLines=0');
    await new Promise((resolve) => setTimeout(resolve, 100));
    await cri.execSync(id, ['sh', '-c', 'echo late > /proc/1/fd/1'], 5);
    await cri.stopContainer(id, 5);
    const ended = Date.now();
    pods.change('web', (observed) => {
      observed.containers[0]!.state = 'exited';
    });
    assert.equal((await following).body, 'late\n');
    assert.ok(Date.now() - ended < 500);
  });
});
