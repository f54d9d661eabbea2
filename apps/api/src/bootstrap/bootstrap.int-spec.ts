import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { GroupVersionResource, KubeObject } from '#apimachinery';
import { silentLogger } from '#client';
import { gvr } from '#kinds';
import { type TestServer, testServer } from '#testing';
import { runBootstrap } from './bootstrap.js';
import { ensureClusterServices, leaveClusterServices } from './cluster-services.bootstrap.js';
import { CONTROL_PLANE_LABEL, keepLocalNodeRole } from './local-node.bootstrap.js';
import { defaultRbac } from './rbac.bootstrap.js';

const ADDRESS = '192.0.2.10';

let server: TestServer;

beforeAll(async () => {
  // Of itself it tells nobody: endpoints may not name a loopback address.
  server = await testServer({ advertiseAddress: '127.0.0.1' });
  await runBootstrap(await options());
  await flowSchemasSettled();
});
afterAll(() => server?.close());

const admin = () => server.client();
const get = (resource: GroupVersionResource, namespace: string, name: string): Promise<any> =>
  admin().get(resource, namespace, name);

async function options() {
  return {
    client: server.client('system:apiserver', ['system:masters']),
    serves: true,
    advertiseAddress: ADDRESS,
    securePort: server.port,
    serviceClusterIpRange: '10.96.0.0/16',
    clusterDnsPort: 10053,
    localStorage: true,
    ingress: true,
    clientCa: server.tls.ca,
    frontProxyCa: await readFile(`${server.dataDir}/pki/front-proxy-ca.crt`, 'utf8'),
    log: silentLogger,
  };
}

function danglingOf(schema: KubeObject): string | undefined {
  return schema['status']?.conditions?.[0]?.status;
}

/** Flow control says what it found in the status of the schemas, as soon as it has read them. */
async function flowSchemasSettled(): Promise<void> {
  const isSettled = async () =>
    (await admin().list<KubeObject>(gvr.flowschemas)).items.every((schema) => danglingOf(schema) === 'False');
  for (let i = 0; i < 500 && !(await isSettled()); i += 1) await sleep(20);
}

async function versions(): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const resource of [
    gvr.namespaces,
    gvr.clusterroles,
    gvr.clusterrolebindings,
    gvr.roles,
    gvr.rolebindings,
    gvr.services,
    gvr.endpoints,
    gvr.endpointslices,
    gvr.servicecidrs,
    gvr.ipaddresses,
    gvr.priorityclasses,
    gvr.flowschemas,
    gvr.prioritylevelconfigurations,
  ]) {
    for (const { metadata } of (await admin().list(resource)).items) {
      found.set(`${resource.resource}/${metadata.namespace ?? ''}/${metadata.name}`, metadata.resourceVersion!);
    }
  }
  return found;
}

describe('a new cluster', () => {
  it('has the four namespaces', async () => {
    const names = (await admin().list(gvr.namespaces)).items.map((item) => item.metadata.name);
    assert.deepEqual(names.sort(), ['default', 'kube-node-lease', 'kube-public', 'kube-system']);
  });

  it('has the API as a Service with its address', async () => {
    const service = await get(gvr.services, 'default', 'kubernetes');
    assert.equal(service.spec.clusterIP, '10.96.0.1');
    assert.deepEqual(service.metadata.labels, { component: 'apiserver', provider: 'kubernetes' });
    const slice = await get(gvr.endpointslices, 'default', 'kubernetes');
    assert.deepEqual(slice.endpoints[0].addresses, [ADDRESS]);
    assert.equal(slice.ports[0].port, server.port);
    const endpoints = await get(gvr.endpoints, 'default', 'kubernetes');
    assert.equal(endpoints.subsets[0].addresses[0].ip, ADDRESS);
  });

  it('has cluster DNS as a Service, its addresses taken, and the ServiceCIDR ready', async () => {
    const service = await get(gvr.services, 'kube-system', 'kube-dns');
    assert.equal(service.spec.clusterIP, '10.96.0.10');
    assert.equal(service.spec.internalTrafficPolicy, 'Local');
    assert.equal(service.spec.selector, undefined);
    for (const address of ['10.96.0.1', '10.96.0.10']) {
      assert.equal((await get(gvr.ipaddresses, '', address)).metadata.name, address);
    }
    const cidr = await get(gvr.servicecidrs, '', 'kubernetes');
    assert.deepEqual(cidr.spec.cidrs, ['10.96.0.0/16']);
    assert.equal(cidr.status.conditions[0].status, 'True');
  });

  it('has the default roles, aggregated from the start, and the bindings', async () => {
    const wanted = defaultRbac();
    assert.equal((await admin().list(gvr.clusterroles)).items.length, wanted.clusterRoles.length);
    assert.equal((await admin().list(gvr.clusterrolebindings)).items.length, wanted.clusterRoleBindings.length);
    const edit = await get(gvr.clusterroles, '', 'edit');
    assert.ok(edit.rules.length > 10);
    const adminRole = await get(gvr.clusterroles, '', 'admin');
    assert.ok(adminRole.rules.length > edit.rules.length);
  });

  it('has priority classes and flow control', async () => {
    assert.equal((await get(gvr.priorityclasses, '', 'system-node-critical')).value, 2000001000);
    const schemas = (await admin().list(gvr.flowschemas)).items;
    assert.equal(schemas.length, 11);
    for (const schema of schemas) assert.equal(danglingOf(schema), 'False', schema.metadata.name);
    assert.equal((await admin().list(gvr.prioritylevelconfigurations)).items.length, 8);
  });

  it('has a default class of volumes, and leaves one of its name alone', async () => {
    const found = await get(gvr.storageclasses, '', 'local-path');
    assert.equal(found.provisioner, 'berth.io/local-path');
    assert.equal(found.metadata.annotations['storageclass.kubernetes.io/is-default-class'], 'true');
    const client = admin();
    await client.delete(gvr.storageclasses, '', 'local-path');
    await runBootstrap({ ...(await options()), localStorage: false });
    await assert.rejects(get(gvr.storageclasses, '', 'local-path'), /not found/);
    const rancher = { ...found, metadata: { name: 'local-path' }, provisioner: 'rancher.io/local-path' };
    await client.create(gvr.storageclasses, '', rancher);
    await runBootstrap(await options());
    assert.equal((await get(gvr.storageclasses, '', 'local-path')).provisioner, 'rancher.io/local-path');
    await client.delete(gvr.storageclasses, '', 'local-path');
    await client.create(gvr.storageclasses, '', {
      ...rancher,
      metadata: { ...found.metadata, name: 'own', resourceVersion: undefined, uid: undefined },
    });
    await runBootstrap(await options());
    assert.equal((await get(gvr.storageclasses, '', 'local-path')).metadata.annotations, undefined);
    await client.delete(gvr.storageclasses, '', 'own');
  });

  it('has a default class of Ingresses, and leaves one of its name alone', async () => {
    const found = await get(gvr.ingressclasses, '', 'berth');
    assert.equal(found.spec.controller, 'berth.io/ingress');
    assert.equal(found.metadata.annotations['ingressclass.kubernetes.io/is-default-class'], 'true');
    const client = admin();
    await client.delete(gvr.ingressclasses, '', 'berth');
    await runBootstrap({ ...(await options()), ingress: false });
    await assert.rejects(get(gvr.ingressclasses, '', 'berth'), /not found/);
    await client.create(gvr.ingressclasses, '', {
      ...found,
      metadata: { name: 'nginx', annotations: found.metadata.annotations },
      spec: { controller: 'k8s.io/ingress-nginx' },
    });
    await runBootstrap(await options());
    assert.equal((await get(gvr.ingressclasses, '', 'berth')).metadata.annotations, undefined);
    await client.delete(gvr.ingressclasses, '', 'nginx');
  });

  it('lets the Ingress proxy read what it serves from, and nothing else', async () => {
    const proxy = server.client('berth:ingress');
    const read = [gvr.ingresses, gvr.ingressclasses, gvr.services, gvr.endpointslices, gvr.secrets, gvr.nodes];
    for (const resource of read) await proxy.list(resource);
    await assert.rejects(proxy.list(gvr.configmaps), /cannot list resource "configmaps"/);
    await assert.rejects(proxy.delete(gvr.ingresses, 'default', 'a'), /cannot delete resource "ingresses"/);
  });

  it('lets cluster DNS see what it answers from, and nothing else', async () => {
    const dns = server.client('system:kube-dns');
    for (const resource of [gvr.services, gvr.endpointslices, gvr.namespaces]) await dns.list(resource);
    await assert.rejects(dns.list(gvr.secrets), /cannot list resource "secrets"/);
  });

  it('tells aggregated servers how to know callers', async () => {
    const { data } = await get(gvr.configmaps, 'kube-system', 'extension-apiserver-authentication');
    assert.match(data['client-ca-file'], /BEGIN CERTIFICATE/);
    assert.equal(data['requestheader-username-headers'], '["X-Remote-User"]');
  });
});

describe('the node beside the server', () => {
  it('has the role of the control plane from when it registers, also after the label was lost', async () => {
    const stop = new AbortController();
    const kept = keepLocalNodeRole({ ...(await options()), localNode: 'here' }, stop.signal);
    const node = (name: string) => ({ apiVersion: 'v1', kind: 'Node', metadata: { name } });
    await admin().create(gvr.nodes, '', node('here'));
    await admin().create(gvr.nodes, '', node('elsewhere'));
    const labelled = async () => {
      for (const end = Date.now() + 10_000; Date.now() < end; await sleep(10)) {
        if ((await get(gvr.nodes, '', 'here')).metadata.labels?.[CONTROL_PLANE_LABEL] === '') return;
      }
      throw new Error('waited in vain for the label');
    };
    await labelled();
    const patch = { metadata: { labels: { [CONTROL_PLANE_LABEL]: null } } };
    await admin().patch(gvr.nodes, '', 'here', 'application/merge-patch+json', patch);
    await labelled();
    assert.equal((await get(gvr.nodes, '', 'elsewhere')).metadata.labels?.[CONTROL_PLANE_LABEL], undefined);
    stop.abort();
    await kept;
    for (const name of ['here', 'elsewhere']) await admin().delete(gvr.nodes, '', name);
  });
});

describe('running it again', () => {
  it('writes nothing when all is well', async () => {
    const before = await versions();
    await runBootstrap(await options());
    assert.deepEqual(await versions(), before);
  });

  it('puts back what is missing and keeps what was added', async () => {
    const client = admin();
    await client.delete(gvr.priorityclasses, '', 'system-cluster-critical');
    await client.delete(gvr.clusterrolebindings, '', 'system:coredns');
    const role = structuredClone(await get(gvr.clusterroles, '', 'system:basic-user'));
    const own = { verbs: ['get'], apiGroups: ['example.com'], resources: ['things'] };
    role.rules = [own];
    await client.update(gvr.clusterroles, '', role);
    const left = structuredClone(await get(gvr.clusterroles, '', 'system:discovery'));
    left.metadata.annotations['rbac.authorization.kubernetes.io/autoupdate'] = 'false';
    left.rules = [];
    await client.update(gvr.clusterroles, '', left);
    await runBootstrap(await options());
    await get(gvr.priorityclasses, '', 'system-cluster-critical');
    await get(gvr.clusterrolebindings, '', 'system:coredns');
    const after = await get(gvr.clusterroles, '', 'system:basic-user');
    assert.deepEqual(after.rules[0], own);
    assert.ok(after.rules.length > 1);
    assert.deepEqual((await get(gvr.clusterroles, '', 'system:discovery')).rules ?? [], []);
  });
});

describe('several servers', () => {
  const OTHER = '192.0.2.11';
  const leases = async () =>
    (
      await admin().list(gvr.leases, {
        namespace: 'kube-system',
        labelSelector: 'apiserver.kubernetes.io/identity=kube-apiserver',
      })
    ).items.length;
  const inSlices = async (): Promise<string[]> =>
    (await admin().list<any>(gvr.endpointslices, { namespace: 'default' })).items
      .flatMap((slice) =>
        slice.endpoints.map(
          (endpoint: any) => `${slice.metadata.name} ${endpoint.addresses[0]}:${slice.ports[0].port}`,
        ),
      )
      .sort();
  const inEndpoints = async (): Promise<string[]> =>
    (await get(gvr.endpoints, 'default', 'kubernetes')).subsets.flatMap((subset: any) =>
      subset.addresses.map(({ ip }: { ip: string }) => `${ip}:${subset.ports[0].port}`),
    );

  it('are all among the addresses of `kubernetes`, whichever looks last, until one stops or vanishes', async () => {
    const one = await options();
    const other = { ...one, advertiseAddress: OTHER };
    const both = [`${ADDRESS}:${server.port}`, `${OTHER}:${server.port}`];
    const shown = (addresses: string[]) => addresses.map((address) => `kubernetes ${address}`);
    await Promise.all([ensureClusterServices(one), ensureClusterServices(other)]);
    for (const last of [one, other, one]) {
      await ensureClusterServices(last);
      assert.deepEqual(await inEndpoints(), both);
      assert.deepEqual(await inSlices(), shown(both));
    }
    assert.equal(await leases(), 2);

    await leaveClusterServices(other);
    assert.deepEqual(await inEndpoints(), [both[0]], 'who stops leaves at once');
    assert.deepEqual(await inSlices(), shown([both[0]!]));
    await ensureClusterServices(one);
    assert.deepEqual(await inEndpoints(), [both[0]]);

    await ensureClusterServices(other);
    const later = { ...one, now: () => new Date(Date.now() + 31_000) };
    await ensureClusterServices(later);
    assert.deepEqual(await inEndpoints(), [both[0]], 'who vanished goes with its Lease');
    assert.equal(await leases(), 1);

    await leaveClusterServices(one);
    assert.deepEqual(await inEndpoints(), [both[0]], 'of the last one the address stays');
  });

  it('with ports and families of their own have slices of their own', async () => {
    const one = await options();
    const other = { ...one, advertiseAddress: '2001:db8::1', securePort: 7443 };
    const [first, second] = [one.securePort, 7443].sort((a, b) => a - b);
    await ensureClusterServices(other);
    await ensureClusterServices(one);
    const expected = [
      `${first === 7443 ? 'kubernetes' : 'kubernetes-ipv6-7443'} 2001:db8::1:7443`,
      `${second === 7443 ? 'kubernetes' : `kubernetes-ipv4-${one.securePort}`} ${ADDRESS}:${one.securePort}`,
    ];
    assert.deepEqual(await inSlices(), expected.sort());
    await leaveClusterServices(other);
    assert.deepEqual(await inSlices(), [`kubernetes ${ADDRESS}:${one.securePort}`]);
  });

  it('take no process in that serves no API', async () => {
    const one = await options();
    await ensureClusterServices({ ...one, serves: false, advertiseAddress: OTHER });
    await ensureClusterServices(one);
    assert.deepEqual(await inEndpoints(), [`${ADDRESS}:${one.securePort}`]);
  });

  it('leave the addresses when they end, while others go on', async () => {
    const { databaseUrl } = server;
    const [first, second] = await Promise.all(
      ['192.0.2.21', '192.0.2.22'].map((advertiseAddress) => testServer({ databaseUrl, advertiseAddress })),
    );
    const addresses = async () => (await inEndpoints()).filter((address) => address.startsWith('192.0.2.2'));
    try {
      // The one that was faster has not looked again since.
      await ensureClusterServices({ ...(await options()), serves: true });
      assert.deepEqual((await addresses()).sort(), [`192.0.2.21:${first!.port}`, `192.0.2.22:${second!.port}`].sort());
    } finally {
      await second!.close();
    }
    assert.deepEqual(await addresses(), [`192.0.2.21:${first!.port}`]);
    await first!.close();
  });
});
