import { type ConfigMap, gvr, type Secret } from '#kinds';
import { type Controller, type ControllerContext, runtimeFor } from '../context.js';
import { controller } from '../controller.js';
import { bootstrapTokens, signedData } from './bootstrap-tokens.js';

const NAMESPACE = 'kube-public';
const NAME = 'cluster-info';

/** Signs `kube-public/cluster-info` with each bootstrap token: who joins by a token can trust the authority in it. */
export function bootstrapSigner(context: ControllerContext): Controller {
  const runtime = runtimeFor(context, 'bootstrap-signer');
  const { client, clock, informers } = runtime;
  const tokens = bootstrapTokens(informers);
  const fieldSelector = `metadata.name=${NAME}`;
  const configMaps = informers.for<ConfigMap>(gvr.configmaps, { namespace: NAMESPACE, fieldSelector });

  return controller('bootstrap-signer-controller', runtime)
    .for<ConfigMap>(configMaps)
    .watches<Secret>(tokens, () => `${NAMESPACE}/${NAME}`)
    .workers(1)
    .reconcile(async () => {
      const info = configMaps.get(NAMESPACE, NAME);
      const data = info && signedData(info.data, tokens.list(), clock.now());
      if (data) await client.update<ConfigMap>(gvr.configmaps, NAMESPACE, { ...info, data });
      return undefined;
    });
}
