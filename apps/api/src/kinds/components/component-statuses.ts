import { type KubeObject, notFound } from '#apimachinery';
import { type ComputedResource, selects } from '../../registry/computed-resource.js';
import type { Store } from '../../storage/store.js';

/** Throws the reason when the component does not work. */
type Probe = () => void | Promise<void>;

/**
 * `componentstatuses`: scheduler and controllers are healthy while one of their processes renews its lease, the database (which has
 * the name that clients know) while it answers.
 */
export function componentStatuses(store: Pick<Store, 'cache' | 'ping'>, now: () => Date): ComputedResource {
  const led = (lease: string): Probe => {
    return () => checkLease(store.cache('coordination.k8s.io/leases').get('kube-system', lease)?.parse(), now());
  };
  const probes = new Map<string, Probe>([
    ['controller-manager', led('kube-controller-manager')],
    ['etcd-0', () => store.ping()],
    ['scheduler', led('kube-scheduler')],
  ]);
  return {
    group: '',
    version: 'v1',
    resource: 'componentstatuses',
    get: async (_, name) => {
      const probe = probes.get(name);
      if (probe === undefined) throw notFound({ group: '', resource: 'componentstatuses' }, name);
      return statusOf(name, probe);
    },
    list: async ({ filter }) => {
      const statuses = await Promise.all([...probes].map(([name, probe]) => statusOf(name, probe)));
      return statuses.filter((status) => selects(filter, status));
    },
  };
}

function checkLease(lease: KubeObject | undefined, now: Date): void {
  const { holderIdentity, renewTime, leaseDurationSeconds = 0 } = lease?.['spec'] ?? {};
  if (!holderIdentity) throw new Error('no process leads');
  const until = Date.parse(renewTime) + leaseDurationSeconds * 1000;
  if (!(until > now.getTime())) throw new Error(`${holderIdentity} has not renewed its lease since ${renewTime}`);
}

async function statusOf(name: string, probe: Probe): Promise<KubeObject> {
  const health = await (async () => probe())().then(
    () => ({ status: 'True', message: 'ok' }),
    (error: Error) => ({ status: 'False', error: error.message }),
  );
  return {
    apiVersion: 'v1',
    kind: 'ComponentStatus',
    metadata: { name },
    conditions: [{ type: 'Healthy', ...health }],
  };
}
