import { deepEqual, hasCause, isAlreadyExists } from '#apimachinery';
import { type ConfigMap, gvr, type Namespace } from '#kinds';
import { type Controller, type ControllerContext, runtimeFor } from '../context.js';
import { controller } from '../controller.js';

const CONFIG_MAP = 'kube-root-ca.crt';
const DESCRIPTION =
  'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.';

/** Keeps the cluster's CA in a ConfigMap of every namespace, where pods mount it from. */
export function rootCAPublisher(context: ControllerContext): Controller {
  const runtime = runtimeFor(context, 'root-ca-cert-publisher');
  const { client, informers, options } = runtime;
  const namespaces = informers.for<Namespace>(gvr.namespaces);
  const configMaps = informers.for<ConfigMap>(gvr.configmaps, { fieldSelector: `metadata.name=${CONFIG_MAP}` });
  const data = { 'ca.crt': options.rootCA };
  const annotations = { 'kubernetes.io/description': DESCRIPTION };

  return controller('root-ca-certificate-publisher-controller', runtime)
    .for<Namespace>(gvr.namespaces)
    .watches<ConfigMap>(configMaps, {
      update: (_old, configMap) => configMap.metadata.namespace,
      delete: (configMap) => configMap.metadata.namespace,
    })
    .reconcile(async (key) => {
      const namespace = namespaces.getByKey(key);
      if (!namespace || namespace.status?.phase === 'Terminating') return undefined;
      const current = configMaps.get(key, CONFIG_MAP);
      if (!current) {
        const metadata = { name: CONFIG_MAP, namespace: key, annotations };
        try {
          await client.create<ConfigMap>(gvr.configmaps, key, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data });
        } catch (error) {
          if (!isAlreadyExists(error) && !hasCause(error, 'NamespaceTerminating')) throw error;
        }
        return undefined;
      }
      const described = current.metadata.annotations?.['kubernetes.io/description'] === DESCRIPTION;
      if (deepEqual(current.data, data) && described) return undefined;
      const metadata = { ...current.metadata, annotations: { ...current.metadata.annotations, ...annotations } };
      await client.update<ConfigMap>(gvr.configmaps, key, { ...current, metadata, data });
      return undefined;
    });
}
