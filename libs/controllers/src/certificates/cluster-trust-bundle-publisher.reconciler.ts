import { createHash } from 'node:crypto';
import { isNotFound } from '#apimachinery';
import { type ClusterTrustBundle, gvr } from '#kinds';
import { type Controller, type ControllerContext, runtimeFor } from '../context.js';
import { controller } from '../controller.js';
import { measuredSync } from './sync-metrics.js';

const SIGNER = 'kubernetes.io/kube-apiserver-serving';
/** The one key of the loop: all bundles of the signer are looked at together. */
const ALL = SIGNER;

/** Publishes what verifies the serving certificate of this API: one bundle, under a name that tells its content. */
export function clusterTrustBundlePublisher(context: ControllerContext): Controller {
  const runtime = runtimeFor(context, 'kube-apiserver-serving-clustertrustbundle-publisher');
  const { client, clock, informers, metrics, options } = runtime;
  const fieldSelector = `spec.signerName=${SIGNER}`;
  const bundles = informers.for<ClusterTrustBundle>(gvr.clustertrustbundles, { fieldSelector });
  const trustBundle = options.rootCA;
  const name = bundleName(trustBundle);

  async function publish(): Promise<void> {
    const current = bundles.get('', name);
    const apiVersion = 'certificates.k8s.io/v1';
    if (!current) {
      const spec = { signerName: SIGNER, trustBundle };
      const bundle = { apiVersion, kind: 'ClusterTrustBundle', metadata: { name }, spec };
      await client.create<ClusterTrustBundle>(gvr.clustertrustbundles, '', bundle);
    } else if (current.spec.trustBundle !== trustBundle) {
      const spec = { ...current.spec, trustBundle };
      await client.update<ClusterTrustBundle>(gvr.clustertrustbundles, '', { ...current, spec });
    }
  }

  async function removeOthers(): Promise<void> {
    for (const { metadata } of bundles.list()) {
      if (metadata.name === name) continue;
      try {
        await client.delete(gvr.clustertrustbundles, '', metadata.name!);
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
  }

  const sync = measuredSync('clustertrustbundle_publisher', 'cluster trust bundle', { clock, metrics }, async () => {
    await publish();
    await removeOthers();
  });
  return controller('kube-apiserver-serving-clustertrustbundle-publisher-controller', runtime)
    .watches<ClusterTrustBundle>(bundles, () => ALL)
    .startsWith(() => [ALL])
    .workers(1)
    .reconcile(async () => {
      if (trustBundle) await sync();
      return undefined;
    });
}

function bundleName(trustBundle: string): string {
  const hash = createHash('sha256').update(trustBundle).digest('hex').slice(0, 24);
  return `${SIGNER.replace('/', ':')}:${hash}`;
}
