import assert from 'node:assert/strict';
import type { KubeObject } from '#apimachinery';
import { silentLogger } from '#client';
import { MetricsRegistry } from '#telemetry';
import { FakeClock } from '#testing';
import { MemoryStore } from '../../registry/testing/memory-store.js';
import { PortRange } from './ip-range.js';
import { NodePortRepair } from './node-port-repair.js';
import { NODE_PORTS } from './node-ports.js';

const LOOKS = 180_000;

describe('the repair of node ports', () => {
  let store: MemoryStore;
  let clock: FakeClock;
  let metrics: MetricsRegistry;
  let told: string[];
  let repair: NodePortRepair;

  beforeEach(() => {
    store = new MemoryStore();
    clock = new FakeClock();
    metrics = new MetricsRegistry();
    told = [];
    repair = new NodePortRepair({
      ...{ store, clock, metrics },
      range: new PortRange('30000-30009'),
      now: () => new Date(clock.now()),
      events: {
        event: ({ metadata }, type, reason, message) => told.push(`${metadata.name} ${type} ${reason}: ${message}`),
      },
      logger: silentLogger,
    });
  });

  const put = (name: string, ...nodePorts: number[]) =>
    store.put('services', {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace: 'default', name, uid: `uid-${name}` },
      spec: { type: 'NodePort', ports: nodePorts.map((nodePort) => ({ port: nodePort, nodePort })) },
    } as KubeObject);
  const hold = (port: number, service: string) =>
    store.put(NODE_PORTS, {
      apiVersion: 'berth.internal/v1',
      kind: 'NodePort',
      metadata: { name: String(port), uid: `uid-${port}` },
      spec: { parentRef: { group: '', resource: 'services', namespace: 'default', name: service } },
    } as KubeObject);
  const held = () =>
    store
      .cache(NODE_PORTS)
      .list({})!
      .items.map((item) => `${item.name} ${item.parse().spec.parentRef.name}`)
      .sort();
  const counted = (name: string) =>
    Object.fromEntries(
      metrics
        .samples()
        .filter(({ metricName, value }) => metricName === name && value > 0)
        .map(({ labels, value }) => [labels['type'] ?? '', value]),
    );
  const faults = () => counted('apiserver_nodeport_repair_port_errors_total');

  it('writes and says nothing while Services and ports fit', async () => {
    put('web', 30001, 30002);
    hold(30001, 'web');
    hold(30002, 'web');
    for (let look = 0; look < 3; look++) await repair.look();
    assert.deepEqual([store.committed, told, faults()], [[], [], {}]);
    assert.deepEqual(counted('kube_apiserver_nodeport_allocator_allocated_ports'), { '': 2 });
    assert.deepEqual(counted('kube_apiserver_nodeport_allocator_available_ports'), { '': 8 });
  });

  it('holds a port that nothing holds, and one that is held for another', async () => {
    put('web', 30001, 30002);
    hold(30002, 'gone');
    await repair.look();
    assert.deepEqual(held(), ['30001 web', '30002 web']);
    assert.deepEqual(told, [
      'web Warning PortNotAllocated: Port 30001 is not allocated; repairing',
      'web Warning PortNotAllocated: Port 30002 is not allocated; repairing',
    ]);
    await repair.look();
    assert.deepEqual(faults(), { repair: 2 });
  });

  it('leaves a port that two Services have to the one it is held for, and tells the other', async () => {
    put('first', 30001);
    put('second', 30001);
    hold(30001, 'second');
    await repair.look();
    assert.deepEqual([held(), store.committed], [['30001 second'], []]);
    assert.deepEqual(told, [
      'first Warning PortAlreadyAllocated: Port 30001 was assigned to multiple services; please recreate service',
    ]);
    assert.deepEqual(faults(), { duplicate: 1 });
  });

  it('gives a port free that no Service has', async () => {
    put('web', 30001);
    hold(30001, 'web');
    hold(30005, 'gone');
    await repair.look();
    assert.deepEqual([held(), told, faults()], [['30001 web'], [], { leak: 1 }]);
  });

  it('leaves a port alone whose Service another server wrote with it, and says nothing', async () => {
    put('grows', 30001);
    hold(30001, 'grows');
    const arrives = async (name: string, ...ports: number[]) => {
      hold(ports.at(-1)!, name);
      // The rest of the write set, of which the look sees the first object only.
      store.onCommit = () => put(name, ...ports);
      await repair.look();
    };
    await arrives('new', 30002);
    await arrives('grows', 30001, 30003);
    assert.deepEqual([held(), store.committed], [['30001 grows', '30002 new', '30003 grows'], []]);
    assert.deepEqual([told, faults()], [[], {}]);
  });

  it('says nothing of what another server repaired meanwhile', async () => {
    put('web', 30001);
    store.onCommit = () => hold(30001, 'web');
    await repair.look();
    assert.deepEqual([held(), told, faults()], [['30001 web'], [], {}]);
  });

  it('tells of a port out of the range, and leaves it', async () => {
    put('web', 31000);
    hold(31000, 'web');
    await repair.look();
    assert.deepEqual([held(), store.committed], [['31000 web'], []]);
    assert.deepEqual(told, [
      'web Warning PortOutOfRange: Port 31000 is not within the port range 30000-30009; please recreate service',
    ]);
    assert.deepEqual(faults(), { outOfRange: 1 });
  });

  it('reads no Services that have no node port, and finds the port for health checks', async () => {
    const [inside, balanced] = ['inside', 'balanced'].map((name) => ({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace: 'default', name, uid: `uid-${name}` },
    }));
    store.put('services', { ...inside!, spec: { type: 'ClusterIP', ports: [{ port: 80 }] } });
    const spec = { type: 'LoadBalancer', externalTrafficPolicy: 'Local', healthCheckNodePort: 30003 };
    store.put('services', { ...balanced!, spec });
    const unread = store.cache('services').get('default', 'inside')!;
    unread.parse = unread.peek = () => assert.fail('it was read');
    await repair.look();
    assert.deepEqual(held(), ['30003 balanced']);
  });

  it('looks again each three minutes, also after a look has failed', async () => {
    const stop = new AbortController();
    const running = repair.run(stop.signal);
    await clock.advance(0);
    hold(30005, 'gone');
    store.onCommit = () => {
      throw new Error('the database is away');
    };
    await clock.advance(LOOKS);
    assert.deepEqual(counted('apiserver_nodeport_repair_reconcile_errors_total'), { '': 1 });
    store.onCommit = () => {};
    await clock.advance(LOOKS);
    assert.deepEqual(held(), []);
    stop.abort();
    await running;
  });
});
