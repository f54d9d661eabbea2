import { isIPv6 } from 'node:net';
import {
  apiAddress,
  deepEqual,
  dnsAddress,
  formatTime,
  isNotFound,
  type KubeObject,
  ownValue,
  setOwn,
} from '#apimachinery';
import type { Client } from '#client';
import { gvr } from '#kinds';
import { type Advertised, leaveServers, liveServers } from './api-servers.js';
import type { BootstrapOptions } from './bootstrap-options.js';
import { ensureObject, mergeMap } from './ensure-object.js';

const DNS_PORT = 53;

/** ServiceCIDR, `kubernetes` with its endpoints, and `kube-dns`. */
export async function ensureClusterServices(options: BootstrapOptions): Promise<void> {
  await ensureServiceCidr(options);
  await Promise.all([ensureKubernetesService(options), ensureDnsService(options)]);
}

function ranges({ serviceClusterIpRange }: BootstrapOptions): string[] {
  return serviceClusterIpRange.split(',').map((range) => range.trim());
}

/** The CIDR that the flags give. It is never changed: a cluster that was started with another one keeps that. */
async function ensureServiceCidr(options: BootstrapOptions): Promise<void> {
  const { client, log } = options;
  const cidrs = ranges(options);
  const stored = await ensureObject(client, gvr.servicecidrs, {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'ServiceCIDR',
    metadata: { name: 'kubernetes' },
    spec: { cidrs },
  });
  if (!deepEqual(stored['spec']?.cidrs, cidrs)) {
    log.warn('the default ServiceCIDR does not match --service-cluster-ip-range', {
      stored: stored['spec']?.cidrs,
      flag: cidrs,
    });
    return;
  }
  const conditions: { type: string; status: string }[] = stored['status']?.conditions ?? [];
  if (conditions.some(({ type, status }) => type === 'Ready' && status === 'True')) return;
  const ready = {
    type: 'Ready',
    status: 'True',
    reason: '',
    message: 'Kubernetes default Service CIDR is ready',
    lastTransitionTime: formatTime((options.now ?? (() => new Date()))()),
  };
  const others = conditions.filter(({ type }) => type !== 'Ready');
  const updated = { ...stored, status: { ...stored['status'], conditions: [...others, ready] } };
  await client.update(gvr.servicecidrs, '', updated, { subresource: 'status' });
}

/** The API itself as a Service, by which pods find it. */
async function ensureKubernetesService(options: BootstrapOptions): Promise<void> {
  const { securePort, advertiseAddress, log } = options;
  const port = { name: 'https', protocol: 'TCP', port: 443, targetPort: securePort };
  await ensureService(options, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'kubernetes', namespace: 'default', labels: { component: 'apiserver', provider: 'kubernetes' } },
    spec: {
      type: 'ClusterIP',
      clusterIP: apiAddress(ranges(options)[0]!),
      clusterIPs: [apiAddress(ranges(options)[0]!)],
      sessionAffinity: 'None',
      ports: [port],
    },
  });
  if (!options.serves) return;
  if (isLoopback(advertiseAddress)) {
    log.warn('pods cannot reach the API by a loopback address: `kubernetes` gets no endpoints', { advertiseAddress });
    return;
  }
  await publish(options, await liveServers(options));
}

/** Takes this server out of the addresses of `kubernetes`, when others go on; for a clean end. */
export async function leaveClusterServices(options: BootstrapOptions): Promise<void> {
  if (!options.serves || isLoopback(options.advertiseAddress)) return;
  const others = await leaveServers(options);
  if (others.length > 0) await publish(options, others);
}

/** Servers with a port, and an address family, of their own have a subset and a slice of their own. */
async function publish({ client }: BootstrapOptions, servers: readonly Advertised[]): Promise<void> {
  const metadata = { name: 'kubernetes', namespace: 'default' };
  const ports = [...new Set(servers.map(({ port }) => port))];
  const groups = ports.flatMap((port) =>
    (['IPv4', 'IPv6'] as const).map((family) => ({
      family,
      port: { name: 'https', port, protocol: 'TCP' },
      addresses: servers
        .filter((server) => server.port === port && isIPv6(server.address) === (family === 'IPv6'))
        .map(({ address }) => address),
    })),
  );
  const endpoints: KubeObject = {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { ...metadata, labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } },
    subsets: ports.map((port) => ({
      addresses: servers.filter((server) => server.port === port).map(({ address }) => ({ ip: address })),
      ports: [{ name: 'https', port, protocol: 'TCP' }],
    })),
  };
  const slices = groups
    .filter(({ addresses }) => addresses.length > 0)
    .map(
      ({ family, port, addresses }, at): KubeObject => ({
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: {
          ...metadata,
          name: at === 0 ? 'kubernetes' : `kubernetes-${family.toLowerCase()}-${port.port}`,
          labels: { 'kubernetes.io/service-name': 'kubernetes' },
        },
        addressType: family,
        endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
        ports: [port],
      }),
    );
  const names = new Set(slices.map((slice) => slice.metadata.name));
  const stored = await client.list(gvr.endpointslices, {
    namespace: 'default',
    labelSelector: 'kubernetes.io/service-name=kubernetes',
  });
  const superfluous = stored.items
    .map((slice) => slice.metadata.name!)
    .filter((name) => /^kubernetes-ipv[46]-\d+$/.test(name) && !names.has(name));
  await Promise.all([
    ensureObject(client, gvr.endpoints, endpoints, (found) => amend(found, endpoints, ['subsets'])),
    ...slices.map((slice) => ensureSlice(client, slice)),
    ...superfluous.map((name) => removeSlice(client, name)),
  ]);
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}

/** A slice's address type cannot change: with another one it is made anew. */
async function ensureSlice(client: Client, slice: KubeObject): Promise<void> {
  const stored = await ensureObject(client, gvr.endpointslices, slice, (found) =>
    found['addressType'] === slice['addressType'] ? amend(found, slice, ['endpoints', 'ports']) : false,
  );
  if (stored['addressType'] === slice['addressType']) return;
  await removeSlice(client, slice.metadata.name!);
  await ensureObject(client, gvr.endpointslices, slice);
}

async function removeSlice(client: Client, name: string): Promise<void> {
  await client.delete(gvr.endpointslices, 'default', name).catch((error) => {
    if (!isNotFound(error)) throw error;
  });
}

/** Cluster DNS. It has no selector: a controller lists the Ready nodes, where the DNS processes are, in its slice. */
async function ensureDnsService(options: BootstrapOptions): Promise<void> {
  const address = dnsAddress(ranges(options)[0]!);
  await ensureService(options, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: 'kube-dns',
      namespace: 'kube-system',
      labels: {
        'k8s-app': 'kube-dns',
        'kubernetes.io/cluster-service': 'true',
        'kubernetes.io/name': 'CoreDNS',
      },
    },
    spec: {
      type: 'ClusterIP',
      clusterIP: address,
      clusterIPs: [address],
      internalTrafficPolicy: 'Local',
      ports: [
        { name: 'dns', protocol: 'UDP', port: DNS_PORT, targetPort: options.clusterDnsPort },
        { name: 'dns-tcp', protocol: 'TCP', port: DNS_PORT, targetPort: options.clusterDnsPort },
      ],
    },
  });
}

async function ensureService({ client }: BootstrapOptions, wanted: KubeObject): Promise<void> {
  await ensureObject(client, gvr.services, wanted, (stored) => {
    const labelled = mergeMap(stored.metadata, 'labels', wanted.metadata.labels);
    if (stored['spec'].type === 'ClusterIP' && deepEqual(stored['spec'].ports, wanted['spec'].ports)) return labelled;
    stored['spec'].type = 'ClusterIP';
    stored['spec'].ports = wanted['spec'].ports;
    return true;
  });
}

function amend(stored: KubeObject, wanted: KubeObject, fields: readonly string[]): boolean {
  let changed = mergeMap(stored.metadata, 'labels', wanted.metadata.labels);
  for (const name of fields) {
    if (deepEqual(ownValue(stored, name), ownValue(wanted, name))) continue;
    setOwn(stored, name, ownValue(wanted, name));
    changed = true;
  }
  return changed;
}
