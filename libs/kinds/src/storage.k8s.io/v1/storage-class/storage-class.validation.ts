import { isQualifiedName, semanticEqual } from '#apimachinery';
import type { KindValidator } from '../../../contract/kind-module.js';
import type { StorageClass, TopologySelectorLabelRequirement, TopologySelectorTerm } from '../../../generated/types.js';
import { FieldCursor } from '../../../validation/field-cursor.js';
import { checkParameters, checkProvisioner } from './parameters.validation.js';

const reclaimPolicies = ['Delete', 'Retain'];
const bindingModes = ['Immediate', 'WaitForFirstConsumer'];

export const storageClassValidator: KindValidator = {
  rules: [
    'provisioner is required and a qualified name',
    'parameters: at most 512 entries and 262144 bytes, no empty key',
    'reclaimPolicy is one of Delete, Retain',
    'volumeBindingMode is one of Immediate, WaitForFirstConsumer',
    'allowedTopologies: terms are unique, keys unique within a term, values there and unique',
    'immutable: provisioner, parameters, reclaimPolicy, volumeBindingMode',
  ],
  validateCreate(item: StorageClass) {
    const at = new FieldCursor();
    check(at, item);
    return at.all();
  },
  validateUpdate(item: StorageClass, old: StorageClass) {
    const at = new FieldCursor();
    check(at, item);
    at.declaredImmutable('provisioner', item.provisioner, old.provisioner);
    at.declaredImmutable('parameters', item.parameters, old.parameters);
    at.declaredImmutable('reclaimPolicy', item.reclaimPolicy, old.reclaimPolicy);
    at.declaredImmutable('volumeBindingMode', item.volumeBindingMode, old.volumeBindingMode);
    return at.all();
  },
};

function check(at: FieldCursor, item: StorageClass): void {
  const { provisioner, parameters, reclaimPolicy, volumeBindingMode, allowedTopologies } = item;
  if (!provisioner) at.declared(() => at.required('provisioner'));
  checkProvisioner(at, 'provisioner', provisioner ?? '');
  checkParameters(at, parameters);
  if (reclaimPolicy) at.optionalChoice('reclaimPolicy', reclaimPolicy, reclaimPolicies);
  if (volumeBindingMode === undefined) at.required('volumeBindingMode');
  at.optionalChoice('volumeBindingMode', volumeBindingMode, bindingModes);
  checkTopologies(at, allowedTopologies ?? []);
}

function checkTopologies(at: FieldCursor, terms: readonly TopologySelectorTerm[]): void {
  // Upstream compares every term with as many empty ones, and then with those before it.
  const seen: Record<string, string[]>[] = terms.map(() => ({}));
  at.each('allowedTopologies', terms, ({ matchLabelExpressions }) => {
    const byKey = new Map<string, string[]>();
    at.each('matchLabelExpressions', matchLabelExpressions, (requirement) => {
      checkRequirement(at, requirement);
      if (byKey.has(requirement.key)) at.duplicate('key', requirement.key);
      byKey.set(requirement.key, [...new Set(requirement.values)].sort());
    });
    const term = Object.fromEntries(byKey);
    for (const other of seen) if (semanticEqual(term, other)) at.duplicate('matchLabelExpressions', '');
    seen.push(term);
  });
}

function checkRequirement(at: FieldCursor, { key, values }: TopologySelectorLabelRequirement): void {
  if ((values ?? []).length === 0) at.required('values');
  const seen = new Set<string>();
  at.each('values', values, (value) => {
    if (seen.has(value)) at.duplicate('', value);
    seen.add(value);
  });
  at.format('key', key ?? '', isQualifiedName);
}
