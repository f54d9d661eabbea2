import assert from 'node:assert/strict';
import type { KubeObject } from '#apimachinery';
import type { Client } from '#client';
import { type TestServer, testServer } from '#testing';

const NODES = { group: '', version: 'v1', resource: 'nodes' };
const PODS = { group: '', version: 'v1', resource: 'pods' };
const EVENTS = { group: '', version: 'v1', resource: 'events' };
const NAMESPACE = 'default';
const TOLERANT = { tolerations: [{ key: 'team', operator: 'Equal', value: 'x', effect: 'NoSchedule' }] };

describe('scheduler with the API', () => {
  let server: TestServer;
  let client: Client;

  beforeAll(async () => {
    server = await testServer({ components: ['scheduler'] });
    client = server.client();
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace: NAMESPACE } };
    // The controller that makes it does not run here.
    await client.create<KubeObject>({ ...PODS, resource: 'serviceaccounts' }, NAMESPACE, account).catch(() => {});
  });

  afterAll(async () => {
    await server?.close();
  });

  async function createNode(name: string, cpu: string, spec: object = {}): Promise<void> {
    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { pool: name } }, spec };
    await client.create<KubeObject>(NODES, '', node);
    // A Ready node, as an agent reports it.
    const status = {
      allocatable: { cpu, memory: '8Gi', pods: '110' },
      capacity: { cpu, memory: '8Gi', pods: '110' },
      conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: '' }],
    };
    const type = 'application/strategic-merge-patch+json';
    await client.patch(NODES, '', name, type, { status }, { subresource: 'status' });
    // What the node lifecycle controller would do for a Ready node.
    await client.patch(NODES, '', name, 'application/merge-patch+json', { spec: { taints: null, ...spec } });
  }

  async function createPod(name: string, cpu: string, spec: object = {}): Promise<void> {
    const containers = [{ name: 'main', image: 'registry.example/pause:1', resources: { requests: { cpu } } }];
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { containers, ...spec } };
    await client.create<KubeObject>(PODS, NAMESPACE, pod);
  }

  const pod = (name: string) => client.get(PODS, NAMESPACE, name);

  async function until<T>(what: string, read: () => Promise<T | undefined | false>): Promise<T> {
    for (const end = Date.now() + 15_000; Date.now() < end; ) {
      const value = await read();
      if (value) return value;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`waited in vain for: ${what}`);
  }

  const nodeOf = (name: string): Promise<string> =>
    until(`${name} bound`, async () => (await pod(name))['spec'].nodeName);
  const refusal = (name: string): Promise<any> =>
    until(`${name} refused`, async () =>
      (await pod(name))['status'].conditions?.find(
        (condition: any) => condition.type === 'PodScheduled' && condition.reason === 'Unschedulable',
      ),
    );
  const eventOf = (name: string, reason: string): Promise<KubeObject> =>
    until(`${reason} of ${name}`, async () => {
      const fieldSelector = `involvedObject.name=${name},reason=${reason},source=default-scheduler`;
      return (await client.list(EVENTS, { namespace: NAMESPACE, fieldSelector })).items[0];
    });

  it('says that there are no nodes, and binds when there is one', async () => {
    await createPod('first', '1');
    assert.equal((await refusal('first')).message, 'no nodes available to schedule pods');
    await createNode('a', '2');
    assert.equal(await nodeOf('first'), 'a');
    const conditions: any[] = (await pod('first'))['status'].conditions;
    assert.equal(conditions.find(({ type }) => type === 'PodScheduled').status, 'True');
    const event = await eventOf('first', 'Scheduled');
    assert.equal(event['message'], `Successfully assigned ${NAMESPACE}/first to a`);
    assert.equal(event['reportingComponent'], 'default-scheduler');
  });

  it('refuses what does not fit, in the words of Kubernetes, and goes on when a node comes', async () => {
    await createNode('tainted', '8', { taints: [{ key: 'team', value: 'x', effect: 'NoSchedule' }] });
    await createPod('large', '2');
    const message =
      '0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint(s). preemption: 0/2 nodes are ' +
      'available: 1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling.';
    assert.equal((await refusal('large')).message, message);
    assert.equal((await eventOf('large', 'FailedScheduling'))['message'], message);
    await createNode('b', '2');
    assert.equal(await nodeOf('large'), 'b');
  });

  it('follows tolerations and selectors', async () => {
    await createPod('tolerant', '4', TOLERANT);
    assert.equal(await nodeOf('tolerant'), 'tainted');
    await createPod('choosy', '100m', { nodeSelector: { pool: 'a' } });
    assert.equal(await nodeOf('choosy'), 'a');
  });

  it('goes on when a pod is deleted', async () => {
    await createPod('waiting', '1', { nodeSelector: { pool: 'a' } });
    await refusal('waiting');
    await client.delete(PODS, NAMESPACE, 'first', { gracePeriodSeconds: 0 });
    assert.equal(await nodeOf('waiting'), 'a');
  });

  it('makes room for a pod of higher priority', async () => {
    const high = { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name: 'high' }, value: 1000 };
    const classes = { group: 'scheduling.k8s.io', version: 'v1', resource: 'priorityclasses' };
    await client.create<KubeObject>(classes, '', high);
    await createPod('needy', '4', { priorityClassName: 'high', nodeSelector: { pool: 'tainted' }, ...TOLERANT });
    await createPod('other', '2', { nodeSelector: { pool: 'tainted' }, ...TOLERANT });
    assert.equal(await nodeOf('needy'), 'tainted');
    await createPod('urgent', '3', { priorityClassName: 'high', nodeSelector: { pool: 'tainted' }, ...TOLERANT });
    // The stand-in for the agent: pods that leave are gone.
    await until('a pod leaves', async () => {
      const leaving = (await client.list(PODS, { namespace: NAMESPACE })).items.find(
        ({ metadata }) => metadata.deletionTimestamp,
      );
      if (!leaving) return undefined;
      const { conditions } = leaving['status'];
      assert.equal(conditions.find(({ type }: any) => type === 'DisruptionTarget').reason, 'PreemptionByScheduler');
      assert.equal((await pod('urgent'))['status'].nominatedNodeName, 'tainted');
      await client.delete(PODS, NAMESPACE, leaving.metadata.name!, { gracePeriodSeconds: 0 });
      return true;
    });
    assert.equal(await nodeOf('urgent'), 'tainted');
    assert.equal((await pod('needy'))['spec'].nodeName, 'tainted');
  });

  it('leaves gated pods alone until the gate is gone', async () => {
    await createPod('gated', '100m', { schedulingGates: [{ name: 'example.com/gate' }] });
    const conditions: any[] = (await pod('gated'))['status'].conditions ?? [];
    assert.equal(conditions.find(({ type }) => type === 'PodScheduled')?.reason, 'SchedulingGated');
    await client.patch(PODS, NAMESPACE, 'gated', 'application/merge-patch+json', { spec: { schedulingGates: null } });
    assert.match(await nodeOf('gated'), /^(a|b)$/);
  });
});
