import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLogger } from '#client';
import { gvr, type Node } from '#kinds';
import type { NodeAgent } from '../agent.js';
import type { Pod } from '../pod/pod.js';
import { MemoryClient } from '../testing/memory-client.js';
import { AddressPool, nodeAddress } from './hollow-addresses.js';
import { startHollowNode } from './hollow-node.js';
import { parseHollowOptions } from './hollow-options.js';

const OPTIONS = parseHollowOptions(['--count=2', '--kubeconfig=/none', '--cpus=8', '--memory=16Gi'])!;

describe('a hollow node', () => {
  let directory: string;
  let client: MemoryClient;
  let agent: NodeAgent;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'hollow-spec-'));
    client = new MemoryClient();
    const environment = { client, heartbeats: client, events: { event: () => {} }, logger: silentLogger, directory };
    agent = await startHollowNode(OPTIONS, 3, environment);
  });

  afterEach(async () => {
    agent.close();
    await rm(directory, { recursive: true, force: true });
  });

  async function until<T>(read: () => Promise<T>, holds: (value: T) => unknown): Promise<T> {
    for (const end = Date.now() + 10_000; ; await sleep(10)) {
      const value = await read();
      if (holds(value)) return value;
      assert.ok(Date.now() < end, JSON.stringify(value));
    }
  }

  const createPod = (name: string, more: object = {}) =>
    client.create<Pod>(gvr.pods, 'default', {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'default', uid: `uid-${name}` },
      spec: {
        nodeName: 'hollow-3',
        restartPolicy: 'Always',
        terminationGracePeriodSeconds: 30,
        containers: [{ name: 'main', image: 'app:1', ...more }],
      },
      status: { phase: 'Pending' },
    });

  const find = (name: string) => client.get<Pod>(gvr.pods, 'default', name).catch(() => undefined);

  it('registers as the machine that its flags describe, and renews its Lease', async () => {
    const node = await client.get<Node>(gvr.nodes, '', 'hollow-3');
    assert.deepEqual([node.status!.capacity!['cpu'], node.status!.capacity!['memory']], ['8', '16Gi']);
    assert.deepEqual(node.status!.addresses, [
      { type: 'InternalIP', address: '198.18.0.4' },
      { type: 'Hostname', address: 'hollow-3' },
    ]);
    assert.equal(node.status!.conditions!.find(({ type }) => type === 'Ready')!.status, 'True');
    const leases = { group: 'coordination.k8s.io', version: 'v1', resource: 'leases' };
    await until(
      () => client.get(leases, 'kube-node-lease', 'hollow-3').catch(() => undefined),
      (lease) => lease?.['spec'].holderIdentity === 'hollow-3',
    );
  });

  it('renews its Lease though requests of its pods wait', async () => {
    const busy = new MemoryClient();
    busy.get = () => new Promise(() => {});
    const directory = mkdtempSync(join(tmpdir(), 'hollow-spec-'));
    const environment = {
      client: busy,
      heartbeats: client,
      events: { event: () => {} },
      logger: silentLogger,
      directory,
    };
    const other = await startHollowNode(OPTIONS, 4, environment);
    try {
      const lease = { group: 'coordination.k8s.io', version: 'v1', resource: 'leases' };
      await until(
        () => client.get(lease, 'kube-node-lease', 'hollow-4').catch(() => undefined),
        (found) => found?.['spec'].holderIdentity === 'hollow-4',
      );
    } finally {
      other.close();
      await rm(directory, { recursive: true, force: true });
    }
  });

  it('reports a pod as ready, with an address, and lets it go when it is deleted', async () => {
    await createPod('web', { readinessProbe: { httpGet: { port: 80 }, periodSeconds: 1 } });
    const isReady = (pod: Pod | undefined) =>
      pod?.status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');
    const pod = (await until(() => find('web'), isReady))!;
    assert.equal(pod.status.phase, 'Running');
    assert.equal(pod.status.podIP, '100.64.3.1');
    assert.match(pod.status.containerStatuses![0]!.containerID!, /^hollow:\/\//);
    await client.delete(gvr.pods, 'default', 'web');
    await until(
      () => find('web'),
      (left) => left === undefined,
    );
  });

  it('ends a pod at once, however long its grace is', async () => {
    const began = Date.now();
    await createPod('long');
    await until(
      () => find('long'),
      (pod) => pod?.status.phase === 'Running',
    );
    await client.delete(gvr.pods, 'default', 'long');
    await until(
      () => find('long'),
      (left) => left === undefined,
    );
    assert.ok(Date.now() - began < 10_000);
  });
});

describe('addresses of hollow nodes', () => {
  it('differ between nodes, and between the pods of one', () => {
    assert.deepEqual([0, 255, 65_535].map(nodeAddress), ['198.18.0.1', '198.18.1.0', '198.19.0.0']);
    const pool = new AddressPool(257);
    assert.deepEqual([pool.take(), pool.take()], ['100.65.1.1', '100.65.1.2']);
  });

  it('come back after they were given back, and not before the others', () => {
    const pool = new AddressPool(0);
    const all = Array.from({ length: 254 }, () => pool.take());
    assert.equal(new Set(all).size, 254);
    assert.throws(() => pool.take(), /no address left/);
    pool.giveBack('100.64.0.7');
    assert.equal(pool.take(), '100.64.0.7');
  });
});

test.each([
  [['--count=0'], '--count: must be a whole number from 1 to 16384: got 0'],
  [['--count=many'], '--count: must be a whole number from 1 to 16384: got many'],
  [['--count=2', '--first=16383'], '--first: must be a whole number from 0 to 16382: got 16383'],
  [['--memory=0'], '--memory: must be a quantity above zero: got 0'],
  [['--name-prefix=Big'], '--name-prefix: must be the beginning of a name of a node: got Big'],
])('refuses %j', (args, message) => {
  assert.throws(() => parseHollowOptions(args), { name: 'SettingError', message });
});
