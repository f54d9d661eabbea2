import { isIPv6 } from 'node:net';
import { ControlLoop, type Informer, objectKey, type Requeue, splitKey } from '#client';
import {
  type DiscoveryEndpointPort,
  type Endpoint,
  type EndpointAddress,
  type EndpointSlice,
  type Endpoints,
  gvr,
  type Service,
} from '#kinds';
import { type Controller, type ControllerContext, type ControllerRuntime, runtimeFor } from '../context.js';
import type { AddressType } from './service-endpoints.js';
import { MANAGED_BY_LABEL, type PortGroup, planSlices, SERVICE_NAME_LABEL } from './slice-plan.js';
import { SliceWriter } from './slice-writer.js';

const MANAGER = 'endpointslicemirroring-controller.k8s.io';
const SKIP_MIRROR = 'endpointslice.kubernetes.io/skip-mirror';
const LEADER_ANNOTATION = 'control-plane.alpha.kubernetes.io/leader';
/** Addresses of one subset that are mirrored, at most. */
const MAX_PER_SUBSET = 1000;
const CATCH_UP = 20;

export function endpointSliceMirroringController(context: ControllerContext): Controller {
  return new EndpointSliceMirroringReconciler(runtimeFor(context, 'endpointslicemirroring-controller'));
}

/** Shows hand-made Endpoints of Services without selectors as EndpointSlices: proxies read nothing else. */
class EndpointSliceMirroringReconciler implements Controller {
  readonly name = 'endpointslicemirroring-controller';
  private readonly services: Informer<Service>;
  private readonly endpoints: Informer<Endpoints>;
  private readonly slices: SliceWriter;
  private readonly loop: ControlLoop;

  constructor(runtime: ControllerRuntime) {
    const { informers, clock, logger, client } = runtime;
    this.services = informers.for<Service>(gvr.services);
    this.endpoints = informers.for<Endpoints>(gvr.endpoints);
    this.slices = new SliceWriter(client, informers.for<EndpointSlice>(gvr.endpointslices), MANAGER);
    this.loop = new ControlLoop({ name: this.name, clock, logger, reconcile: (key) => this.reconcile(key) });
    const wake = (object: Service | Endpoints) => this.loop.add(objectKey(object));
    this.services.addHandler({ add: wake, update: (_old, service) => wake(service), delete: wake });
    this.endpoints.addHandler({ add: wake, update: (_old, endpoints) => wake(endpoints), delete: wake });
    const wakeOwner = (slice: EndpointSlice) => {
      const service = slice.metadata.labels?.[SERVICE_NAME_LABEL];
      if (service && this.slices.isManaged(slice)) this.loop.add(`${slice.metadata.namespace}/${service}`);
    };
    this.slices.informer.addHandler({ add: wakeOwner, update: (_old, slice) => wakeOwner(slice), delete: wakeOwner });
  }

  async run(signal: AbortSignal): Promise<void> {
    const informers = [this.services, this.endpoints, this.slices.informer];
    await Promise.all(informers.map((informer) => informer.whenSynced(signal)));
    await this.loop.run(signal);
  }

  private async reconcile(key: string): Promise<Requeue | undefined> {
    const existing = this.slices.slicesOf(key);
    if (!existing) return { requeueAfter: CATCH_UP };
    const endpoints = this.endpoints.getByKey(key);
    const { namespace } = splitKey(key);
    if (!endpoints || !shouldMirror(endpoints, this.services.getByKey(key))) {
      await this.slices.apply(key, namespace, { create: [], update: [], remove: existing });
      return undefined;
    }
    const labels: Record<string, string> = {
      ...endpoints.metadata.labels,
      [SERVICE_NAME_LABEL]: endpoints.metadata.name!,
    };
    delete labels[SKIP_MIRROR];
    labels[MANAGED_BY_LABEL] = MANAGER;
    for (const addressType of ['IPv4', 'IPv6'] as const) {
      const current = existing.filter((slice) => slice.addressType === addressType);
      const identity = { owner: endpoints, addressType, labels, placeholder: false };
      await this.slices.apply(key, namespace, planSlices(identity, current, mirroredGroups(endpoints, addressType)));
    }
    return undefined;
  }
}

export function shouldMirror(endpoints: Endpoints, service: Service | undefined): boolean {
  const { labels, annotations } = endpoints.metadata;
  if (labels?.[SKIP_MIRROR] === 'true' || annotations?.[LEADER_ANNOTATION]) return false;
  return service !== undefined && service.spec?.selector === undefined;
}

export function mirroredGroups(endpoints: Endpoints, addressType: AddressType): PortGroup[] {
  return (endpoints.subsets ?? [])
    .map((subset) => {
      const ports: DiscoveryEndpointPort[] = (subset.ports ?? []).map(({ name, port, protocol, appProtocol }) => ({
        name: name ?? '',
        port,
        protocol: protocol ?? 'TCP',
        ...(appProtocol ? { appProtocol } : {}),
      }));
      const all = [
        ...(subset.addresses ?? []).map((address) => ({ address, ready: true })),
        ...(subset.notReadyAddresses ?? []).map((address) => ({ address, ready: false })),
      ].slice(0, MAX_PER_SUBSET);
      const mine = all.filter(({ address }) => isIPv6(address.ip) === (addressType === 'IPv6'));
      return { ports, endpoints: mine.map(({ address, ready }) => mirrored(address, ready)) };
    })
    .filter((group) => group.endpoints.length > 0);
}

function mirrored({ ip, hostname, nodeName, targetRef }: EndpointAddress, ready: boolean): Endpoint {
  const endpoint: Endpoint = { addresses: [ip], conditions: { ready } };
  if (hostname) endpoint.hostname = hostname;
  if (nodeName) endpoint.nodeName = nodeName;
  if (targetRef) endpoint.targetRef = targetRef;
  return endpoint;
}
