import { type FieldError, FieldPath, field, isLabelValue, isQualifiedName, Quantity } from '#apimachinery';
import type { Node, Taint } from '../../generated/types.js';
import type { KindValidator } from '../../registry/kind-strategy.js';
import { duplicateWith, formatErrors } from '../../validation/fields.js';
import { isIPv4, validateCidr } from '../../validation/ip.js';

const podCidrsPath = FieldPath.of('spec', 'podCIDRs');
const effects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

export const nodeValidator: KindValidator = {
  validateCreate(node: Node) {
    return [
      ...taintErrors(node.spec.taints ?? []),
      ...resourceErrors(node),
      ...podCidrErrors(node.spec.podCIDRs ?? []),
    ];
  },
  validateUpdate(node: Node, old: Node) {
    return [
      ...resourceErrors(node),
      ...addressErrors(node),
      ...changeErrors(node, old),
      ...taintErrors(node.spec.taints ?? []),
    ];
  },
};

/** The path says metadata, as upstream's does. */
function taintErrors(taints: Taint[]): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  taints.forEach((taint, i) => {
    const path = FieldPath.of('metadata', 'taints').index(i);
    errors.push(...formatErrors(isQualifiedName, taint.key, path.child('key')));
    const value = isLabelValue(taint.value ?? '');
    if (value.length > 0) errors.push(field.invalid(path.child('value'), taint.value, value.join(';')));
    if (!taint.effect) errors.push(field.required(path.child('effect')));
    else if (!effects.includes(taint.effect))
      errors.push(field.notSupported(path.child('effect'), taint.effect, effects));
    const pair = `${taint.effect}\0${taint.key}`;
    if (seen.has(pair)) {
      const { key, value: text = '', effect, timeAdded = null } = taint;
      const shown = { Key: key, Value: text, Effect: effect, TimeAdded: timeAdded };
      errors.push(duplicateWith(path, shown, 'taints must be unique by key and effect pair'));
    }
    seen.add(pair);
  });
  return errors;
}

/** Resources that the scheduler counts in whole units. */
function isWhole(name: string): boolean {
  return name === 'pods' || name.startsWith('attachable-volumes-') || isExtended(name);
}

function isExtended(name: string): boolean {
  return name.includes('/') && !name.includes('kubernetes.io/');
}

function resourceErrors({ status }: Node): FieldError[] {
  const errors: FieldError[] = [];
  for (const list of ['capacity', 'allocatable'] as const) {
    for (const [name, amount] of Object.entries(status?.[list] ?? {})) {
      const path = FieldPath.of('status', list, name);
      const quantity = Quantity.parse(amount);
      if (quantity.sign() < 0) errors.push(field.invalid(path, amount, 'must be greater than or equal to 0'));
      if (isWhole(name) && quantity.milliValue() % 1000 !== 0)
        errors.push(field.invalid(path, amount, 'must be an integer'));
    }
  }
  return errors;
}

function podCidrErrors(cidrs: string[]): FieldError[] {
  const errors = cidrs.flatMap((cidr, i) => validateCidr(podCidrsPath.index(i), cidr));
  const families = new Set(cidrs.map((cidr) => isIPv4(cidr.split('/')[0] ?? '')));
  if (cidrs.length > 1 && (families.size < 2 || cidrs.length > 2)) {
    errors.push(field.invalid(podCidrsPath, cidrs, 'may specify no more than one CIDR for each IP family'));
  }
  return errors;
}

function addressErrors({ status }: Node): FieldError[] {
  const seen = new Set<string>();
  return (status?.addresses ?? []).flatMap(({ type, address }, i) => {
    const pair = `${type}\0${address}`;
    if (seen.has(pair)) {
      return [field.duplicate(FieldPath.of('status', 'addresses').index(i), { Type: type, Address: address })];
    }
    seen.add(pair);
    return [];
  });
}

function changeErrors({ spec }: Node, { spec: old }: Node): FieldError[] {
  const errors: FieldError[] = [];
  const before = old.podCIDRs ?? [];
  if (before.length > 0 && before.join() !== (spec.podCIDRs ?? []).join()) {
    errors.push(field.forbidden(podCidrsPath, 'node updates may not change podCIDR except from "" to valid'));
  }
  if (old.providerID && spec.providerID !== old.providerID) {
    const detail = spec.providerID ? 'field cannot be modified once set' : 'field cannot be cleared once set';
    errors.push(field.invalid('spec.providerID', null, detail));
  }
  if ((spec.externalID ?? '') !== (old.externalID ?? '')) {
    errors.push(field.forbidden('spec.externalID', 'may not be updated'));
  }
  return errors;
}
