import type { KubeObject } from '#apimachinery';
import { bare } from '#apimachinery';

/** What deletion does differently for a few resources; facts of the reference's registry, keyed by storage resource. */
export interface DeletionPolicy {
  /** The answer to a delete is the object that is gone, not a Status. */
  returnsObject?: boolean;
  /** Anything beside metadata.finalizers that holds the object back. */
  heldBack?(object: KubeObject): boolean;
  /** The first delete always marks, even with nothing holding the object back; changes the object for it. */
  markFirst?(object: KubeObject): void;
  /** The garbage collector never sees the resource: no propagation finalizers. */
  uncollected?: boolean;
}

const RETURNS: DeletionPolicy = { returnsObject: true };

const POLICIES = bare<DeletionPolicy>({
  namespaces: {
    returnsObject: true,
    heldBack: (namespace) => (namespace.spec?.finalizers?.length ?? 0) > 0,
    markFirst: (namespace) => {
      namespace.status = { ...namespace.status, phase: 'Terminating' };
    },
  },
  events: { uncollected: true },
  'events.k8s.io/events': { uncollected: true },
  pods: RETURNS,
  services: RETURNS,
  serviceaccounts: RETURNS,
  podtemplates: RETURNS,
  resourcequotas: RETURNS,
  persistentvolumes: RETURNS,
  persistentvolumeclaims: RETURNS,
  'storage.k8s.io/csidrivers': RETURNS,
  'storage.k8s.io/csinodes': RETURNS,
  'storage.k8s.io/storageclasses': RETURNS,
  'storage.k8s.io/volumeattachments': RETURNS,
  'storage.k8s.io/volumeattributesclasses': RETURNS,
  'resource.k8s.io/deviceclasses': RETURNS,
  'resource.k8s.io/resourceclaims': RETURNS,
  'resource.k8s.io/resourceclaimtemplates': RETURNS,
  'resource.k8s.io/resourceslices': RETURNS,
});

const NONE: DeletionPolicy = {};

export function deletionPolicy(storageResource: string): DeletionPolicy {
  return POLICIES[storageResource] ?? NONE;
}
