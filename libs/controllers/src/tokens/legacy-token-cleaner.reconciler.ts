import { isConflict, isNotFound } from '#apimachinery';
import { objectKey } from '#client';
import {
  type ConfigMap,
  gvr,
  INVALID_SINCE_LABEL,
  type Pod,
  podReferences,
  type Secret,
  type ServiceAccount,
} from '#kinds';
import { type Controller, type ControllerContext, runtimeFor } from '../context.js';
import { controller } from '../controller.js';
import { podInformer } from '../workload/pods.js';
import { cleaningOf, DAY, dateOf, trackedLongEnough } from './legacy-token-cleaner.plan.js';
import { ownerOf, tokenSecrets } from './token-secrets.js';

const TRACKING = 'kube-apiserver-legacy-service-account-token-tracking';

/** Marks tokens in Secrets that nobody has used for a year as invalid, and deletes them another year later. */
export function legacyTokenCleaner(context: ControllerContext): Controller {
  const runtime = runtimeFor(context, 'legacy-service-account-token-cleaner');
  const { client, clock, informers } = runtime;
  const secrets = tokenSecrets(informers);
  const accounts = informers.for<ServiceAccount>(gvr.serviceaccounts);
  const pods = podInformer(informers);

  /** Only Secrets that the account lists were made by a controller, in older clusters. */
  function isListed(secret: Secret): boolean {
    const { name, uid } = ownerOf(secret);
    const account = accounts.get(secret.metadata.namespace!, name);
    if (!account || (uid !== undefined && uid !== account.metadata.uid)) return false;
    return (account.secrets ?? []).some((reference) => reference.name === secret.metadata.name);
  }

  function isMounted({ metadata }: Secret): boolean {
    return pods.list(metadata.namespace!).some((pod: Pod) => podReferences(pod).secrets.has(metadata.name!));
  }

  async function isTracked(now: number): Promise<boolean> {
    try {
      const tracking = await client.get<ConfigMap>(gvr.configmaps, 'kube-system', TRACKING);
      return trackedLongEnough(tracking.data?.['since'], now);
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }

  async function clean(secret: Secret, now: number): Promise<void> {
    const { namespace, name, uid, resourceVersion } = secret.metadata;
    if (cleaningOf(secret, now) === 'mark') {
      const patch = { metadata: { uid, labels: { [INVALID_SINCE_LABEL]: dateOf(now) } } };
      await client.patch(gvr.secrets, namespace!, name!, 'application/merge-patch+json', patch);
    } else {
      await client.delete(gvr.secrets, namespace!, name!, { preconditions: { resourceVersion } });
    }
  }

  return controller('legacy-serviceaccount-token-cleaner-controller', runtime)
    .reads(secrets, accounts, pods)
    .every(DAY, () => secrets.list().map(objectKey))
    .workers(1)
    .reconcile(async (key) => {
      const secret = secrets.getByKey(key);
      const now = clock.now();
      if (!secret || cleaningOf(secret, now) === 'keep' || !isListed(secret) || isMounted(secret)) return undefined;
      if (!(await isTracked(now))) return undefined;
      try {
        await clean(secret, now);
      } catch (error) {
        if (!isNotFound(error) && !isConflict(error)) throw error;
      }
      return undefined;
    });
}
