import assert from 'node:assert/strict';
import { type KubeObject, StatusError } from '#apimachinery';
import type { Client } from '#client';
import { gvr } from '#kinds';
import { type TestServer, testServer } from '#testing';

const V4 = '10.96.0.0/16';
const V6 = 'fd00:10:96::/112';

type Spec = Record<string, unknown>;

const service = (name: string, spec: Spec): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec: { selector: { app: name }, ports: [{ port: 80 }], ...spec },
});

/** What a Service has, with its addresses by family only. */
function shape({ spec }: KubeObject): string {
  const ips = ((spec.clusterIPs ?? []) as string[]).map((ip) => (ip === 'None' ? ip : ip.includes(':') ? '6' : '4'));
  const families = ((spec.ipFamilies ?? []) as string[]).map((family) => family.at(-1));
  return `${spec.ipFamilyPolicy ?? '-'} ${families.join('')} ${ips.join('')}`;
}

/** A rejected Service: the field and the text of the first cause. */
type Refusal = [field: string, text: RegExp];

async function refused(work: Promise<unknown>, [field, text]: Refusal): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof StatusError, String(error));
    assert.equal(error.code, 422, error.message);
    const [cause] = error.status.details!.causes!;
    assert.equal(cause!.field, field);
    assert.match(cause!.message!, text);
    return true;
  });
}

class Cluster {
  private constructor(
    private readonly server: TestServer,
    readonly client: Client,
  ) {}

  static async start(serviceClusterIpRange: string): Promise<Cluster> {
    const server = await testServer({ serviceClusterIpRange });
    return new Cluster(server, server.client());
  }

  close(): Promise<void> {
    return this.server.close();
  }

  create(name: string, spec: Spec): Promise<KubeObject> {
    return this.client.create(gvr.services, 'default', service(name, spec));
  }

  patch(name: string, spec: Spec): Promise<KubeObject> {
    return this.client.patch(gvr.services, 'default', name, 'application/merge-patch+json', { spec });
  }

  async addresses(name: string): Promise<KubeObject[]> {
    const { items } = await this.client.list(gvr.ipaddresses, {});
    return items.filter(({ spec }) => spec.parentRef.name === name);
  }

  /** The IPAddresses that a Service has are those that it names, each with its family. */
  async checkAddresses(made: KubeObject): Promise<void> {
    const wanted = (made['spec'].clusterIPs ?? []).filter((ip: string) => ip !== 'None');
    const held = await this.addresses(made.metadata.name!);
    assert.deepEqual(held.map(({ metadata }) => metadata.name).sort(), wanted.sort());
    for (const { metadata } of held) {
      const family = metadata.name!.includes(':') ? 'IPv6' : 'IPv4';
      assert.equal(metadata.labels?.['ipaddress.kubernetes.io/ip-family'], family);
    }
  }
}

/** Creates on the four kinds of cluster: 4, 6, 46, 64. What is no shape is a refusal. */
const CREATES: [what: string, spec: Spec, results: Record<string, string | Refusal>][] = [
  ['nothing said', {}, { 4: 'SingleStack 4 4', 6: 'SingleStack 6 6', 46: 'SingleStack 4 4', 64: 'SingleStack 6 6' }],
  [
    'PreferDualStack',
    { ipFamilyPolicy: 'PreferDualStack' },
    { 4: 'PreferDualStack 4 4', 6: 'PreferDualStack 6 6', 46: 'PreferDualStack 46 46', 64: 'PreferDualStack 64 64' },
  ],
  [
    'RequireDualStack',
    { ipFamilyPolicy: 'RequireDualStack' },
    {
      4: ['spec.ipFamilyPolicy', /this cluster is not configured for dual-stack services$/],
      46: 'RequireDualStack 46 46',
      64: 'RequireDualStack 64 64',
    },
  ],
  [
    'family IPv6',
    { ipFamilies: ['IPv6'] },
    { 4: ['spec.ipFamilies[0]', /not configured on this cluster$/], 6: 'SingleStack 6 6', 46: 'SingleStack 6 6' },
  ],
  [
    'PreferDualStack that begins with IPv6',
    { ipFamilyPolicy: 'PreferDualStack', ipFamilies: ['IPv6'] },
    { 6: 'PreferDualStack 6 6', 46: 'PreferDualStack 64 64', 64: 'PreferDualStack 64 64' },
  ],
  [
    'two families without a policy',
    { ipFamilies: ['IPv4', 'IPv6'] },
    { 46: ['spec.ipFamilyPolicy', /must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are/] },
  ],
  [
    'two families against the order of the cluster',
    { ipFamilyPolicy: 'RequireDualStack', ipFamilies: ['IPv6', 'IPv4'] },
    { 46: 'RequireDualStack 64 64' },
  ],
  [
    'a family twice',
    { ipFamilyPolicy: 'RequireDualStack', ipFamilies: ['IPv4', 'IPv4'] },
    { 46: ['spec.ipFamilies[1]', /Duplicate value/] },
  ],
  ['an unknown policy', { ipFamilyPolicy: 'Both' }, { 46: ['spec.ipFamilyPolicy', /Unsupported value: "Both"/] }],
  ['headless', { clusterIP: 'None' }, { 4: 'SingleStack 4 None', 46: 'SingleStack 4 None', 64: 'SingleStack 6 None' }],
  [
    'headless, both',
    { clusterIP: 'None', ipFamilyPolicy: 'RequireDualStack' },
    { 4: ['spec.ipFamilyPolicy', /not configured for dual-stack/], 46: 'RequireDualStack 46 None' },
  ],
  [
    'headless without a selector',
    { clusterIP: 'None', selector: null },
    { 4: 'RequireDualStack 46 None', 6: 'RequireDualStack 64 None', 46: 'RequireDualStack 46 None' },
  ],
  [
    'headless without a selector, one family',
    { clusterIP: 'None', selector: null, ipFamilies: ['IPv6'], ipFamilyPolicy: 'SingleStack' },
    { 4: 'SingleStack 6 None', 46: 'SingleStack 6 None' },
  ],
  ['a name elsewhere', { type: 'ExternalName', externalName: 'example.org', ports: null }, { 46: '-  ' }],
  [
    'an address of the second family',
    { clusterIP: 'fd00:10:96::50' },
    {
      4: ['spec.clusterIPs[0]', /IPv6 is not configured on this cluster$/],
      46: 'SingleStack 6 6',
    },
  ],
  [
    'both addresses',
    {
      clusterIP: '10.96.0.51',
      clusterIPs: ['10.96.0.51', 'fd00:10:96::51'],
      ipFamilyPolicy: 'PreferDualStack',
    },
    { 46: 'PreferDualStack 46 46', 64: 'PreferDualStack 46 46' },
  ],
  [
    'both addresses without a policy',
    { clusterIP: '10.96.0.52', clusterIPs: ['10.96.0.52', 'fd00:10:96::52'] },
    { 46: ['spec.ipFamilyPolicy', /when multiple cluster IPs are specified$/] },
  ],
  [
    'one address, the other is found',
    { clusterIP: 'fd00:10:96::53', ipFamilyPolicy: 'RequireDualStack' },
    { 46: 'RequireDualStack 64 64' },
  ],
  [
    'an address against its family',
    { clusterIP: '10.96.0.54', ipFamilies: ['IPv6'] },
    { 46: ['spec.clusterIPs[0]', /expected an IPv6 value as indicated by `ipFamilies\[0\]`$/] },
  ],
  [
    'an address of no range',
    { clusterIP: 'fd01::1' },
    {
      46: ['spec.clusterIPs', /failed to allocate IP fd01::1: the provided network does not match the current range$/],
    },
  ],
  [
    'an address that is taken',
    { clusterIP: 'fd00:10:96::1' },
    { 64: ['spec.clusterIPs', /failed to allocate IP fd00:10:96::1: provided IP is already allocated$/] },
  ],
  [
    'an address that is taken, written otherwise',
    { clusterIP: 'FD00:10:96:0::1' },
    { 64: ['spec.clusterIPs', /failed to allocate IP FD00:10:96:0::1: provided IP is already allocated$/] },
  ],
  [
    'two addresses of one family',
    { clusterIP: '10.96.0.55', clusterIPs: ['10.96.0.55', '10.96.0.56'], ipFamilyPolicy: 'RequireDualStack' },
    { 46: ['spec.clusterIPs', /may specify no more than one IP for each IP family$/] },
  ],
];

/** Updates on a cluster of both, IPv4 first: what a Service was made with, and how each patch in turn leaves it. */
const UPDATES: [what: string, made: Spec, steps: [patch: Spec, result: string | Refusal][]][] = [
  [
    'up and down by policy',
    {},
    [
      [{ ipFamilyPolicy: 'PreferDualStack' }, 'PreferDualStack 46 46'],
      [{ ipFamilyPolicy: 'SingleStack' }, 'SingleStack 4 4'],
      [{ ipFamilyPolicy: 'RequireDualStack' }, 'RequireDualStack 46 46'],
      [{ ipFamilyPolicy: 'PreferDualStack' }, 'PreferDualStack 46 46'],
    ],
  ],
  [
    'up by families, down by both lists',
    {},
    [
      [{ ipFamilyPolicy: 'RequireDualStack', ipFamilies: ['IPv4', 'IPv6'] }, 'RequireDualStack 46 46'],
      [{ ipFamilyPolicy: 'SingleStack', ipFamilies: ['IPv4'] }, 'SingleStack 4 4'],
    ],
  ],
  [
    'up with an address of choice',
    { clusterIP: '10.96.0.60' },
    [
      [{ ipFamilyPolicy: 'PreferDualStack', clusterIPs: ['10.96.0.60', 'fd00:10:96::60'] }, 'PreferDualStack 46 46'],
      [{ ipFamilyPolicy: 'SingleStack' }, 'SingleStack 4 4'],
    ],
  ],
  [
    'two families without a policy',
    {},
    [[{ ipFamilies: ['IPv4', 'IPv6'] }, ['spec.ipFamilyPolicy', /when multiple IP families are specified$/]]],
  ],
  [
    'the second goes only when SingleStack is said',
    { ipFamilyPolicy: 'PreferDualStack', clusterIP: '10.96.0.61' },
    [
      [{ ipFamilies: ['IPv4'] }, ['spec.ipFamilyPolicy', /must be 'SingleStack' to release the secondary IP family$/]],
      [
        { clusterIPs: ['10.96.0.61'] },
        ['spec.ipFamilyPolicy', /must be 'SingleStack' to release the secondary cluster IP$/],
      ],
    ],
  ],
  [
    'the first family and address stay',
    { ipFamilyPolicy: 'PreferDualStack', clusterIP: '10.96.0.62' },
    [
      [{ ipFamilyPolicy: 'SingleStack', ipFamilies: ['IPv6'] }, ['spec.clusterIPs[0]', /expected an IPv6 value/]],
      [{ clusterIP: '10.96.0.63' }, ['spec.ipFamilyPolicy', /to release the secondary cluster IP$/]],
      [{ clusterIPs: ['10.96.0.63', 'fd00:10:96::63'] }, ['spec.clusterIPs', /first value must match `clusterIP`$/]],
    ],
  ],
  [
    'to a name and back',
    { ipFamilyPolicy: 'RequireDualStack' },
    [
      [{ type: 'ExternalName', externalName: 'example.org' }, '-  '],
      [{ type: 'ClusterIP', externalName: null }, 'SingleStack 4 4'],
    ],
  ],
  [
    'what is sent again without its addresses keeps them',
    { ipFamilyPolicy: 'PreferDualStack' },
    [[{ clusterIP: null, clusterIPs: null, ipFamilies: null, ports: [{ port: 81 }] }, 'PreferDualStack 46 46']],
  ],
  [
    'headless',
    { clusterIP: 'None' },
    [
      [{ ipFamilyPolicy: 'RequireDualStack' }, 'RequireDualStack 46 None'],
      [{ ipFamilyPolicy: 'SingleStack' }, 'SingleStack 4 None'],
    ],
  ],
];

const clusters = new Map<string, Cluster>();
const RANGES: Record<string, string> = { 4: V4, 6: V6, 46: `${V4},${V6}`, 64: `${V6},${V4}` };

beforeAll(async () => {
  for (const [families, range] of Object.entries(RANGES)) clusters.set(families, await Cluster.start(range));
});
afterAll(async () => {
  for (const cluster of clusters.values()) await cluster.close();
});

describe('the families of a new Service', () => {
  for (const [i, [what, spec, results]] of CREATES.entries()) {
    for (const [families, result] of Object.entries(results)) {
      test(`${what}, on ${RANGES[families]}`, async () => {
        const cluster = clusters.get(families)!;
        const name = `new-${i}`;
        if (typeof result !== 'string') return refused(cluster.create(name, spec), result);
        const made = await cluster.create(name, spec);
        assert.equal(shape(made), result);
        if (made['spec'].clusterIPs) assert.equal(made['spec'].clusterIP, made['spec'].clusterIPs[0]);
        await cluster.checkAddresses(made);
        await cluster.client.delete(gvr.services, 'default', name);
        assert.deepEqual(await cluster.addresses(name), []);
      });
    }
  }
});

describe('a Service between one family and two', () => {
  for (const [i, [what, spec, steps]] of UPDATES.entries()) {
    test(what, async () => {
      const cluster = clusters.get('46')!;
      const name = `change-${i}`;
      let current = await cluster.create(name, spec);
      for (const [patch, result] of steps) {
        if (typeof result === 'string') {
          const before = current['spec'].clusterIPs?.[0];
          current = await cluster.patch(name, patch);
          assert.equal(shape(current), result);
          if (before && current['spec'].clusterIPs && current['spec'].type === 'ClusterIP') {
            assert.equal(current['spec'].clusterIPs[0], before, 'the first address stays');
          }
        } else {
          await refused(cluster.patch(name, patch), result);
        }
        await cluster.checkAddresses(await cluster.client.get(gvr.services, 'default', name));
      }
    });
  }

  test('a dry run takes no address', async () => {
    const cluster = clusters.get('46')!;
    const wanted = service('dry', { ipFamilyPolicy: 'RequireDualStack' });
    const made = await cluster.client.create(gvr.services, 'default', wanted, { dryRun: true });
    assert.equal(shape(made), 'RequireDualStack 46 46');
    assert.deepEqual(await cluster.addresses('dry'), []);
  });

  test('the only address stays', async () => {
    const cluster = clusters.get('46')!;
    await cluster.create('fixed', { clusterIP: '10.96.0.70' });
    await refused(cluster.patch('fixed', { clusterIP: '10.96.0.71' }), [
      'spec.clusterIPs[0]',
      /may not change once set$/,
    ]);
  });

  test('a status has nothing to do with addresses', async () => {
    const cluster = clusters.get('46')!;
    const made = await cluster.create('balanced', { type: 'LoadBalancer', ipFamilyPolicy: 'RequireDualStack' });
    const status = { loadBalancer: { ingress: [{ ip: '192.0.2.9', ipMode: 'VIP' }] } };
    const updated = await cluster.client.update(
      gvr.services,
      'default',
      { ...made, status },
      { subresource: 'status' },
    );
    assert.deepEqual((updated as KubeObject)['spec'], made['spec']);
    assert.deepEqual(updated['status'], status);
  });
});

describe('the cluster itself', () => {
  for (const [families, range] of Object.entries(RANGES)) {
    test(`${range}: the ServiceCIDR has all ranges, kubernetes an address of the first`, async () => {
      const { client } = clusters.get(families)!;
      const cidr = await client.get(gvr.servicecidrs, '', 'kubernetes');
      assert.deepEqual(cidr['spec'].cidrs, range.split(','));
      const { spec } = await client.get(gvr.services, 'default', 'kubernetes');
      assert.deepEqual(spec.clusterIPs, [families.startsWith('4') ? '10.96.0.1' : 'fd00:10:96::1']);
      assert.equal(spec.ipFamilyPolicy, 'SingleStack');
      const dns = await client.get(gvr.services, 'kube-system', 'kube-dns');
      assert.deepEqual(dns['spec'].clusterIPs, [families.startsWith('4') ? '10.96.0.10' : 'fd00:10:96::a']);
    });
  }
});
