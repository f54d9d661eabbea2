import type { KubeObject } from '#apimachinery';
import { objectKey, type Requeue } from '#client';
import { type EndpointSlice, gvr, type Node, type Service } from '#kinds';
import { type Controller, type ControllerContext, runtimeFor } from '../context.js';
import { controller } from '../controller.js';
import { selectedBy } from '../indexes.js';
import { balancerNode, isOurs, nameOf, planBalancer, portsOf, rivalOf } from './load-balancer.plan.js';

const ACCOUNT = 'service-controller';
const MANAGER = 'berth-service-lb';
const SERVICE_NAME = 'kubernetes.io/service-name';
const BY_PORT = 'load-balancer-port';

/**
 * Gives Services of type LoadBalancer the addresses of the nodes: the agents' rules then answer at `<node address>:<port>`. A
 * status that another program has written is left alone, so that another provider can take over.
 */
export function loadBalancerController(context: ControllerContext): Controller {
  const runtime = runtimeFor(context, ACCOUNT, 'service-lb-controller');
  const { client, informers, options, recorder } = runtime;
  const isEnabled = options.serviceLoadBalancers !== false;
  const services = informers.for<Service>(gvr.services);
  const nodes = informers.for<Node>(gvr.nodes);
  const slices = informers.for<EndpointSlice>(gvr.endpointslices);
  services.addIndex(BY_PORT, (service) => (isOurs(service) ? [...new Set(['', ...portsOf(service)])] : []));
  const ours = () => services.byIndex(BY_PORT, '');

  const sharing = (service: Service): string[] =>
    isOurs(service) ? portsOf(service).flatMap((port) => services.byIndex(BY_PORT, port).map(objectKey)) : [];
  const ofSlice = (slice: EndpointSlice): string | undefined => {
    const name = slice.metadata.labels?.[SERVICE_NAME];
    const service = name === undefined ? undefined : services.get(slice.metadata.namespace!, name);
    return service && isOurs(service) ? objectKey(service) : undefined;
  };
  const matters = (node: Node | undefined) => JSON.stringify(node && balancerNodeText(node));
  const allOurs = () => ours().map(objectKey);

  async function write(service: Service, addresses: readonly string[]): Promise<void> {
    const { namespace, name, resourceVersion } = service.metadata;
    const loadBalancer = addresses.length > 0 ? { ingress: addresses.map((ip) => ({ ip, ipMode: 'VIP' })) } : null;
    // The revision: who has written meanwhile may be another provider.
    const patch = { metadata: { resourceVersion }, status: { loadBalancer } };
    const options = { subresource: 'status', fieldManager: MANAGER };
    await client.patch(gvr.services, namespace!, name!, 'application/merge-patch+json', patch, options);
  }

  async function reconcile(key: string): Promise<Requeue | undefined> {
    const service = services.getByKey(key);
    if (!service || service.metadata.deletionTimestamp !== undefined) return undefined;
    const current = (service.status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip ?? '');
    if (!isEnabled || !isOurs(service)) {
      if (current.length > 0 && isWriter(service)) await write(service, []);
      return undefined;
    }
    if (current.length > 0 && !isWriter(service)) return undefined;
    const conflict = rivalOf(service, ours(), isWriter);
    const usable = [...nodes.values()].flatMap((node) => balancerNode(node) ?? []);
    const own = selectedBy(slices, service.metadata.namespace!, {
      matchLabels: { [SERVICE_NAME]: service.metadata.name! },
    });
    const { addresses, problem } = conflict
      ? { addresses: [], problem: `port ${conflict.port} belongs to Service ${nameOf(conflict.rival)}` }
      : planBalancer(service, usable, own);
    if (problem !== undefined) {
      recorder.event(service, 'Warning', 'SyncLoadBalancerFailed', `Error syncing load balancer: ${problem}`);
    }
    if (addresses.join() === current.join()) return undefined;
    await write(service, addresses);
    if (addresses.length === 0) return undefined;
    if (current.length === 0) recorder.event(service, 'Normal', 'EnsuredLoadBalancer', 'Ensured load balancer');
    else recorder.event(service, 'Normal', 'UpdatedLoadBalancer', 'Updated load balancer with new hosts');
    return undefined;
  }

  return controller('service-lb-controller', runtime)
    .for<Service>(services, { when: (service, old) => isConcerned(service) || (old !== undefined && isConcerned(old)) })
    .watches<Service>(services, sharing)
    .watches<Node>(nodes, {
      add: allOurs,
      update: (old, node) => (matters(old) === matters(node) ? undefined : allOurs()),
      delete: allOurs,
    })
    .watches<EndpointSlice>(slices, ofSlice)
    .reconcile(reconcile);
}

function isConcerned(service: Service): boolean {
  return isOurs(service) || isWriter(service);
}

/** Did this controller write the addresses that stand in the status? */
function isWriter({ metadata, status }: KubeObject): boolean {
  if ((status?.loadBalancer?.ingress ?? []).length === 0) return false;
  return (metadata.managedFields ?? []).some(
    ({ manager, subresource, fieldsV1 }) =>
      manager === MANAGER &&
      subresource === 'status' &&
      (fieldsV1 as { 'f:status'?: { 'f:loadBalancer'?: object } })?.['f:status']?.['f:loadBalancer'] !== undefined,
  );
}

function balancerNodeText(node: Node): unknown {
  const usable = balancerNode(node);
  return usable && { ...usable, listening: [...usable.listening] };
}
