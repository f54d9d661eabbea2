import type { KubeObject } from '#apimachinery';
import { gvr, type IngressClass } from '#kinds';
import type { BootstrapOptions } from './bootstrap-options.js';
import { ensureObject } from './ensure-object.js';

const NAME = 'berth';
const DEFAULT = 'ingressclass.kubernetes.io/is-default-class';

/**
 * The class of the Ingresses that the nodes serve, which new Ingresses without a class get. One that is there stays as it is.
 * It is the default one unless another is: there must be one default only.
 */
export async function ensureIngressClass({ client, ingress }: BootstrapOptions): Promise<void> {
  if (!ingress) return;
  const { items } = await client.list<IngressClass & KubeObject>(gvr.ingressclasses);
  const isDefault = !items.some(
    ({ metadata: { name, annotations } }) => name !== NAME && annotations?.[DEFAULT] === 'true',
  );
  await ensureObject(client, gvr.ingressclasses, {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IngressClass',
    metadata: { name: NAME, ...(isDefault ? { annotations: { [DEFAULT]: 'true' } } : {}) },
    spec: { controller: 'berth.io/ingress' },
  });
}
