import {
  appendAll,
  deepEqual,
  field,
  formatIp,
  formatTime,
  type IpFamily,
  internalError,
  type KubeObject,
  newUid,
  parseIp,
} from '#apimachinery';
import { type ServiceSpec, serviceAddressLabels } from '#kinds';
import { encodeForStorage } from '../../codec/object-codec.js';
import type { ObjectChange, WriteParticipant, WriteSetPart } from '../../registry/write/write-participant.js';
import type { ObjectKey, Store, Write } from '../../storage/store.js';
import type { PortRange } from './ip-range.js';
import {
  freePort,
  hasHealthCheckPort,
  hasNodePorts,
  NODE_PORTS,
  nodePortsOf,
  type ServicePort,
  takePort,
} from './node-ports.js';
import { HEADLESS, keepsFamilies, refuseService, sameList, settleFamilies } from './service-ip-families.js';
import type { ServiceRanges } from './service-ranges.js';

const IP_ADDRESSES = 'networking.k8s.io/ipaddresses';

/**
 * Gives Services their cluster IPs and node ports, and takes them back. An address is an IPAddress object and a port a
 * marker object, made and removed in the Service's own write set: two Services cannot get the same one, and nothing leaks.
 */
export class ServiceAllocator implements WriteParticipant {
  readonly resources = new Set(['services']);

  constructor(
    private readonly store: Pick<Store, 'cache'>,
    private readonly ranges: ServiceRanges,
    private readonly ports: PortRange,
    private readonly now: () => Date,
  ) {}

  partIn({ object: service, old }: ObjectChange): WriteSetPart | undefined {
    const writes: Write[] = [];
    // Status and metadata have nothing to do with any of this.
    if (service && old && deepEqual(service.spec, old.spec)) return undefined;
    if (service) {
      if (old) adoptAllocated(service, old);
      pairClusterIps(service, old?.spec);
      if (hasClusterIp(service.spec) && !(old && keepsFamilies(service, old))) this.settleClusterIps(service, old);
    }
    const heldIps = old ? addressesOf(old) : [];
    const wantedIps = service ? addressesOf(service) : [];
    for (const ip of wantedIps) if (!heldIps.includes(ip)) writes.push(this.takeIp(ip, service!));
    for (const ip of heldIps) if (!wantedIps.includes(ip)) appendAll(writes, this.freeIp(ip));

    const heldPorts = old ? nodePortsOf(old) : [];
    if (service) this.assignNodePorts(service, heldPorts);
    const wantedPorts = service ? nodePortsOf(service) : [];
    for (const port of wantedPorts) if (!heldPorts.includes(port)) writes.push(takePort(port, service!, this.now()));
    for (const port of heldPorts) {
      const held = wantedPorts.includes(port) ? undefined : this.store.cache(NODE_PORTS).get('', String(port));
      if (held) writes.push(freePort(held));
    }
    return { writes };
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

  /** Families first, then an address of each. What the Service had stays: that it may not change is for validation to tell. */
  private settleClusterIps(service: KubeObject, old: KubeObject | undefined): void {
    settleFamilies(service, old, this.ranges.families);
    const { spec } = service;
    const given: string[] = spec.clusterIPs ?? [];
    if (given[0] === HEADLESS) return;
    const kept = old && hasClusterIp(old.spec) ? old.spec.clusterIPs.length : 0;
    spec.clusterIPs = (spec.ipFamilies as IpFamily[]).map((family, i) => {
      if (i < kept) return given[i];
      if (!given[i]) return this.pickIp(service, family);
      this.checkIp(service, given[i], family);
      return given[i];
    });
    spec.clusterIP = spec.clusterIPs[0];
  }

  private pickIp(service: KubeObject, family: IpFamily): string {
    for (const range of this.ranges.of(family)) {
      const address = range.pick((candidate) => this.ipTaken(candidate));
      if (address) return address;
    }
    const text = `failed to allocate a serviceIP for Service ${JSON.stringify(service.metadata.name)}: range is full`;
    throw internalError(new Error(text));
  }

  private checkIp(service: KubeObject, address: string, family: IpFamily): void {
    const why = !this.ranges.of(family).some((range) => range.contains(address))
      ? 'the provided network does not match the current range'
      : this.ipTaken(canonical(address))
        ? 'provided IP is already allocated'
        : undefined;
    if (why === undefined) return;
    const detail = `failed to allocate IP ${address}: ${why}`;
    refuseService(service, [field.invalid('spec.clusterIPs', service.spec.clusterIPs, detail)]);
  }

  private assignNodePorts(service: KubeObject, held: readonly number[]): void {
    const { spec } = service;
    const allocates = getsNodePorts(spec);
    const chosen = new Set<number>();
    const byPort = new Map<number, number>();
    const ports: ServicePort[] = hasNodePorts(spec) ? (spec.ports ?? []) : [];
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
    if (!hasHealthCheckPort(spec)) return;
    if (spec.healthCheckNodePort) this.checkPort(service, spec.healthCheckNodePort, 'spec.healthCheckNodePort', held);
    else spec.healthCheckNodePort = this.pickPort(chosen);
  }

  private checkPort(service: KubeObject, port: number, path: string, held: readonly number[]): void {
    if (held.includes(port)) return;
    if (!this.ports.contains(port)) {
      const detail = `provided port is not in the valid range. The range of valid ports is ${this.ports.text}`;
      refuseService(service, [field.invalid(path, port, detail)]);
    }
    if (this.portTaken(port)) {
      refuseService(service, [field.invalid(path, port, 'provided port is already allocated')]);
    }
  }

  private pickPort(chosen: ReadonlySet<number>): number {
    const port = this.ports.pick((candidate) => chosen.has(candidate) || this.portTaken(candidate));
    if (port === undefined) throw internalError(new Error('failed to allocate a nodePort: range is full'));
    return port;
  }

  private takeIp(address: string, service: KubeObject): Write {
    const { namespace, name } = service.metadata;
    const uid = newUid();
    const labels = serviceAddressLabels(parseIp(address)!);
    const body = encodeForStorage({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'IPAddress',
      metadata: { name: address, uid, creationTimestamp: formatTime(this.now()), labels },
      spec: { parentRef: { resource: 'services', namespace, name } },
    });
    return { op: 'create', key: { resource: IP_ADDRESSES, namespace: '', name: address }, uid, body };
  }

  private freeIp(address: string): Write[] {
    const held = this.store.cache(IP_ADDRESSES).get('', address);
    if (!held) return [];
    const { uid, revision: ifRevision } = held;
    const key = { resource: IP_ADDRESSES, namespace: '', name: address };
    return [{ op: 'delete', key, uid, body: encodeForStorage(held.parse()), ifRevision }];
  }
}

function hasClusterIp({ type }: ServiceSpec): boolean {
  return type !== 'ExternalName';
}

/** Ports that are asked for are taken also where none is given unasked. */
function getsNodePorts(spec: ServiceSpec): boolean {
  return hasNodePorts(spec) && (spec.type !== 'LoadBalancer' || spec.allocateLoadBalancerNodePorts !== false);
}

/** Canonical: IPAddresses are named by it. */
function addressesOf(service: KubeObject): string[] {
  if (!hasClusterIp(service.spec)) return [];
  return ((service.spec.clusterIPs ?? []) as string[]).filter((ip) => parseIp(ip) !== undefined).map(canonical);
}

function canonical(address: string): string {
  return formatIp(parseIp(address)!);
}

/** An update that leaves out what the server gave keeps it, so that a manifest can be sent again and again. */
function adoptAllocated({ spec }: KubeObject, { spec: old }: KubeObject): void {
  if (hasClusterIp(spec) && hasClusterIp(old)) {
    spec.clusterIP ||= old.clusterIP;
    if (!spec.clusterIPs?.length && old.clusterIPs?.length) spec.clusterIPs = [...old.clusterIPs];
  }
  if (getsNodePorts(spec) && getsNodePorts(old)) adoptNodePorts(spec.ports ?? [], old.ports ?? []);
  if (hasHealthCheckPort(spec) && hasHealthCheckPort(old)) spec.healthCheckNodePort ||= old.healthCheckNodePort;
}

/** Ports are known by their names: everything else of them may have changed. */
function adoptNodePorts(ports: ServicePort[], old: readonly ServicePort[]): void {
  const given = new Set(ports.map((port) => port.nodePort));
  for (const port of ports) {
    if (port.nodePort) continue;
    const before = old.find(({ name = '' }) => name === (port.name ?? ''))?.nodePort;
    if (before && !given.has(before)) port.nodePort = before;
  }
}

/** Clients that know only clusterIP change only that one: clusterIPs follows. */
function pairClusterIps({ spec }: KubeObject, old: ServiceSpec | undefined): void {
  if (!old) {
    if (spec.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP];
    return;
  }
  if ((spec.clusterIP ?? '') === (old.clusterIP ?? '') || !sameList(spec.clusterIPs, old.clusterIPs)) return;
  if (spec.clusterIP) spec.clusterIPs = [spec.clusterIP];
  else delete spec.clusterIPs;
}
