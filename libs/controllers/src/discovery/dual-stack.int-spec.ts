import type { KubeObject } from '#apimachinery';
import { type EndpointSlice, type Endpoints, gvr } from '#kinds';
import { type ControllerEnvironment, controllerEnvironment } from '#testing';

const STRATEGIC = 'application/strategic-merge-patch+json';
const MERGE = 'application/merge-patch+json';

let env: ControllerEnvironment;
beforeAll(async () => {
  env = await controllerEnvironment({ serviceClusterIpRange: '10.96.0.0/16,fd00:10:96::/112' });
  await env.client.create<KubeObject>(gvr.nodes, '', { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-1' } });
});
afterAll(() => env.close());

async function readyPod(namespace: string, name: string, addresses: string[]): Promise<void> {
  await env.client.create<KubeObject>(gvr.pods, namespace, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: 'web' } },
    spec: { nodeName: 'node-1', containers: [{ name: 'main', image: 'x' }] },
  });
  const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime: new Date().toISOString() }];
  const podIPs = addresses.map((ip) => ({ ip }));
  const status = { phase: 'Running', podIP: addresses[0], podIPs, conditions };
  await env.client.patch(gvr.pods, namespace, name, STRATEGIC, { status }, { subresource: 'status' });
}

/** Address type and addresses of each slice, those without endpoints too. */
async function slices(namespace: string): Promise<string> {
  const options = { namespace, labelSelector: 'kubernetes.io/service-name=web' };
  const { items } = await env.client.list<EndpointSlice & KubeObject>(gvr.endpointslices, options);
  return items
    .map(
      ({ addressType, endpoints = [] }) =>
        `${addressType} ${endpoints
          .flatMap((e) => e.addresses)
          .sort()
          .join()}`,
    )
    .sort()
    .join('; ');
}

const CASES: [what: string, spec: Record<string, unknown>, slices: string, endpoints: string][] = [
  ['SingleStack', {}, 'IPv4 10.244.0.1,10.244.0.2', '10.244.0.1,10.244.0.2'],
  [
    'PreferDualStack',
    { ipFamilyPolicy: 'PreferDualStack' },
    'IPv4 10.244.0.1,10.244.0.2; IPv6 fd00::2',
    '10.244.0.1,10.244.0.2',
  ],
  ['IPv6 alone', { ipFamilies: ['IPv6'] }, 'IPv6 fd00::2', 'fd00::2'],
  [
    'headless of both',
    { clusterIP: 'None', ipFamilyPolicy: 'RequireDualStack', ipFamilies: ['IPv6', 'IPv4'] },
    'IPv4 10.244.0.1,10.244.0.2; IPv6 fd00::2',
    'fd00::2',
  ],
];

describe('slices of a Service, by family', () => {
  for (const [what, spec, wanted, addresses] of CASES) {
    it(what, async () => {
      const namespace = await env.namespace();
      await readyPod(namespace, 'one', ['10.244.0.1']);
      await readyPod(namespace, 'both', ['10.244.0.2', 'fd00::2']);
      await env.client.create<KubeObject>(gvr.services, namespace, {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'web' },
        spec: { selector: { app: 'web' }, ports: [{ port: 80 }], ...spec },
      });
      await env.until(wanted, async () => (await slices(namespace)) === wanted);
      await env.until(addresses, async () => {
        const { items } = await env.client.list<Endpoints & KubeObject>(gvr.endpoints, { namespace });
        return items[0]?.subsets?.[0]?.addresses?.map(({ ip }) => ip).join() === addresses;
      });
    });
  }

  it('come and go with the second family', async () => {
    const namespace = await env.namespace();
    await readyPod(namespace, 'both', ['10.244.0.2', 'fd00::2']);
    await env.client.create<KubeObject>(gvr.services, namespace, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web' },
      spec: { selector: { app: 'web' }, ports: [{ port: 80 }] },
    });
    for (const [ipFamilyPolicy, wanted] of [
      ['SingleStack', 'IPv4 10.244.0.2'],
      ['RequireDualStack', 'IPv4 10.244.0.2; IPv6 fd00::2'],
      ['SingleStack', 'IPv4 10.244.0.2'],
    ] as const) {
      await env.client.patch(gvr.services, namespace, 'web', MERGE, { spec: { ipFamilyPolicy } });
      await env.until(`${ipFamilyPolicy}: ${wanted}`, async () => (await slices(namespace)) === wanted);
    }
  });
});
