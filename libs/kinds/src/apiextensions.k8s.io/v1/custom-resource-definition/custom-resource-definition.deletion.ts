import { setCondition } from '../../../custom-resource/definition-conditions.js';
import type { CustomResourceDefinition } from '../../../generated/types.js';

/** Holds a definition back until its objects are deleted. */
export const CLEANUP_FINALIZER = 'customresourcecleanup.apiextensions.k8s.io';

/** What the first request for a deletion makes of a definition. */
export function markForCleanup(object: object): void {
  const crd = object as CustomResourceDefinition;
  const finalizers = crd.metadata.finalizers ?? [];
  if (!finalizers.includes(CLEANUP_FINALIZER)) crd.metadata.finalizers = [...finalizers, CLEANUP_FINALIZER];
  const terminating = {
    type: 'Terminating',
    status: 'True',
    reason: 'InstanceDeletionPending',
    message: 'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon',
  };
  setCondition(crd, terminating, crd.metadata.deletionTimestamp!);
  // Its generation counts changes of the spec alone: what is served stays the same.
  if (crd.metadata.generation) crd.metadata.generation -= 1;
}
