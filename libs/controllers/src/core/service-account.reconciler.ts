import { hasCause, isAlreadyExists, type KubeObject } from '#apimachinery';
import { gvr, type Namespace, type ServiceAccount } from '#kinds';
import { type Controller, type ControllerContext, runtimeFor } from '../context.js';
import { controller } from '../controller.js';

const DEFAULT_ACCOUNT = 'default';

/** Sees to a `default` ServiceAccount in every namespace. */
export function serviceAccountController(context: ControllerContext): Controller {
  const runtime = runtimeFor(context, 'service-account-controller');
  const { client, informers } = runtime;
  const namespaces = informers.for<Namespace>(gvr.namespaces);
  const accounts = informers.for<ServiceAccount>(gvr.serviceaccounts);
  return controller('serviceaccount-controller', runtime)
    .for<Namespace>(gvr.namespaces)
    .watches<ServiceAccount>(gvr.serviceaccounts, {
      delete: ({ metadata }) => (metadata.name === DEFAULT_ACCOUNT ? metadata.namespace : undefined),
    })
    .reconcile(async (key) => {
      const namespace = namespaces.getByKey(key);
      if (!namespace || namespace.status?.phase === 'Terminating' || accounts.get(key, DEFAULT_ACCOUNT)) {
        return undefined;
      }
      const account: KubeObject = {
        apiVersion: 'v1',
        kind: 'ServiceAccount',
        metadata: { name: DEFAULT_ACCOUNT, namespace: key },
      };
      try {
        await client.create(gvr.serviceaccounts, key, account);
      } catch (error) {
        if (!isAlreadyExists(error) && !hasCause(error, 'NamespaceTerminating')) throw error;
      }
      return undefined;
    });
}
