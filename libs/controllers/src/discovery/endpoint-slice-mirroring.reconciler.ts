import { isIPv6 } from 'node:net';
import { type Informer, objectKey, type Requeue, splitKey } from '#client';
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
import { controller } from '../controller.js';
import type { AddressType } from './service-endpoints.js';
import { MANAGED_BY_LABEL, type PortGroup, planSlices, SERVICE_NAME_LABEL } from './slice-plan.js';
import { SliceWriter } from './slice-writer.js';
import { LAST_CHANGE_TRIGGER_TIME } from './trigger-times.js';

const MANAGER = 'endpointslicemirroring-controller.k8s.io';
const SKIP_MIRROR = 'endpointslice.kubernetes.io/skip-mirror';
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
const LEADER_ANNOTATION = 'control-plane.alpha.kubernetes.io/leader';
/** Addresses of one subset that are mirrored, at most. */
const MAX_PER_SUBSET = 1000;
const CATCH_UP = 20;

export function endpointSliceMirroringController(context: ControllerContext): Controller {
  const runtime = runtimeFor(context, 'endpointslicemirroring-controller');
  const reconciler = new EndpointSliceMirroringReconciler(runtime);
  return controller('endpointslice-mirroring-controller', runtime)
    .for<Service>(gvr.services)
    .watches<Endpoints>(gvr.endpoints, objectKey)
    .watches<EndpointSlice>(gvr.endpointslices, (slice) => reconciler.slices.serviceOf(slice))
    .reconcile((key) => reconciler.reconcile(key));
}

/** Shows hand-made Endpoints of Services without selectors as EndpointSlices: proxies read nothing else. */
class EndpointSliceMirroringReconciler {
  readonly slices: SliceWriter;
  private readonly services: Informer<Service>;
  private readonly endpoints: Informer<Endpoints>;

  constructor({ informers, client }: ControllerRuntime) {
    this.services = informers.for<Service>(gvr.services);
    this.endpoints = informers.for<Endpoints>(gvr.endpoints);
    this.slices = new SliceWriter(client, informers.for<EndpointSlice>(gvr.endpointslices), MANAGER);
  }

  async reconcile(key: string): Promise<Requeue | undefined> {
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
    const annotations = mirroredAnnotations(endpoints.metadata.annotations);
    for (const addressType of ['IPv4', 'IPv6'] as const) {
      const current = existing.filter((slice) => slice.addressType === addressType);
      const identity = { owner: endpoints, addressType, labels, annotations, placeholder: false };
      await this.slices.apply(key, namespace, planSlices(identity, current, mirroredGroups(endpoints, addressType)));
    }
    return undefined;
  }
}

/** Not those that tell of the Endpoints object itself. */
function mirroredAnnotations(annotations: Record<string, string> = {}): Record<string, string> {
  const { [LAST_CHANGE_TRIGGER_TIME]: _time, [LAST_APPLIED]: _applied, ...others } = annotations;
  return others;
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
