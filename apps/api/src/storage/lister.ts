import type { KubeObject } from '#apimachinery';
import type { Store } from './store.js';

/** Reads from the caches for code that decides about requests. Objects are frozen, in their stored version. */
export interface Lister {
  /** `resource` is the storage resource: `pods`, `storage.k8s.io/storageclasses`. */
  get(resource: string, namespace: string, name: string): KubeObject | undefined;
  /** namespace undefined: all. */
  list(resource: string, namespace?: string): KubeObject[];
}

export function storeLister(store: Pick<Store, 'cache'>): Lister {
  return {
    get: (resource, namespace, name) => store.cache(resource).get(namespace, name)?.parse(),
    list: (resource, namespace) => (store.cache(resource).list({ namespace })?.items ?? []).map((item) => item.parse()),
  };
}
