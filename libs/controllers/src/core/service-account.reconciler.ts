import { hasCause, isAlreadyExists, type KubeObject } from '#apimachinery';
import { ControlLoop, type Informer } from '#client';
import { gvr, type Namespace, type ServiceAccount } from '#kinds';
import { type Controller, type ControllerContext, runtimeFor } from '../context.js';

const DEFAULT_ACCOUNT = 'default';

/** Sees to a `default` ServiceAccount in every namespace. */
export function serviceAccountController(context: ControllerContext): Controller {
  const { client, informers, clock, logger } = runtimeFor(context, 'service-account-controller');
  const name = 'serviceaccount-controller';
  const namespaces: Informer<Namespace> = informers.for<Namespace>(gvr.namespaces);
  const accounts: Informer<ServiceAccount> = informers.for<ServiceAccount>(gvr.serviceaccounts);

  const loop = new ControlLoop({
    name,
    clock,
    logger,
    async reconcile(key) {
      const namespace = namespaces.getByKey(key);
      if (!namespace || namespace.status?.phase === 'Terminating' || accounts.get(key, DEFAULT_ACCOUNT))
        return undefined;
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
    },
  });
  namespaces.addHandler({
    add: (namespace) => loop.add(namespace.metadata.name!),
    update: (_old, namespace) => loop.add(namespace.metadata.name!),
  });
  accounts.addHandler({
    delete: (account) => account.metadata.name === DEFAULT_ACCOUNT && loop.add(account.metadata.namespace!),
  });
  return {
    name,
    async run(signal) {
      await Promise.all([namespaces.whenSynced(signal), accounts.whenSynced(signal)]);
      await loop.run(signal);
    },
  };
}
