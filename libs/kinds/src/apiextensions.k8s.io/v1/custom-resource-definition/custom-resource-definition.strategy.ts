import type { KindStrategy } from '../../../contract/kind-module.js';
import type { CustomResourceDefinition } from '../../../generated/types.js';

export const customResourceDefinitionStrategy: KindStrategy = {
  prepareForCreate(crd: CustomResourceDefinition) {
    // As the reference writes a status that nobody has written to.
    const none = { acceptedNames: { kind: '', plural: '' }, conditions: null } as unknown;
    crd.status = none as CustomResourceDefinition['status'];
    rememberStoredVersion(crd);
  },
  prepareForUpdate(crd: CustomResourceDefinition, _old, { subresource }) {
    if (subresource !== 'status') rememberStoredVersion(crd);
  },
};

/** Every version that objects may be stored in stays listed until somebody migrates and removes it. */
function rememberStoredVersion(crd: CustomResourceDefinition): void {
  const stored = crd.spec.versions?.find((version) => version.storage)?.name;
  const known = crd.status?.storedVersions ?? [];
  if (stored === undefined || known.includes(stored)) return;
  crd.status = { ...crd.status, storedVersions: [...known, stored] } as CustomResourceDefinition['status'];
}
