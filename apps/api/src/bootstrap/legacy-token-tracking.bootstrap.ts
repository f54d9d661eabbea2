import { type KubeObject, ownValue } from '#apimachinery';
import { gvr } from '#kinds';
import type { BootstrapOptions } from './bootstrap-options.js';
import { ensureObject, mergeMap } from './ensure-object.js';

const DAY = /^\d{4}-\d{2}-\d{2}$/;

/** Says since when the last use of tokens in Secrets is known: the cleaner of unused ones waits a year from then. */
export async function ensureLegacyTokenTracking({ client, now = () => new Date() }: BootstrapOptions): Promise<void> {
  const data = { since: now().toISOString().slice(0, 10) };
  const metadata = { namespace: 'kube-system', name: 'kube-apiserver-legacy-service-account-token-tracking' };
  const wanted: KubeObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data };
  await ensureObject(client, gvr.configmaps, wanted, (stored) => {
    const since = ownValue(stored['data'], 'since');
    const known = typeof since === 'string' && DAY.test(since) && !Number.isNaN(Date.parse(since));
    return known ? false : mergeMap(stored, 'data', data);
  });
}
