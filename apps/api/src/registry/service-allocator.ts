import { type FieldError, field, formatTime, internalError, invalid, type KubeObject, newUid } from '#apimachinery';
import type { ObjectKey, Store, Write } from '../storage/store.js';
import { type Ipv4Range, type PortRange, parseIpv4 } from './ip-range.js';
import { encodeForStorage } from './object-codec.js';
import type { Contribution, WriteSetContributor } from './registry-context.js';

const IP_ADDRESSES = 'networking.k8s.io/ipaddresses';
/** Not served: one object for each node port in use, so that the store itself keeps ports unique across replicas. */
const NODE_PORTS = 'berth.internal/nodeports';
const HEADLESS = 'None';

interface Port {
  port: number;
  protocol?: string;
  nodePort?: number;
}

/**
 * Gives Services their cluster IPs and node ports, and takes them back. An address is an IPAddress object and a port a
 * marker object, made and removed in the Service's own write set: two Services cannot get the same one, and nothing leaks.
 */
export class ServiceAllocator implements WriteSetContributor {
  constructor(
    private readonly store: Pick<Store, 'cache'>,
    private readonly addresses: Ipv4Range,
    private readonly ports: PortRange,
    private readonly now: () => Date,
  ) {}

  contribute(service: KubeObject | undefined, old: KubeObject | undefined): Contribution {
    const writes: Write[] = [];
    if (service) {
      if (old) adoptAllocated(service, old);
      matchClusterIps(service, old);
      settleFamilies(service, old);
    }
    const heldIps = old ? addressesOf(old) : [];
    if (service && needsClusterIp(service)) this.assignClusterIp(service, heldIps);
    const wantedIps = service ? addressesOf(service) : [];
    for (const ip of wantedIps) if (!heldIps.includes(ip)) writes.push(this.takeIp(ip, service!));
    for (const ip of heldIps) if (!wantedIps.includes(ip)) writes.push(...this.release(IP_ADDRESSES, ip));

    const heldPorts = old ? nodePortsOf(old) : [];
    if (service) this.assignNodePorts(service, heldPorts);
    const wantedPorts = service ? nodePortsOf(service) : [];
    for (const port of wantedPorts) if (!heldPorts.includes(port)) writes.push(this.takePort(port, service!));
    for (const port of heldPorts)
      if (!wantedPorts.includes(port)) writes.push(...this.release(NODE_PORTS, String(port)));
    return { writes, guards: [] };
  }

  retries(key: ObjectKey): boolean {
    return key.resource === IP_ADDRESSES || key.resource === NODE_PORTS;
  }

  private ipTaken(address: string): boolean {
    return this.store.cache(IP_ADDRESSES).get('', address) !== undefined;
  }

  private portTaken(port: number): boolean {
    return this.store.cache(NODE_PORTS).get('', String(port)) !== undefined;
  }

  private assignClusterIp(service: KubeObject, held: readonly string[]): void {
    const wanted = service.spec.clusterIPs?.[0] ?? '';
    if (wanted === HEADLESS) return;
    if (wanted === '') {
      const address = this.addresses.pick((candidate) => this.ipTaken(candidate));
      if (!address) {
        const text = `failed to allocate a serviceIP for Service ${JSON.stringify(service.metadata.name)}: range is full`;
        throw internalError(new Error(text));
      }
      service.spec.clusterIP = address;
      service.spec.clusterIPs = [address];
      return;
    }
    // What is no address at all is for validation to tell.
    if (held.includes(wanted) || parseIpv4(wanted) === undefined) return;
    const why = !this.addresses.contains(wanted)
      ? `the provided network does not match the current range`
      : this.ipTaken(wanted)
        ? 'provided IP is already allocated'
        : undefined;
    if (why === undefined) return;
    const shown = why.startsWith('the provided')
      ? `provided IP is not in the valid range. The range of valid IPs is ${this.addresses.cidr}`
      : why;
    throw invalidService(service, [
      field.invalid('spec.clusterIPs', service.spec.clusterIPs, `failed to allocate IP ${wanted}: ${shown}`),
    ]);
  }

  private assignNodePorts(service: KubeObject, held: readonly number[]): void {
    const { spec } = service;
    const type = spec.type ?? 'ClusterIP';
    const exposed = type === 'NodePort' || type === 'LoadBalancer';
    const allocates = exposed && (type !== 'LoadBalancer' || spec.allocateLoadBalancerNodePorts !== false);
    const chosen = new Set<number>();
    const byPort = new Map<number, number>();
    const ports = (exposed ? (spec.ports ?? []) : []) as Port[];
    ports.forEach(({ nodePort, port }, i) => {
      if (!nodePort) return;
      this.checkPort(service, nodePort, `spec.ports[${i}].nodePort`, held);
      chosen.add(nodePort);
      byPort.set(port, byPort.get(port) ?? nodePort);
    });
    for (const port of ports) {
      if (port.nodePort || !allocates) continue;
      // TCP and UDP of one port share a node port.
      port.nodePort = byPort.get(port.port) ?? this.pickPort(chosen);
      chosen.add(port.nodePort);
      byPort.set(port.port, port.nodePort);
    }
    if (!needsHealthCheckPort(service)) return;
    if (spec.healthCheckNodePort) this.checkPort(service, spec.healthCheckNodePort, 'spec.healthCheckNodePort', held);
    else spec.healthCheckNodePort = this.pickPort(chosen);
  }

  private checkPort(service: KubeObject, port: number, path: string, held: readonly number[]): void {
    if (held.includes(port)) return;
    if (!this.ports.contains(port)) {
      throw invalidService(service, [
        field.invalid(
          path,
          port,
          `provided port is not in the valid range. The range of valid ports is ${this.ports.text}`,
        ),
      ]);
    }
    if (this.portTaken(port)) {
      throw invalidService(service, [field.invalid(path, port, 'provided port is already allocated')]);
    }
  }

  private pickPort(chosen: ReadonlySet<number>): number {
    const port = this.ports.pick((candidate) => chosen.has(candidate) || this.portTaken(candidate));
    if (port === undefined) throw internalError(new Error('failed to allocate a nodePort: range is full'));
    return port;
  }

  private takeIp(address: string, service: KubeObject): Write {
    const { namespace, name } = service.metadata;
    return this.creation(IP_ADDRESSES, address, {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'IPAddress',
      metadata: {
        labels: {
          'ipaddress.kubernetes.io/ip-family': 'IPv4',
          'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io',
        },
      },
      spec: { parentRef: { group: '', resource: 'services', namespace, name } },
    });
  }

  private takePort(port: number, service: KubeObject): Write {
    const { namespace, name } = service.metadata;
    return this.creation(NODE_PORTS, String(port), {
      apiVersion: 'berth.internal/v1',
      kind: 'NodePort',
      metadata: {},
      spec: { parentRef: { group: '', resource: 'services', namespace, name } },
    });
  }

  private creation(resource: string, name: string, object: KubeObject): Write {
    const uid = newUid();
    object.metadata = { name, uid, creationTimestamp: formatTime(this.now()), ...object.metadata };
    return { op: 'create', key: { resource, namespace: '', name }, uid, body: encodeForStorage(object) };
  }

  private release(resource: string, name: string): Write[] {
    const held = this.store.cache(resource).get('', name);
    if (!held) return [];
    return [
      {
        op: 'delete',
        key: { resource, namespace: '', name },
        uid: held.uid,
        body: encodeForStorage(held.parse()),
        ifRevision: held.revision,
      },
    ];
  }
}

function invalidService(service: KubeObject, errors: FieldError[]): Error {
  return invalid({ group: '', kind: 'Service' }, service.metadata.name ?? '', errors);
}

function needsClusterIp(service: KubeObject): boolean {
  return service.spec?.type !== 'ExternalName';
}

function needsHealthCheckPort(service: KubeObject): boolean {
  return service.spec?.type === 'LoadBalancer' && service.spec.externalTrafficPolicy === 'Local';
}

function addressesOf(service: KubeObject): string[] {
  if (!needsClusterIp(service)) return [];
  return ((service.spec?.clusterIPs ?? []) as string[]).filter((ip) => parseIpv4(ip) !== undefined);
}

function nodePortsOf(service: KubeObject): number[] {
  const { type, ports = [], healthCheckNodePort } = service.spec ?? {};
  if (type !== 'NodePort' && type !== 'LoadBalancer') return [];
  const numbers = (ports as Port[]).map((port) => port.nodePort ?? 0);
  if (needsHealthCheckPort(service)) numbers.push(healthCheckNodePort ?? 0);
  return [...new Set(numbers.filter((number) => number > 0))];
}

/** An update that leaves out what the server gave keeps it. */
function adoptAllocated(service: KubeObject, old: KubeObject): void {
  const { spec } = service;
  if (!spec || !old.spec) return;
  if (needsClusterIp(service) && needsClusterIp(old)) {
    if (!spec.clusterIP && !spec.clusterIPs?.length) spec.clusterIP = old.spec.clusterIP;
    if (!spec.clusterIPs?.length && spec.clusterIP === old.spec.clusterIP) spec.clusterIPs = old.spec.clusterIPs;
  }
  const exposed = (item: KubeObject) => item.spec.type === 'NodePort' || item.spec.type === 'LoadBalancer';
  if (exposed(service) && exposed(old)) {
    const given = new Set(((spec.ports ?? []) as Port[]).map((port) => port.nodePort ?? 0));
    for (const port of (spec.ports ?? []) as Port[]) {
      if (port.nodePort) continue;
      const before = ((old.spec.ports ?? []) as Port[]).find(
        (item) => item.port === port.port && (item.protocol ?? 'TCP') === (port.protocol ?? 'TCP'),
      );
      if (before?.nodePort && !given.has(before.nodePort)) port.nodePort = before.nodePort;
    }
  }
  if (needsHealthCheckPort(service) && needsHealthCheckPort(old) && !spec.healthCheckNodePort) {
    spec.healthCheckNodePort = old.spec.healthCheckNodePort;
  }
}

/** clusterIP and clusterIPs[0] say the same; whichever the writer changed wins. */
function matchClusterIps(service: KubeObject, old: KubeObject | undefined): void {
  const { spec } = service;
  if (!spec) return;
  if (!needsClusterIp(service)) {
    if (old && needsClusterIp(old)) {
      if (spec.clusterIP === old.spec.clusterIP) delete spec.clusterIP;
      if (spec.clusterIPs?.[0] === old.spec.clusterIPs?.[0]) delete spec.clusterIPs;
      delete spec.ipFamilies;
      delete spec.ipFamilyPolicy;
    }
    return;
  }
  const single = spec.clusterIP ?? '';
  const first = spec.clusterIPs?.[0] ?? '';
  if (!old) {
    if (single !== '' && spec.clusterIPs === undefined) spec.clusterIPs = [single];
    return;
  }
  const changedSingle = single !== (old.spec?.clusterIP ?? '');
  const changedFirst = first !== (old.spec?.clusterIPs?.[0] ?? '');
  if (changedSingle && !changedFirst) {
    if (single === '') delete spec.clusterIPs;
    else spec.clusterIPs = [single];
  } else if (changedFirst && !changedSingle && spec.clusterIPs?.length) {
    spec.clusterIP = first;
  }
}

/** The cluster has one family, IPv4; a headless Service without selector may say anything. */
function settleFamilies(service: KubeObject, old: KubeObject | undefined): void {
  const { spec } = service;
  if (!spec || !needsClusterIp(service)) return;
  const free = spec.clusterIP === HEADLESS && Object.keys(spec.selector ?? {}).length === 0;
  spec.ipFamilyPolicy ??= old?.spec?.ipFamilyPolicy ?? (free ? 'RequireDualStack' : 'SingleStack');
  const errors: FieldError[] = [];
  if (!free) {
    if (spec.ipFamilyPolicy === 'RequireDualStack') {
      const text = 'this cluster is not configured for dual-stack services';
      errors.push(field.invalid('spec.ipFamilyPolicy', spec.ipFamilyPolicy, text));
    }
    ((spec.ipFamilies ?? []) as string[]).forEach((family, i) => {
      if (family !== 'IPv4') {
        errors.push(field.invalid(`spec.ipFamilies[${i}]`, family, 'not configured on this cluster'));
      }
    });
  }
  if (errors.length > 0) throw invalidService(service, errors);
  if (!spec.ipFamilies?.length) spec.ipFamilies = ['IPv4'];
  if (free && spec.ipFamilies.length < 2 && spec.ipFamilyPolicy !== 'SingleStack') {
    spec.ipFamilies = [spec.ipFamilies[0], spec.ipFamilies[0] === 'IPv4' ? 'IPv6' : 'IPv4'];
  }
}
