import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import { formatMicroTime, isConflict, isNotFound, type KubeObject } from '#apimachinery';
import { gvr } from '#kinds';
import type { BootstrapOptions } from './bootstrap-options.js';
import { ensureObject } from './ensure-object.js';

const NAMESPACE = 'kube-system';
/** Label of the Leases by which kube-apiservers say that they live. */
const IDENTITY_LABEL = 'apiserver.kubernetes.io/identity';
const IDENTITY = 'kube-apiserver';
/** Where the server of the Lease is reached: `address port`. */
const ADDRESS_ANNOTATION = 'berth.internal/advertised';
/** Seconds: a server that has not renewed its Lease for so long is gone. It renews it at each look at the cluster's Services. */
const LEASE_SECONDS = 30;

/** Where one server is reached. */
export interface Advertised {
  address: string;
  port: number;
}

/** Renews this server's Lease, removes those of servers that are gone, and gives all that live, each once, in a fixed order. */
export async function liveServers(options: BootstrapOptions): Promise<Advertised[]> {
  const { client } = options;
  const now = (options.now ?? (() => new Date()))();
  const own = leaseOf(options, now);
  await ensureObject(client, gvr.leases, own, (stored) => {
    stored.metadata.labels = { ...stored.metadata.labels, ...own.metadata.labels };
    stored.metadata.annotations = { ...stored.metadata.annotations, ...own.metadata.annotations };
    stored['spec'] = { ...stored['spec'], ...own['spec'], acquireTime: stored['spec']?.acquireTime };
    return true;
  });
  const { items } = await client.list(gvr.leases, {
    namespace: NAMESPACE,
    labelSelector: `${IDENTITY_LABEL}=${IDENTITY}`,
  });
  const found = new Map<string, Advertised>();
  for (const lease of items) {
    const advertised = advertisedBy(lease);
    if (!advertised) continue;
    if (lease.metadata.name !== own.metadata.name && hasExpired(lease, now)) await removeLease(options, lease);
    else found.set(`${advertised.address} ${advertised.port}`, advertised);
  }
  return [...found.values()].sort((a, b) => a.port - b.port || (a.address < b.address ? -1 : 1));
}

/** Ends this server's Lease. Gives the servers that go on. */
export async function leaveServers(options: BootstrapOptions): Promise<Advertised[]> {
  const others = (await liveServers(options)).filter(
    ({ address, port }) => address !== options.advertiseAddress || port !== options.securePort,
  );
  // Of the last one the addresses stay: nobody can be reached by others, and it may come back.
  if (others.length > 0) await removeLease(options, leaseOf(options, new Date()));
  return others;
}

function leaseOf({ advertiseAddress, securePort }: BootstrapOptions, now: Date): KubeObject {
  const identity = createHash('sha256').update(`${advertiseAddress}:${securePort}`).digest('hex').slice(0, 26);
  const time = formatMicroTime(now);
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: {
      name: `apiserver-${identity}`,
      namespace: NAMESPACE,
      labels: { [IDENTITY_LABEL]: IDENTITY, 'kubernetes.io/hostname': hostname() },
      annotations: { [ADDRESS_ANNOTATION]: `${advertiseAddress} ${securePort}` },
    },
    spec: {
      holderIdentity: `apiserver-${identity}`,
      leaseDurationSeconds: LEASE_SECONDS,
      acquireTime: time,
      renewTime: time,
    },
  };
}

function advertisedBy(lease: KubeObject): Advertised | undefined {
  const [address, port] = lease.metadata.annotations?.[ADDRESS_ANNOTATION]?.split(' ') ?? [];
  return address && port ? { address, port: Number(port) } : undefined;
}

function hasExpired(lease: KubeObject, now: Date): boolean {
  const renewed = Date.parse(lease['spec']?.renewTime ?? '');
  return !(renewed + LEASE_SECONDS * 1000 > now.getTime());
}

async function removeLease({ client }: BootstrapOptions, { metadata }: KubeObject): Promise<void> {
  const { resourceVersion } = metadata;
  const preconditions = resourceVersion === undefined ? undefined : { resourceVersion };
  await client.delete(gvr.leases, NAMESPACE, metadata.name!, preconditions ? { preconditions } : {}).catch((error) => {
    if (!isNotFound(error) && !isConflict(error)) throw error;
  });
}
