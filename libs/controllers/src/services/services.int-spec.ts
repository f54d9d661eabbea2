import assert from 'node:assert/strict';
import { isNotFound, type KubeObject, StatusError } from '#apimachinery';
import { gvr, type IPAddress, type Service, type ServiceCIDR } from '#kinds';
import { type ControllerEnvironment, controllerEnvironment } from '#testing';

const RANGE = '10.50.0.0/28';

let env: ControllerEnvironment;
beforeAll(async () => {
  env = await controllerEnvironment();
});
afterAll(() => env.close());

const createCidr = (name: string, cidr = RANGE) =>
  env.client.create<KubeObject>(gvr.servicecidrs, '', {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'ServiceCIDR',
    metadata: { name },
    spec: { cidrs: [cidr] },
  });
const createService = (namespace: string, name: string, spec: object = {}) =>
  env.client.create<Service>(gvr.services, namespace, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace },
    spec: { ports: [{ port: 80 }], ...spec },
  });
const ready = async (name: string) => {
  const { status } = await env.client.get<ServiceCIDR>(gvr.servicecidrs, '', name);
  return status?.conditions?.find(({ type }) => type === 'Ready');
};
const untilReady = (name: string, status = 'True') =>
  env.until(`${name} Ready=${status}`, async () => {
    const condition = await ready(name);
    return condition?.status === status ? condition : undefined;
  });
const addressOf = (name: string) => env.client.get<IPAddress>(gvr.ipaddresses, '', name);
const absent = (promise: Promise<unknown>) =>
  promise.then(
    () => false,
    (error) => isNotFound(error),
  );
const eventsOf = async (namespace: string, name: string) => {
  const { items } = await env.client.list<KubeObject>(gvr.events, { namespace });
  return items.filter((event) => event['involvedObject']?.name === name).map((event) => event['message']);
};

describe('a ServiceCIDR', () => {
  it('gives addresses once it is ready, and stays as long as one of them is in use', async () => {
    const ns = await env.namespace();
    const refused = createService(ns, 'early', { clusterIP: '10.50.0.3' });
    await assert.rejects(refused, (error) => error instanceof StatusError && error.code === 422);
    await createCidr('more');
    assert.equal((await untilReady('more')).message, 'Kubernetes Service CIDR is ready');
    await createService(ns, 'web', { clusterIP: '10.50.0.3' });
    assert.equal((await addressOf('10.50.0.3')).spec.parentRef?.name, 'web');
    await env.client.delete(gvr.servicecidrs, '', 'more');
    const condition = await untilReady('more', 'False');
    assert.equal(condition.reason, 'Terminating');
    assert.match(condition.message, /^There are still IPAddresses referencing the ServiceCIDR/);
    await assert.rejects(createService(ns, 'late', { clusterIP: '10.50.0.4' }), /does not match the current range/);
    await env.client.delete(gvr.services, ns, 'web');
    await env.until('the ServiceCIDR to go', () => absent(env.client.get(gvr.servicecidrs, '', 'more')));
  });

  it('goes at once when another one has all of its addresses', async () => {
    await createCidr('outer', '10.60.0.0/24');
    await untilReady('outer');
    const ns = await env.namespace();
    await createService(ns, 'web', { clusterIP: '10.60.0.7' });
    await createCidr('inner', '10.60.0.0/28');
    await untilReady('inner');
    await env.client.delete(gvr.servicecidrs, '', 'inner');
    await env.until('the inner one to go', () => absent(env.client.get(gvr.servicecidrs, '', 'inner')));
    assert.equal((await ready('outer'))?.status, 'True');
  });
});

describe('an IPAddress', () => {
  it('comes back while its Service has it', async () => {
    const ns = await env.namespace();
    const { spec } = await createService(ns, 'web');
    const ip = spec!.clusterIP!;
    const before = await addressOf(ip);
    await env.client.delete(gvr.ipaddresses, '', ip);
    await env.until('the address again', async () => {
      const found = await addressOf(ip).catch(() => undefined);
      return found && found.metadata.uid !== before.metadata.uid;
    });
    assert.deepEqual((await addressOf(ip)).spec, before.spec);
    assert.deepEqual((await addressOf(ip)).metadata.labels, before.metadata.labels);
    const message = `Cluster IP [IPv4]: ${ip} is not allocated; repairing`;
    await env.until('the event', async () => (await eventsOf(ns, 'web')).includes(message));
    await env.client.delete(gvr.services, ns, 'web');
    assert.ok(await absent(addressOf(ip)));
  });

  it('that other software made is left alone', async () => {
    await env.client.create<KubeObject>(gvr.ipaddresses, '', {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'IPAddress',
      metadata: { name: '192.168.7.7' },
      spec: { parentRef: { group: 'example.com', resource: 'gateways', name: 'g' } },
    });
    const ns = await env.namespace();
    await createService(ns, 'later');
    assert.equal((await addressOf('192.168.7.7')).spec.parentRef?.resource, 'gateways');
  });
});
