import { isIPv4, isIPv6 } from 'node:net';
import { type Informer, objectKey, type Requeue } from '#client';
import { type Endpoint, type EndpointSlice, gvr, type Node, type Service } from '#kinds';
import { type Controller, type ControllerContext, type ControllerRuntime, runtimeFor } from '../context.js';
import { controller } from '../controller.js';
import { type AddressType, addressTypesOf } from './service-endpoints.js';
import { sliceLabels } from './slice-labels.js';
import { type PortGroup, planSlices } from './slice-plan.js';
import { SliceWriter } from './slice-writer.js';

const MANAGER = 'cluster-dns-controller.berth';
const KEY = 'kube-system/kube-dns';
const ZONE_LABEL = 'topology.kubernetes.io/zone';
const CATCH_UP = 20;

export function clusterDnsController(context: ControllerContext): Controller {
  const runtime = runtimeFor(context, 'endpointslice-controller', 'cluster-dns-controller');
  const dns = new ClusterDnsReconciler(runtime);
  const mine = (slice: EndpointSlice) => (dns.slices.isManaged(slice) ? KEY : undefined);
  return controller('cluster-dns-controller', runtime)
    .for<Service>(gvr.services, { when: (service) => objectKey(service) === KEY })
    .watches<Node>(gvr.nodes, {
      add: () => KEY,
      update: (old, node) => (nodeChanged(old, node) ? KEY : undefined),
      delete: () => KEY,
    })
    .watches<EndpointSlice>(gvr.endpointslices, { update: (_old, slice) => mine(slice), delete: mine })
    .workers(1)
    .reconcile(() => dns.reconcile());
}

/** Keeps the slices of the `kube-dns` Service equal to the Ready nodes: DNS runs on each of them, not in pods. */
class ClusterDnsReconciler {
  readonly slices: SliceWriter;
  private readonly services: Informer<Service>;
  private readonly nodes: Informer<Node>;

  constructor({ informers, client }: ControllerRuntime) {
    this.services = informers.for<Service>(gvr.services);
    this.nodes = informers.for<Node>(gvr.nodes);
    this.slices = new SliceWriter(client, informers.for<EndpointSlice>(gvr.endpointslices), MANAGER);
  }

  async reconcile(): Promise<Requeue | undefined> {
    const service = this.services.getByKey(KEY);
    // Somebody runs a DNS of his own in pods: the selector's endpoints are the Service's.
    if (!service || service.spec?.selector) return undefined;
    const existing = this.slices.slicesOf(KEY);
    if (!existing) return { requeueAfter: CATCH_UP };
    const labels = sliceLabels(service, MANAGER);
    const types = addressTypesOf(service);
    for (const addressType of types) {
      const current = existing.filter((slice) => slice.addressType === addressType);
      const identity = { owner: service, addressType, labels, placeholder: true };
      const plan = planSlices(identity, current, dnsGroups(service, this.nodes.list(), addressType));
      await this.slices.apply(KEY, 'kube-system', plan);
    }
    const remove = existing.filter((slice) => !types.includes(slice.addressType));
    await this.slices.apply(KEY, 'kube-system', { create: [], update: [], remove });
    return undefined;
  }
}

/** One endpoint for each Ready node, at its InternalIP of the family, on the ports that the Service says DNS listens on there. */
export function dnsGroups(service: Service, nodes: readonly Node[], addressType: AddressType): PortGroup[] {
  const ports = (service.spec?.ports ?? []).map(({ name, protocol, port, targetPort }) => ({
    name: name ?? '',
    protocol: protocol ?? ('TCP' as const),
    port: typeof targetPort === 'number' ? targetPort : port,
  }));
  const endpoints = nodes.flatMap((node) => {
    const address = internalAddress(node, addressType);
    if (!isReady(node) || !address) return [];
    const endpoint: Endpoint = {
      addresses: [address],
      conditions: { ready: true, serving: true, terminating: false },
      nodeName: node.metadata.name,
    };
    const zone = node.metadata.labels?.[ZONE_LABEL];
    if (zone) endpoint.zone = zone;
    return [endpoint];
  });
  endpoints.sort((a, b) => (a.nodeName! < b.nodeName! ? -1 : 1));
  return endpoints.length > 0 ? [{ ports, endpoints }] : [];
}

function isReady(node: Node): boolean {
  return node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
}

function internalAddress(node: Node, addressType: AddressType): string | undefined {
  const wanted = addressType === 'IPv6' ? isIPv6 : isIPv4;
  return node.status?.addresses?.find(({ type, address }) => type === 'InternalIP' && wanted(address))?.address;
}

function nodeChanged(old: Node, node: Node): boolean {
  return (
    isReady(old) !== isReady(node) ||
    internalAddress(old, 'IPv4') !== internalAddress(node, 'IPv4') ||
    internalAddress(old, 'IPv6') !== internalAddress(node, 'IPv6') ||
    old.metadata.labels?.[ZONE_LABEL] !== node.metadata.labels?.[ZONE_LABEL]
  );
}
