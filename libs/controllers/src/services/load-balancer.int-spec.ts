import assert from 'node:assert/strict';
import type { KubeObject } from '#apimachinery';
import { gvr, type Node, type Service } from '#kinds';
import { type ControllerEnvironment, controllerEnvironment } from '#testing';

let env: ControllerEnvironment;
beforeAll(async () => {
  env = await controllerEnvironment();
  await createNode('node-1', '192.0.2.1', 'TCP/22');
});
afterAll(() => env.close());

async function createNode(name: string, address: string, listening = ''): Promise<void> {
  const metadata = { name, annotations: { 'berth.io/listening-ports': listening } };
  const conditions = [{ type: 'Ready', status: 'True' }];
  const status = { addresses: [{ type: 'InternalIP', address }], conditions };
  const node = { apiVersion: 'v1', kind: 'Node', metadata, spec: {} };
  await env.client.create<Node>(gvr.nodes, '', node as Node);
  // Other controllers write to the node meanwhile.
  await env.client.patch(gvr.nodes, '', name, 'application/merge-patch+json', { status }, { subresource: 'status' });
}

const create = (namespace: string, name: string, port: number, spec: object = {}) =>
  env.client.create<Service>(gvr.services, namespace, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace },
    spec: { type: 'LoadBalancer', ports: [{ port }], ...spec },
  });
const ingress = async (namespace: string, name: string) => {
  const { status } = await env.client.get<Service>(gvr.services, namespace, name);
  return (status?.loadBalancer?.ingress ?? []).map(({ ip, ipMode }) => `${ip} ${ipMode}`);
};
const until = (namespace: string, name: string, wanted: string[]) =>
  env.until(`${name} at ${wanted}`, async () => (await ingress(namespace, name)).join() === wanted.join());
const eventOf = (namespace: string, name: string, reason: string) =>
  env.until(`${reason} of ${name}`, async () => {
    const { items } = await env.client.list<KubeObject>(gvr.events, { namespace });
    return items.find((event) => event['involvedObject']?.name === name && event['reason'] === reason);
  });

describe('a Service of type LoadBalancer', () => {
  it('gets the addresses of the nodes, and loses them with its type', async () => {
    const ns = await env.namespace();
    await create(ns, 'web', 8080);
    await until(ns, 'web', ['192.0.2.1 VIP']);
    await eventOf(ns, 'web', 'EnsuredLoadBalancer');
    await createNode('node-2', '192.0.2.2');
    await until(ns, 'web', ['192.0.2.1 VIP', '192.0.2.2 VIP']);
    await env.client.delete(gvr.nodes, '', 'node-2');
    await until(ns, 'web', ['192.0.2.1 VIP']);
    const patch = { spec: { type: 'ClusterIP' } };
    await env.client.patch(gvr.services, ns, 'web', 'application/merge-patch+json', patch);
    await until(ns, 'web', []);
  });

  it('waits for a port that another one has, and says for which', async () => {
    const ns = await env.namespace();
    await create(ns, 'first', 8081);
    await until(ns, 'first', ['192.0.2.1 VIP']);
    await create(ns, 'second', 8081);
    const event = await eventOf(ns, 'second', 'SyncLoadBalancerFailed');
    assert.equal(event['message'], `Error syncing load balancer: port TCP/8081 belongs to Service ${ns}/first`);
    assert.deepEqual(await ingress(ns, 'second'), []);
    await env.client.delete(gvr.services, ns, 'first');
    await until(ns, 'second', ['192.0.2.1 VIP']);
  });

  it("does not take a port from the node's own processes", async () => {
    const ns = await env.namespace();
    await create(ns, 'ssh', 22);
    const event = await eventOf(ns, 'ssh', 'SyncLoadBalancerFailed');
    assert.match(event['message'], /a process of node node-1 listens at port TCP\/22$/);
    assert.deepEqual(await ingress(ns, 'ssh'), []);
  });

  it('belongs to the provider that has written its status', async () => {
    const ns = await env.namespace();
    await create(ns, 'theirs', 8082, { loadBalancerClass: 'example.com/other' });
    await create(ns, 'taken', 8083);
    await until(ns, 'taken', ['192.0.2.1 VIP']);
    const status = { loadBalancer: { ingress: [{ ip: '203.0.113.7' }] } };
    const write = (name: string) =>
      env.client.patch(gvr.services, ns, name, 'application/merge-patch+json', { status }, { subresource: 'status' });
    await Promise.all(['theirs', 'taken'].map(write));
    // The controller has seen both writes when it has answered a later one.
    await create(ns, 'later', 8084);
    await until(ns, 'later', ['192.0.2.1 VIP']);
    assert.deepEqual(await ingress(ns, 'theirs'), ['203.0.113.7 VIP']);
    assert.deepEqual(await ingress(ns, 'taken'), ['203.0.113.7 VIP']);
  });
});
