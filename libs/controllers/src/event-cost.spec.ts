import assert from 'node:assert/strict';
import type { GroupVersionResource, KubeObject } from '#apimachinery';
import { Informer } from '#client';
import { gvr, type Pod } from '#kinds';
import { buildPod, controllerContext, FakeClock, MemoryClient } from '#testing';
import { CONTROLLERS, startControllers } from './start-controllers.js';

const READY = '2029-12-31T00:00:00Z';
const UNREADY: Partial<Pod['status']> = { conditions: [{ type: 'Ready', status: 'False' }] };
/** Those that pods concern. The others would ask for objects that this world has not. */
const NAMES = [
  ...['deployment-controller', 'replicaset-controller', 'daemonset-controller', 'statefulset-controller'],
  ...['job-controller', 'endpointslice-controller', 'endpoints-controller', 'taint-eviction-controller'],
  ...['namespace-controller', 'persistentvolumeclaim-protection-controller'],
  'disruption-controller',
];

/** A namespace with a ReplicaSet of three pods behind a Service, and `others` more of everything. */
function populate(client: MemoryClient, others: number): void {
  const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [] } };
  const put = (resource: GroupVersionResource, kind: string, name: string, more: object) =>
    client.put(resource, {
      apiVersion: 'v1',
      kind,
      metadata: { namespace: 'default', name, uid: `uid-${name}` },
      ...more,
    } as KubeObject);
  client.put(gvr.nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n', uid: 'n' } });
  const set = (name: string, replicas: number) => {
    const labels = { app: name };
    put(gvr.replicasets, 'ReplicaSet', name, { spec: { replicas, selector: { matchLabels: labels }, template } });
    put(gvr.services, 'Service', `of-${name}`, {
      spec: { clusterIP: '10.1.0.1', selector: labels, ports: [{ port: 80 }] },
    });
    for (let i = 0; i < replicas; i += 1) {
      const pod = { name: `${name}-${i}`, labels, owner: { uid: `uid-${name}`, name }, node: 'n', readySince: READY };
      client.put(gvr.pods, buildPod({ ...pod, ip: `10.0.0.${i + 1}` }));
    }
  };
  const budget = (name: string) =>
    put(gvr.poddisruptionbudgets, 'PodDisruptionBudget', `of-${name}`, {
      spec: { maxUnavailable: 1, selector: { matchLabels: { app: name } } },
    });
  set('web', 3);
  budget('web');
  for (let i = 0; i < others; i += 1) {
    set(`other-${i}`, 1);
    budget(`other-${i}`);
    client.put(gvr.pods, buildPod({ name: `bare-${i}`, labels: { app: 'bare' }, node: 'n', readySince: READY }));
    put(gvr.statefulsets, 'StatefulSet', `s-${i}`, {
      spec: { replicas: 0, selector: { matchLabels: { s: `${i}` } }, template },
    });
  }
}

/** What the control loops ask of the server, and how often they list an informer, when one pod of many is no longer ready. */
async function costOfOneEvent(others: number): Promise<{ calls: MemoryClient['calls']; scans: number }> {
  const client = new MemoryClient();
  const clock = new FakeClock();
  populate(client, others);
  const stop = new AbortController();
  const running = startControllers({
    ...controllerContext(client, { clock }),
    signal: stop.signal,
    names: NAMES,
    leaderElect: false,
  });
  await clock.advance(60_000);
  client.calls = {};
  const lists = jest.spyOn(Informer.prototype, 'list');
  try {
    const pod = await client.get<Pod>(gvr.pods, 'default', 'web-0');
    client.put(gvr.pods, { ...pod, status: { ...pod.status, ...UNREADY } } as Pod);
    await clock.advance(5_000);
    const { 'get pods': _own, ...calls } = client.calls;
    return { calls, scans: lists.mock.calls.length };
  } finally {
    lists.mockRestore();
    stop.abort();
    await running;
  }
}

describe('one event of a pod', () => {
  it('costs as many reads and writes, and no scan, whatever else the namespace holds', async () => {
    const small = await costOfOneEvent(1);
    assert.deepEqual(small.calls, {
      'update replicasets/status': 1,
      'update endpointslices': 1,
      'update endpoints': 1,
      'update poddisruptionbudgets/status': 1,
    });
    assert.equal(small.scans, 0);
    assert.deepEqual(await costOfOneEvent(200), small);
  });
});

describe('every controller', () => {
  it('has the name that it is listed by', () => {
    const context = controllerContext(new MemoryClient(), { clock: new FakeClock() });
    for (const [name, make] of Object.entries(CONTROLLERS)) assert.equal(make!(context).name, name);
  });
});
