import assert from 'node:assert/strict';
import { type KubeObject, StatusError } from '#apimachinery';
import type { Client } from '#client';
import { gvr } from '#kinds';
import { type TestServer, testServer } from '#testing';

let server: TestServer;
let admin: Client;
let agent: Client;

const inWeb = (kind: string, name: string, more: object = {}, apiVersion = 'v1'): KubeObject =>
  ({ apiVersion, kind, metadata: { name, namespace: 'web' }, ...more }) as KubeObject;

function podOn(name: string, nodeName: string, secret: string): KubeObject {
  return inWeb('Pod', name, {
    spec: {
      nodeName,
      containers: [{ name: 'c', image: 'example.com/c' }],
      volumes: [{ name: 's', secret: { secretName: secret } }],
    },
  });
}

beforeAll(async () => {
  server = await testServer();
  admin = server.client();
  agent = server.client('system:node:node-1', ['system:nodes']);
  await admin.create(gvr.namespaces, '', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'web' } });
  await admin.create(gvr.serviceaccounts, 'web', inWeb('ServiceAccount', 'default'));
  for (const name of ['mine', 'theirs']) {
    await admin.create(gvr.secrets, 'web', inWeb('Secret', name, { stringData: { a: 'b' } }));
  }
});
afterAll(() => server?.close());

async function denied(work: Promise<unknown>, message: RegExp): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof StatusError, String(error));
    assert.equal(error.code, 403, error.message);
    assert.match(error.message, message);
    return true;
  });
}

describe('an agent', () => {
  it('registers its node, which starts tainted, and no other', async () => {
    const node: KubeObject = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-1' } };
    const created = await agent.create(gvr.nodes, '', node);
    assert.deepEqual(created['spec'].taints, [{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }]);
    await denied(
      agent.create(gvr.nodes, '', { ...node, metadata: { name: 'node-2' } }),
      /node "node-1" is not allowed to modify node "node-2"/,
    );
  });

  it('reads the runtime classes of its pods', async () => {
    const metadata = { name: 'sandboxed' };
    const runtimeClass = { apiVersion: 'node.k8s.io/v1', kind: 'RuntimeClass', metadata, handler: 'gvisor' };
    await admin.create(gvr.runtimeclasses, '', runtimeClass);
    const { items } = await agent.list(gvr.runtimeclasses);
    assert.deepEqual(
      items.map(({ handler }) => handler),
      ['gvisor'],
    );
  });

  it('reads and watches its own node alone', async () => {
    await agent.get(gvr.nodes, '', 'node-1');
    const list = await agent.list(gvr.nodes, { fieldSelector: 'metadata.name=node-1' });
    assert.equal(list.items.length, 1);
    await denied(agent.list(gvr.nodes), /node 'node-1' cannot read all nodes, only its own Node object/);
  });

  it('reports its status, and cannot take its taints away', async () => {
    const node = structuredClone(await agent.get(gvr.nodes, '', 'node-1'));
    node['status'] = { ...node['status'], capacity: { cpu: '2' } };
    const updated = structuredClone(await agent.update(gvr.nodes, '', node, { subresource: 'status' }));
    assert.equal(updated['status'].capacity.cpu, '2');
    updated['spec'].taints = [];
    await denied(agent.update(gvr.nodes, '', updated), /is not allowed to modify taints/);
  });

  it('keeps its own lease', async () => {
    const lease = (name: string): KubeObject => ({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name, namespace: 'kube-node-lease' },
      spec: { holderIdentity: name },
    });
    await agent.create(gvr.leases, 'kube-node-lease', lease('node-1'));
    await agent.get(gvr.leases, 'kube-node-lease', 'node-1');
    await denied(agent.create(gvr.leases, 'kube-node-lease', lease('node-2')), /same name as the requesting node/);
  });

  it('sees its pods by field selector and no others', async () => {
    await admin.create(gvr.pods, 'web', podOn('a', 'node-1', 'mine'));
    await admin.create(gvr.pods, 'web', podOn('b', 'node-2', 'theirs'));
    const list = await agent.list(gvr.pods, { fieldSelector: 'spec.nodeName=node-1' });
    assert.deepEqual(
      list.items.map((pod) => pod.metadata.name),
      ['a'],
    );
    await denied(agent.list(gvr.pods), /can only list\/watch pods with spec.nodeName field selector/);
    await denied(agent.list(gvr.pods, { fieldSelector: 'spec.nodeName=node-2' }), /spec.nodeName field selector/);
    await denied(agent.get(gvr.pods, 'web', 'b'), /no relationship found between node 'node-1' and this object/);
  });

  it('reads the secrets of its pods and no others', async () => {
    assert.equal((await agent.get(gvr.secrets, 'web', 'mine')).metadata.name, 'mine');
    await denied(agent.get(gvr.secrets, 'web', 'theirs'), /no relationship found/);
    await denied(agent.list(gvr.secrets, { namespace: 'web' }), /No Object name found/);
  });

  it('reports the status of its pods and no others', async () => {
    const mine = structuredClone(await admin.get(gvr.pods, 'web', 'a'));
    mine['status'] = { ...mine['status'], phase: 'Running' };
    await agent.update(gvr.pods, 'web', mine, { subresource: 'status' });
    const theirs = structuredClone(await admin.get(gvr.pods, 'web', 'b'));
    theirs['status'] = { ...theirs['status'], phase: 'Failed' };
    await denied(
      agent.update(gvr.pods, 'web', theirs, { subresource: 'status' }),
      /can only update pod status for pods with spec.nodeName set to itself/,
    );
  });

  it('has copies of its static pods, and of no others', async () => {
    const { uid } = (await agent.get(gvr.nodes, '', 'node-1')).metadata;
    const owner = { apiVersion: 'v1', kind: 'Node', name: 'node-1', uid: uid!, controller: true };
    const annotations = { 'kubernetes.io/config.source': 'file', 'kubernetes.io/config.mirror': 'hash' };
    const mirror = (nodeName: string): KubeObject => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'fixed-node-1', namespace: 'web', annotations, ownerReferences: [owner] },
      spec: { nodeName, containers: [{ name: 'c', image: 'example.com/c' }] },
    });
    await denied(agent.create(gvr.pods, 'web', mirror('node-2')), /spec.nodeName set to itself/);
    const created = await agent.create(gvr.pods, 'web', mirror('node-1'));
    assert.equal(created['spec'].serviceAccountName, undefined);
    const status = { ...created['status'], phase: 'Running' };
    await agent.update(gvr.pods, 'web', { ...created, status }, { subresource: 'status' });
    // A user's deletion waits for the node, which ends it.
    await admin.delete(gvr.pods, 'web', 'fixed-node-1');
    assert.ok((await agent.get(gvr.pods, 'web', 'fixed-node-1')).metadata.deletionTimestamp);
    await agent.delete(gvr.pods, 'web', 'fixed-node-1', { gracePeriodSeconds: 0 });
    await agent.create(gvr.pods, 'web', mirror('node-1'));
  });

  it('gets tokens for its pods and no others', async () => {
    const ask = async (pod: string) => {
      const { uid } = (await admin.get(gvr.pods, 'web', pod)).metadata;
      const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name: pod, uid };
      const request: KubeObject = {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        metadata: {},
        spec: { boundObjectRef },
      };
      return agent.create(gvr.serviceaccounts, 'web', request, { name: 'default', subresource: 'token' });
    };
    assert.match((await ask('a'))['status'].token, /^[\w-]+\.[\w-]+\.[\w-]+$/);
    await denied(ask('b'), /node requested token bound to a pod scheduled on a different node/);
  });

  it('follows Services and EndpointSlices for its proxy', async () => {
    await agent.list(gvr.services);
    await agent.list(gvr.endpointslices);
  });

  it('is no administrator', async () => {
    await denied(agent.list(gvr.configmaps), /cannot list resource "configmaps"/);
    await denied(agent.delete(gvr.namespaces, '', 'web'), /cannot delete resource "namespaces"/);
    await denied(agent.create(gvr.pods, 'web', podOn('c', 'node-1', 'theirs')), /can only create mirror pods/);
  });
});
