import type { KindStrategy } from '../../../contract/kind-module.js';
import type { StatefulSet } from '../../../generated/types.js';

export const statefulSetStrategy: KindStrategy = {
  prepareForCreate: nameTemplateKinds,
  prepareForUpdate: nameTemplateKinds,
};

/** Claim templates say their version and kind, as the reference writes them. A status update's spec is the old, frozen one. */
function nameTemplateKinds({ spec }: StatefulSet): void {
  for (const template of spec.volumeClaimTemplates ?? []) {
    if (template.apiVersion === 'v1' && template.kind === 'PersistentVolumeClaim') continue;
    template.apiVersion = 'v1';
    template.kind = 'PersistentVolumeClaim';
  }
}
