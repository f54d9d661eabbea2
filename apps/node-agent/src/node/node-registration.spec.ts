import assert from 'node:assert/strict';
import { Quantity, serviceUnavailable } from '#apimachinery';
import { gvr, type Node } from '#kinds';
import { FakeClock } from '#testing';
import { MemoryClient } from '../testing/memory-client.js';
import type { MachineFacts } from './machine.js';
import { NodeRegistration, type NodeRegistrationOptions } from './node-registration.js';

const machine: MachineFacts = {
  cpus: 2,
  memory: 2 ** 30,
  machineId: 'm',
  systemUuid: 's',
  bootId: 'b',
  kernelVersion: '6.1',
  osImage: 'Linux',
  architecture: 'amd64',
  hugepages: {},
};
const disk = { capacity: 2 ** 30, available: 2 ** 29, inodes: 100, inodesFree: 50 };

/** An API server that does not create while it is full. */
class FillingClient extends MemoryClient {
  full = false;

  override create: MemoryClient['create'] = async (...parameters) => {
    if (this.full) throw serviceUnavailable('the disk is full');
    return super.create(...parameters);
  };
}

function aNode() {
  const client = new FillingClient();
  const clock = new FakeClock();
  const log: string[] = [];
  const events: string[] = [];
  const stop = new AbortController();
  const silence = { ms: 0 };
  const ports = { text: 'TCP/22' };
  /** What the watch has told of the node; nothing by default. */
  const watched: { node?: Node } = {};
  const note = (message: string, fields: object = {}) => {
    const { error } = fields as { error?: Error };
    log.push(error ? `${message}: ${error.message}` : message);
  };
  const registration = new NodeRegistration({
    client,
    runtime: {
      version: async () => ({ runtimeName: 'containerd', runtimeVersion: '1' }),
      status: async () => ({ status: { conditions: [] } }),
      listImages: async () => [],
    } as unknown as NodeRegistrationOptions['runtime'],
    events: { event: (_object, _type, reason) => void events.push(reason) },
    logger: { info: note, warn: note, error: note },
    clock,
    machine,
    nodeName: 'node-1',
    known: () => watched.node,
    nodeIps: ['192.0.2.1', '2001:db8::1'],
    port: 10250,
    filesystems: { usage: async () => ({ node: disk, image: disk, imageIsApart: false }) },
    thresholds: [],
    pressure: () => [],
    runtimeSilence: () => silence.ms,
    listeningPorts: async () => ports.text,
  });
  const node = () => client.get<Node>(gvr.nodes, '', 'node-1').catch(() => undefined);
  return {
    client,
    clock,
    log,
    events,
    stop,
    silence,
    ports,
    watched,
    node,
    start: () => registration.start(stop.signal),
  };
}

describe('The Node object', () => {
  test('is made, and events say that the node is ready', async () => {
    const { events, log, node, start, stop } = aNode();
    await start();
    stop.abort();
    assert.equal((await node())?.status?.conditions?.find(({ type }) => type === 'Ready')?.status, 'True');
    assert.ok(events.includes('NodeReady'));
    assert.ok(log.includes('registered the node'));
  });

  test('has the ports at which the node listens, and those of now', async () => {
    const { clock, node, ports, start, stop } = aNode();
    const annotation = async () => (await node())?.metadata.annotations?.['berth.io/listening-ports'];
    await start();
    assert.equal(await annotation(), 'TCP/22');
    ports.text = 'TCP/22,TCP/80';
    await clock.advance(10_000);
    stop.abort();
    assert.equal(await annotation(), 'TCP/22,TCP/80');
  });

  test('is left alone while nothing changes, though the API server keeps no empty lists', async () => {
    const { client, clock, node, start, stop } = aNode();
    await start();
    const current = (await node())!;
    const { images, ...status } = current.status!;
    assert.deepEqual(images, []);
    await client.update(gvr.nodes, '', { ...current, status });
    const patches = jest.spyOn(client, 'patch');
    await clock.advance(60_000);
    stop.abort();
    assert.equal(patches.mock.calls.length, 0);
  });

  test('says quantities as the API server writes them, so that they are no change at the next look', async () => {
    const { client, clock, node, start, stop } = aNode();
    await start();
    const { capacity, allocatable } = (await node())!.status!;
    for (const quantities of [capacity!, allocatable!]) {
      for (const [name, text] of Object.entries(quantities)) assert.equal(Quantity.parse(text).toString(), text, name);
    }
    assert.equal(capacity!['memory'], '1Gi');
    const patches = jest.spyOn(client, 'patch');
    await clock.advance(60_000);
    stop.abort();
    assert.equal(patches.mock.calls.length, 0);
  });

  test('is not asked for while a watch tells of it', async () => {
    const { client, clock, watched, node, ports, start, stop } = aNode();
    await start();
    watched.node = await node();
    const [gets, patches] = [jest.spyOn(client, 'get'), jest.spyOn(client, 'patch')];
    await clock.advance(60_000);
    assert.deepEqual([gets.mock.calls.length, patches.mock.calls.length], [0, 0]);
    // Its own write comes back late: it is not written again meanwhile.
    ports.text = 'TCP/80';
    await clock.advance(60_000);
    assert.equal(patches.mock.calls.length, 1);
    await client.delete(gvr.nodes, '', 'node-1');
    watched.node = undefined;
    await clock.advance(10_000);
    stop.abort();
    assert.notEqual(await node(), undefined);
  });

  test('is made anew although the watch does not tell that it is gone', async () => {
    const { client, clock, watched, node, ports, start, stop } = aNode();
    await start();
    watched.node = await node();
    await client.delete(gvr.nodes, '', 'node-1');
    ports.text = 'TCP/80';
    await clock.advance(60_000);
    assert.notEqual(await node(), undefined);
    const patches = jest.spyOn(client, 'patch');
    await clock.advance(60_000);
    stop.abort();
    assert.equal(patches.mock.calls.length, 0, 'what the agent made is newer than what was seen');
  });

  test('is made anew when somebody deletes it; the log says why that fails', async () => {
    const { client, clock, log, node, start, stop } = aNode();
    await start();
    await client.delete(gvr.nodes, '', 'node-1');
    client.full = true;
    await clock.advance(10_000);
    assert.equal(await node(), undefined);
    assert.ok(log.includes('node status not written: the disk is full'), log.join('\n'));
    client.full = false;
    await clock.advance(20_000);
    assert.notEqual(await node(), undefined);
    stop.abort();
  });

  test('is not ready while the runtime does not tell what runs, whatever else it answers', async () => {
    const { clock, events, node, silence, start, stop } = aNode();
    const ready = async () => (await node())?.status?.conditions?.find(({ type }) => type === 'Ready');
    silence.ms = 180_000;
    await start();
    assert.equal((await ready())?.status, 'True');
    silence.ms = 185_000;
    await clock.advance(10_000);
    const { status, reason, message } = (await ready())!;
    assert.deepEqual(
      [status, reason, message],
      ['False', 'KubeletNotReady', 'PLEG is not healthy: pleg was last seen active 3m5s ago; threshold is 3m0s'],
    );
    assert.ok(events.includes('NodeNotReady'));
    silence.ms = 0;
    await clock.advance(1000);
    assert.equal((await ready())?.status, 'True');
    stop.abort();
  });

  test('has all its addresses, of which several may have one type', async () => {
    const { client, clock, start, stop } = aNode();
    await start();
    const patches: any[] = [];
    const patch = client.patch.bind(client);
    client.patch = (async (...args: Parameters<typeof patch>) => {
      patches.push(args[4]);
      return patch(...args);
    }) as typeof client.patch;
    await clock.advance(310_000);
    stop.abort();
    assert.deepEqual(patches[0].status.addresses, [
      { type: 'InternalIP', address: '192.0.2.1' },
      { type: 'InternalIP', address: '2001:db8::1' },
      { type: 'Hostname', address: 'node-1' },
      { $patch: 'replace' },
    ]);
  });
});
