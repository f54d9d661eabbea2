import {
  formatIp,
  type GroupVersionResource,
  isAlreadyExists,
  isNotFound,
  type KubeObject,
  parseIp,
} from '#apimachinery';
import { type Requeue, splitKey } from '#client';
import {
  gvr,
  hasServiceAddressLabels,
  type IPAddress,
  isServiceAddress,
  type Service,
  type ServiceCIDR,
  serviceAddressLabels,
} from '#kinds';
import { type Controller, type ControllerContext, runtimeFor } from '../context.js';
import { controller } from '../controller.js';
import { isInRange } from './service-cidr.plan.js';

/** Milliseconds after its making in which an address may be here before its Service is. */
const GRACE = 60_000;

/**
 * Makes the IPAddress of a cluster IP again when somebody has deleted or changed it, and deletes one that no Service has. Addresses
 * come and go with their Services in one write, so only other writers make work here.
 */
export function clusterIpRepair(context: ControllerContext): Controller {
  const runtime = runtimeFor(context, 'cluster-ip-repair-controller', 'ipallocator-repair-controller');
  const { client, clock, informers, recorder } = runtime;
  const services = informers.for<Service>(gvr.services);
  const addresses = informers.for<IPAddress>(gvr.ipaddresses);
  const cidrs = informers.for<ServiceCIDR>(gvr.servicecidrs);

  async function repairService(service: Service): Promise<void> {
    for (const text of clusterIps(service)) {
      const ip = parseIp(text)!;
      const what = `[${ip.family}]: ${text}`;
      const warn = (reason: string, message: string) => recorder.event(service, 'Warning', reason, message);
      if (!isInRange(ip, cidrs.list())) {
        warn(
          'ClusterIPOutOfRange',
          `Cluster IP ${what} is not within any configured Service CIDR; please recreate service`,
        );
        continue;
      }
      const { namespace, name } = service.metadata;
      const address = await current(text);
      if (!address) {
        warn('ClusterIPNotAllocated', `Cluster IP ${what} is not allocated; repairing`);
        await create(text, service);
      } else if (isSharedWith(address, service)) {
        const message = `Cluster IP [${ip.family}]:${text} was assigned to multiple services; please recreate service`;
        warn('ClusterIPAlreadyAllocated', message);
      } else if (!isOf(address, service) || !hasServiceAddressLabels(address, ip)) {
        const where = `for Service ${namespace}/${name}`;
        warn('ClusterIPNotAllocated', `the ClusterIP ${what} ${where} has a wrong reference; repairing`);
        await remove(address);
        await create(text, service);
      }
    }
  }

  async function repairAddress(address: IPAddress): Promise<Requeue | undefined> {
    if (!isServiceAddress(address)) return undefined;
    const { name } = address.metadata;
    const { group, resource, namespace = '', name: parent = '' } = address.spec.parentRef ?? {};
    const where = `IPAddress: ${name} for Service ${namespace}/${parent}`;
    const warn = (reason: string, message: string) => recorder.event(address, 'Warning', reason, message);
    if ((group ?? '') !== '' || resource !== 'services') {
      const text = `IPAddress ${name} appears to have been modified, not referencing a Service`;
      warn('IPAddressNotAllocated', `${text} ${resource}.${group} ${namespace}/${parent}: cleaning up`);
      await remove(address);
      return undefined;
    }
    const cached = services.get(namespace, parent);
    if (cached && clusterIps(cached).includes(name!)) return undefined;
    const left = Date.parse(address.metadata.creationTimestamp!) + GRACE - clock.now();
    if (left > 0) return { requeueAfter: left };
    const service = await stored<Service>(gvr.services, namespace, parent);
    if (service && clusterIps(service).includes(name!)) return undefined;
    if (service) warn('IPAddressWrongReference', `${where} has a wrong reference; cleaning up`);
    else warn('IPAddressNotAllocated', `${where} appears to have leaked: cleaning up`);
    await remove(address);
    return undefined;
  }

  /** What the server has, when the cache has nothing: the two come by different watches. */
  async function current(name: string): Promise<IPAddress | undefined> {
    return addresses.get('', name) ?? (await stored<IPAddress>(gvr.ipaddresses, '', name));
  }

  async function stored<T extends KubeObject>(
    resource: GroupVersionResource,
    namespace: string,
    name: string,
  ): Promise<T | undefined> {
    try {
      return await client.get<T>(resource, namespace, name);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  function isSharedWith(address: IPAddress, service: Service): boolean {
    const { namespace = '', name = '' } = address.spec.parentRef ?? {};
    const other = isOf(address, service) ? undefined : services.get(namespace, name);
    return other !== undefined && clusterIps(other).includes(address.metadata.name!);
  }

  async function create(name: string, { metadata }: Service): Promise<void> {
    const parentRef = { resource: 'services', namespace: metadata.namespace!, name: metadata.name! };
    const labels = serviceAddressLabels(parseIp(name)!);
    const apiVersion = 'networking.k8s.io/v1';
    const address: IPAddress = { apiVersion, kind: 'IPAddress', metadata: { name, labels }, spec: { parentRef } };
    try {
      await client.create<IPAddress>(gvr.ipaddresses, '', address);
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
  }

  async function remove({ metadata: { name, uid } }: IPAddress): Promise<void> {
    try {
      await client.delete(gvr.ipaddresses, '', name!, { preconditions: { uid } });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  return controller('cluster-ip-repair-controller', runtime)
    .for<Service>(services, { when: (service, old) => !old || clusterIps(service).join() !== clusterIps(old).join() })
    .watches<IPAddress>(addresses, {
      add: ({ metadata }) => metadata.name,
      update: (_old, address) => [address.metadata.name!, ...serviceKey(address)],
      delete: serviceKey,
    })
    .reads(cidrs)
    .reconcile(async (key) => {
      if (!key.includes('/')) {
        const address = addresses.getByKey(key);
        return address && repairAddress(address);
      }
      const { namespace, name } = splitKey(key);
      const service = services.get(namespace, name);
      if (service && service.metadata.deletionTimestamp === undefined) await repairService(service);
      return undefined;
    });
}

/** Canonical: IPAddresses are named by them. */
function clusterIps({ spec }: Service): string[] {
  if (spec?.type === 'ExternalName') return [];
  const parsed = (spec?.clusterIPs ?? []).map(parseIp).filter((ip) => ip !== undefined);
  return parsed.map(formatIp);
}

function serviceKey({ spec }: IPAddress): string[] {
  const { resource, namespace, name } = spec.parentRef ?? {};
  return resource === 'services' ? [`${namespace}/${name}`] : [];
}

function isOf({ spec }: IPAddress, { metadata }: Service): boolean {
  const { group, resource, namespace, name } = spec.parentRef ?? {};
  const isService = (group ?? '') === '' && resource === 'services';
  return isService && namespace === metadata.namespace && name === metadata.name;
}
