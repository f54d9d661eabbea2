import { type FieldError, FieldPath, field, isQualifiedName } from '#apimachinery';
import type { KindValidator } from '../../../contract/kind-module.js';
import type { Namespace } from '../../../generated/types.js';
import { formatErrors } from '../../../validation/fields.js';

const finalizersPath = FieldPath.of('spec', 'finalizers');
const standard = ['kubernetes', 'orphan', 'foregroundDeletion'];

export const namespaceValidator: KindValidator = {
  rules: [
    'status.phase Active without and Terminating with deletionTimestamp',
    { rule: 'spec.finalizers change only through the finalize subresource', enforcedBy: 'strategy' },
    {
      rule: 'creating objects in a terminating namespace: Forbidden with cause NamespaceTerminating',
      enforcedBy: 'admission NamespaceLifecycle',
    },
    {
      rule: 'default, kube-system, kube-public cannot be deleted (Forbidden)',
      enforcedBy: 'admission NamespaceLifecycle',
    },
    { rule: 'deletecollection is not served', enforcedBy: 'resource facts' },
  ],
  validateCreate: (namespace: Namespace) => finalizerErrors(namespace, () => finalizersPath),
  validateUpdate(namespace: Namespace, _old, { subresource }) {
    if (subresource === 'finalize') return finalizerErrors(namespace, (i) => finalizersPath.index(i));
    return subresource === 'status' ? phaseErrors(namespace) : finalizerErrors(namespace, () => finalizersPath);
  },
};

function finalizerErrors({ spec }: Namespace, pathOf: (i: number) => FieldPath): FieldError[] {
  return (spec.finalizers ?? []).flatMap((name, i) => {
    const errors = formatErrors(isQualifiedName, name, pathOf(i));
    if (!name.includes('/') && !standard.includes(name)) {
      errors.push(
        field.invalid(pathOf(i), name, 'name is neither a standard finalizer name nor is it fully qualified'),
      );
    }
    return errors;
  });
}

function phaseErrors({ metadata, status }: Namespace): FieldError[] {
  const phase = status?.phase ?? '';
  const deleted = metadata.deletionTimestamp !== undefined;
  const wanted = deleted ? 'Terminating' : 'Active';
  if (phase === wanted) return [];
  const when = deleted ? 'is not empty' : 'is empty';
  return [field.invalid('status.Phase', phase, `may only be '${wanted}' if \`deletionTimestamp\` ${when}`)];
}
