import type { KubeObject } from '#apimachinery';
import { type EndpointSlice, gvr } from '#kinds';
import { controllerEnvironment } from '#testing';

const MERGE = 'application/merge-patch+json';

/** By the Service's families: those of the Service ranges, the first alone unless the Service asks for both. */
describe('slices of kube-dns', () => {
  for (const [serviceClusterIpRange, single, dual] of [
    ['10.96.0.0/16,fd00:10:96::/112', 'IPv4 192.0.2.1,192.0.2.2', 'IPv4 192.0.2.1,192.0.2.2; IPv6 2001:db8::2'],
    ['fd00:10:96::/112,10.96.0.0/16', 'IPv6 2001:db8::2', 'IPv4 192.0.2.1,192.0.2.2; IPv6 2001:db8::2'],
  ] as const) {
    it(`list the Ready nodes by their addresses of its families: ${serviceClusterIpRange}`, async () => {
      const env = await controllerEnvironment({ serviceClusterIpRange });
      try {
        for (const [name, ...addresses] of [
          ['one', '192.0.2.1'],
          ['both', '192.0.2.2', '2001:db8::2'],
        ] as const) {
          await env.client.create<KubeObject>(gvr.nodes, '', { apiVersion: 'v1', kind: 'Node', metadata: { name } });
          const status = {
            addresses: addresses.map((address) => ({ type: 'InternalIP', address })),
            conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime: new Date().toISOString() }],
          };
          await env.client.patch(gvr.nodes, '', name, MERGE, { status }, { subresource: 'status' });
        }
        const slices = async () => {
          const options = { namespace: 'kube-system', labelSelector: 'kubernetes.io/service-name=kube-dns' };
          const { items } = await env.client.list<EndpointSlice & KubeObject>(gvr.endpointslices, options);
          const told = ({ addressType, endpoints = [] }: EndpointSlice) =>
            `${addressType} ${endpoints
              .flatMap((endpoint) => endpoint.addresses)
              .sort()
              .join()}`;
          return items.map(told).sort().join('; ');
        };
        for (const [ipFamilyPolicy, wanted] of [
          ['SingleStack', single],
          ['RequireDualStack', dual],
          ['SingleStack', single],
        ] as const) {
          await env.client.patch(gvr.services, 'kube-system', 'kube-dns', MERGE, { spec: { ipFamilyPolicy } });
          await env.until(`${ipFamilyPolicy}: ${wanted}`, async () => (await slices()) === wanted);
        }
      } finally {
        await env.close();
      }
    });
  }
});
