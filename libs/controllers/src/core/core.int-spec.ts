import assert from 'node:assert/strict';
import { isNotFound, type KubeObject } from '#apimachinery';
import { type ConfigMap, type EndpointSlice, type Endpoints, gvr, type Namespace, type Pod } from '#kinds';
import { type ControllerEnvironment, controllerEnvironment } from '#testing';

const MERGE = 'application/merge-patch+json';

let env: ControllerEnvironment;
beforeAll(async () => {
  env = await controllerEnvironment({ agent: true });
});
afterAll(() => env.close());

const createPod = (namespace: string, name: string, labels: Record<string, string>, extra: Partial<KubeObject> = {}) =>
  env.client.create<KubeObject>(gvr.pods, namespace, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels, ...extra.metadata },
    spec: { containers: [{ name: 'main', image: 'x', ports: [{ name: 'web', containerPort: 8080 }] }] },
  });
const createService = (namespace: string, spec: Record<string, unknown>, name = 'web') =>
  env.client.create<KubeObject>(gvr.services, namespace, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name },
    spec,
  });
const slices = async (namespace: string, service = 'web') => {
  const labelSelector = `kubernetes.io/service-name=${service}`;
  return (await env.client.list<EndpointSlice & KubeObject>(gvr.endpointslices, { namespace, labelSelector })).items;
};
const readyNames = async (namespace: string, service = 'web') =>
  (await slices(namespace, service))
    .flatMap((slice) => slice.endpoints ?? [])
    .filter((endpoint) => endpoint.conditions?.ready)
    .map((endpoint) => endpoint.targetRef?.name ?? endpoint.addresses[0])
    .sort();

describe('Service', () => {
  it('shows its ready pods in one EndpointSlice, and in Endpoints', async () => {
    const ns = await env.namespace();
    await createService(ns, { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 'web' }] });
    await createPod(ns, 'a', { app: 'web' });
    await createPod(ns, 'b', { app: 'web' });
    await createPod(ns, 'other', { app: 'other' });
    await env.until('two endpoints', async () => (await readyNames(ns)).join() === 'a,b');
    const [slice, ...rest] = await slices(ns);
    assert.equal(rest.length, 0);
    assert.equal(slice!.metadata.labels?.['endpointslice.kubernetes.io/managed-by'], 'endpointslice-controller.k8s.io');
    assert.deepEqual(slice!.ports, [{ name: 'http', port: 8080, protocol: 'TCP' }]);
    assert.equal(slice!.endpoints?.[0]?.nodeName, 'node-1');
    const endpoints = await env.until('the addresses', async () => {
      const object = await env.client.get<Endpoints & KubeObject>(gvr.endpoints, ns, 'web');
      return object.subsets?.[0]?.addresses?.length === 2 && object;
    });
    assert.deepEqual(endpoints.subsets?.[0]?.ports, [{ name: 'http', port: 8080, protocol: 'TCP' }]);
  });

  it('follows pods that come, go, and change their labels', async () => {
    const ns = await env.namespace();
    await createService(ns, { selector: { app: 'web' }, ports: [{ port: 80 }] });
    await env.until('the empty slice', async () => (await slices(ns)).length === 1);
    await createPod(ns, 'a', { app: 'web' });
    await env.until('a', async () => (await readyNames(ns)).join() === 'a');
    await env.client.patch(gvr.pods, ns, 'a', MERGE, { metadata: { labels: { app: 'none' } } });
    await env.until('nobody', async () => (await readyNames(ns)).length === 0);
    await createPod(ns, 'b', { app: 'web' });
    await env.until('b', async () => (await readyNames(ns)).join() === 'b');
    await env.client.delete(gvr.pods, ns, 'b');
    await env.until('nobody', async () => (await readyNames(ns)).length === 0);
    assert.equal((await slices(ns)).length, 1);
  });

  it('spreads many pods over slices of a hundred', async () => {
    const ns = await env.namespace();
    await createService(ns, { clusterIP: 'None', selector: { app: 'web' }, ports: [{ port: 80 }] });
    await Promise.all(Array.from({ length: 130 }, (_, i) => createPod(ns, `p${i}`, { app: 'web' })));
    await env.until('all', async () => (await readyNames(ns)).length === 130);
    const sizes = (await slices(ns)).map((slice) => slice.endpoints?.length ?? 0);
    assert.ok(sizes.every((size) => size <= 100));
    assert.equal((await slices(ns))[0]!.metadata.labels?.['service.kubernetes.io/headless'], '');
  });

  it('shows pods that are not ready as such', async () => {
    const ns = await env.namespace();
    await createService(ns, { selector: { app: 'web' }, ports: [{ port: 80 }] });
    await createPod(ns, 'a', { app: 'web' }, { metadata: { annotations: { 'test/unready': '1' } } });
    const conditions = await env.until('the endpoint', async () => (await slices(ns))[0]?.endpoints?.[0]?.conditions);
    assert.deepEqual(conditions, { ready: false, serving: false, terminating: false });
  });

  it('takes its slices and Endpoints with it', async () => {
    const ns = await env.namespace();
    await createService(ns, { selector: { app: 'web' }, ports: [{ port: 80 }] });
    await env.until('the slice', async () => (await slices(ns)).length === 1);
    await env.until(
      'the Endpoints',
      async () => (await env.client.list(gvr.endpoints, { namespace: ns })).items.length === 1,
    );
    await env.client.delete(gvr.services, ns, 'web');
    await env.until('no slice', async () => (await slices(ns)).length === 0);
    await env.until(
      'no Endpoints',
      async () => (await env.client.list(gvr.endpoints, { namespace: ns })).items.length === 0,
    );
  });

  it('says in slices and Endpoints when the change began', async () => {
    const ns = await env.namespace();
    const service = await createService(ns, { selector: { app: 'web' }, ports: [{ port: 80 }] });
    const NAME = 'endpoints.kubernetes.io/last-change-trigger-time';
    const shown = async () => {
      const [slice] = await slices(ns);
      const { items } = await env.client.list<KubeObject>(gvr.endpoints, { namespace: ns });
      return [slice, items[0]].map((object) => object?.metadata.annotations?.[NAME]);
    };
    const created = service.metadata.creationTimestamp!;
    await env.until('the first', async () => (await shown()).join() === [created, created].join());
    await createPod(ns, 'a', { app: 'web' });
    await env.until('the pod', async () => (await readyNames(ns)).length === 1);
    const pod = await env.client.get<Pod & KubeObject>(gvr.pods, ns, 'a');
    const ready = pod.status!.conditions!.find(({ type }) => type === 'Ready')!.lastTransitionTime!;
    await env.until('its time', async () => (await shown()).every((time) => time === ready));
  });

  it('without selector: mirrors hand-made Endpoints', async () => {
    const ns = await env.namespace();
    await createService(ns, { ports: [{ port: 80 }] });
    await env.client.create<KubeObject>(gvr.endpoints, ns, {
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: { name: 'web', annotations: { 'example.com/own': 'x' } },
      subsets: [{ addresses: [{ ip: '192.0.2.50' }], ports: [{ port: 9000 }] }],
    });
    await env.until('the mirror', async () => (await readyNames(ns)).join() === '192.0.2.50');
    assert.deepEqual((await slices(ns))[0]!.metadata.annotations, { 'example.com/own': 'x' });
    await env.client.patch(gvr.endpoints, ns, 'web', MERGE, {
      subsets: [{ addresses: [{ ip: '192.0.2.51' }], ports: [{ port: 9000 }] }],
    });
    await env.until('the change', async () => (await readyNames(ns)).join() === '192.0.2.51');
    await env.client.delete(gvr.endpoints, ns, 'web');
    await env.until('no mirror', async () => (await slices(ns)).length === 0);
  });

  it('kube-dns is served by the nodes that are Ready', async () => {
    await env.client.create<KubeObject>(gvr.nodes, '', {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'dns-node' },
    });
    const status = {
      addresses: [{ type: 'InternalIP', address: '192.0.2.77' }],
      conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime: new Date().toISOString().replace(/\.\d+/, '') }],
    };
    await env.client.patch(gvr.nodes, '', 'dns-node', MERGE, { status }, { subresource: 'status' });
    await env.until('the endpoint', async () => (await readyNames('kube-system', 'kube-dns')).join() === '192.0.2.77');
    const [slice] = await slices('kube-system', 'kube-dns');
    assert.equal(slice!.endpoints?.[0]?.nodeName, 'dns-node');
    assert.ok(slice!.ports?.some((port) => port.name === 'dns' && port.protocol === 'UDP' && port.port === 10053));
    await env.client.delete(gvr.nodes, '', 'dns-node');
    await env.until('no endpoint', async () => (await readyNames('kube-system', 'kube-dns')).length === 0);
  });
});

describe('Namespace', () => {
  it('gets a default ServiceAccount and the cluster CA, and gets them back', async () => {
    const ns = await env.namespace();
    const account = () => env.client.get(gvr.serviceaccounts, ns, 'default').catch(() => undefined);
    const authority = () =>
      env.client.get<ConfigMap & KubeObject>(gvr.configmaps, ns, 'kube-root-ca.crt').catch(() => undefined);
    const first = await env.until('the account', account);
    await env.until('the CA', async () => (await authority())?.data?.['ca.crt'] === env.server.tls.ca);
    await env.client.delete(gvr.serviceaccounts, ns, 'default');
    await env.until('a new account', async () => {
      const now = await account();
      return now && now.metadata.uid !== first.metadata.uid;
    });
    await env.client.patch(gvr.configmaps, ns, 'kube-root-ca.crt', MERGE, { data: { 'ca.crt': 'forged' } });
    await env.until('the true CA', async () => (await authority())?.data?.['ca.crt'] === env.server.tls.ca);
  });

  const find = async (name: string) => {
    try {
      return await env.client.get<Namespace & KubeObject>(gvr.namespaces, '', name);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  };

  it('goes with everything in it', async () => {
    const ns = await env.namespace();
    await createService(ns, { selector: { app: 'web' }, ports: [{ port: 80 }] });
    await createPod(ns, 'a', { app: 'web' });
    await env.client.create<KubeObject>(gvr.deployments, ns, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web' },
      spec: {
        replicas: 2,
        selector: { matchLabels: { app: 'd' } },
        template: { metadata: { labels: { app: 'd' } }, spec: { containers: [{ name: 'main', image: 'x' }] } },
      },
    });
    await env.until('three pods', async () => (await env.client.list(gvr.pods, { namespace: ns })).items.length === 3);
    await env.client.delete(gvr.namespaces, '', ns);
    await env.until('the end', async () => (await find(ns)) === undefined);
    for (const resource of [
      gvr.pods,
      gvr.deployments,
      gvr.replicasets,
      gvr.services,
      gvr.endpointslices,
      gvr.configmaps,
    ]) {
      assert.equal((await env.client.list(resource, { namespace: ns })).items.length, 0);
    }
  });

  it('says what it waits for', async () => {
    const ns = await env.namespace();
    await env.client.create<KubeObject>(gvr.configmaps, ns, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'stuck', finalizers: ['test.example/wait'] },
    });
    await env.client.delete(gvr.namespaces, '', ns);
    const message = await env.until('the condition', async () => {
      const conditions = (await find(ns))?.status?.conditions;
      return conditions?.find(({ type, status }) => type === 'NamespaceFinalizersRemaining' && status === 'True')
        ?.message;
    });
    assert.equal(
      message,
      'Some content in the namespace has finalizers remaining: test.example/wait in 1 resource instances',
    );
    const { phase, conditions } = (await find(ns))!.status!;
    assert.equal(phase, 'Terminating');
    assert.match(
      conditions!.find(({ type }) => type === 'NamespaceDeletionBlocked')!.message!,
      /^Deletion waits for configmaps\/stuck \(finalizer test\.example\/wait, set by [^)]+\)$/,
    );
    await env.client.patch(gvr.configmaps, ns, 'stuck', MERGE, { metadata: { finalizers: null } });
    await env.until('the end', async () => (await find(ns)) === undefined);
  });
});

describe('ReplicationController', () => {
  it('keeps its pods', async () => {
    const ns = await env.namespace();
    await env.client.create<KubeObject>(gvr.replicationcontrollers, ns, {
      apiVersion: 'v1',
      kind: 'ReplicationController',
      metadata: { name: 'rc' },
      spec: {
        replicas: 2,
        selector: { app: 'rc' },
        template: { metadata: { labels: { app: 'rc' } }, spec: { containers: [{ name: 'main', image: 'x' }] } },
      },
    });
    const ready = async () => (await env.client.get(gvr.replicationcontrollers, ns, 'rc'))['status']?.readyReplicas;
    await env.until('two ready pods', async () => (await ready()) === 2);
    await env.client.patch(gvr.replicationcontrollers, ns, 'rc', MERGE, { spec: { replicas: 1 } });
    await env.until(
      'one pod',
      async () => (await env.client.list<Pod & KubeObject>(gvr.pods, { namespace: ns })).items.length === 1,
    );
  });
});

describe('ClusterRole', () => {
  it('gathers the rules that its aggregation rule selects', async () => {
    const role = (name: string, labels: Record<string, string>, extra: object): KubeObject => ({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name, labels },
      ...extra,
    });
    const rule = { apiGroups: [''], resources: ['pods'], verbs: ['get'] };
    const aggregationRule = { clusterRoleSelectors: [{ matchLabels: { test: 'sum' } }] };
    await env.client.create(gvr.clusterroles, '', role('sum', {}, { aggregationRule, rules: [] }));
    await env.client.create(gvr.clusterroles, '', role('part', { test: 'sum' }, { rules: [rule] }));
    const rules = async () => (await env.client.get(gvr.clusterroles, '', 'sum'))['rules'];
    await env.until('the rule', async () => (await rules())?.length === 1);
    assert.deepEqual(await rules(), [rule]);
    await env.client.delete(gvr.clusterroles, '', 'part');
    await env.until('no rule', async () => ((await rules()) ?? []).length === 0);
  });
});
