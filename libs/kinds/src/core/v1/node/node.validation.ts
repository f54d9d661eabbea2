import { type FieldError, FieldPath, field, parseCidr, Quantity } from '#apimachinery';
import type { KindValidator } from '../../../contract/kind-module.js';
import type { Node } from '../../../generated/types.js';
import { goStruct } from '../../../validation/go-struct.js';
import { isIPv4, validateCidr } from '../../../validation/ip.js';
import { isCounted } from '../resource-names.js';
import { nodeAnnotationErrors } from './node-annotations.validation.js';
import { taintErrors } from './node-taints.validation.js';

const podCidrsPath = FieldPath.of('spec', 'podCIDRs');
const featuresPath = FieldPath.of('status', 'declaredFeatures');
const featureForm = /^[A-Z][a-zA-Z0-9]*(\/[a-zA-Z][a-zA-Z0-9]*)*$/;
const maxFeatureLength = 253;

export const nodeValidator: KindValidator = {
  rules: [
    'taints unique by key and effect',
    'status.addresses unique',
    'podCIDRs: at most one per family',
    'taints.effect is one of NoSchedule, PreferNoSchedule, NoExecute',
    'immutable: spec.podCIDR and podCIDRs once set',
    'immutable: spec.providerID once set',
    'immutable: spec.externalID',
  ],
  validateCreate: (node: Node) => nodeErrors(node),
  validateUpdate(node: Node, old: Node, { subresource }) {
    const checked = subresource === 'status' ? statusUpdateErrors(node) : nodeErrors(node);
    return [...checked, ...addressErrors(node), ...changeErrors(node, old)];
  },
};

/** Status is optional, and checked as far as there is one. */
function nodeErrors(node: Node): FieldError[] {
  return [
    ...nodeAnnotationErrors(node),
    ...nodeTaintErrors(node),
    ...resourceErrors(node),
    ...swapErrors(node),
    ...featureErrors(node),
    ...podCidrErrors(node.spec.podCIDRs ?? []),
  ];
}

function statusUpdateErrors(node: Node): FieldError[] {
  return [...nodeAnnotationErrors(node), ...resourceErrors(node), ...featureErrors(node), ...nodeTaintErrors(node)];
}

/** The path says metadata, as upstream's does. */
function nodeTaintErrors({ spec }: Node): FieldError[] {
  return taintErrors(spec.taints ?? [], FieldPath.of('metadata', 'taints'));
}

function resourceErrors({ status }: Node): FieldError[] {
  const errors: FieldError[] = [];
  for (const list of ['capacity', 'allocatable'] as const) {
    for (const [name, amount] of Object.entries(status?.[list] ?? {})) {
      const path = FieldPath.of('status', list, name);
      const quantity = Quantity.parse(amount);
      if (quantity.sign() < 0) errors.push(field.invalid(path, amount, 'must be greater than or equal to 0'));
      if (isCounted(name) && quantity.milliValue() % 1000 !== 0)
        errors.push(field.invalid(path, amount, 'must be an integer'));
    }
  }
  return errors;
}

/** Here, too, the path says metadata. */
function swapErrors({ status }: Node): FieldError[] {
  const capacity = status?.nodeInfo?.swap?.capacity;
  if (capacity === undefined || capacity > 0) return [];
  return [field.invalid(FieldPath.of('metadata', 'nodeSwapStatus', 'capacity'), capacity, 'must be greater than zero')];
}

function featureErrors({ status }: Node): FieldError[] {
  const features = status?.declaredFeatures ?? [];
  return features.flatMap((feature, i) => {
    const problem = featureProblem(feature);
    const path = featuresPath.index(i);
    const errors = problem ? [field.invalid(path, feature, `invalid feature name "${feature}": ${problem}`)] : [];
    const before = features[i - 1];
    if (before === feature) return [field.duplicate(path, feature), ...errors];
    if (before !== undefined && before > feature) {
      return [field.invalid(path, feature, 'list must be sorted alphabetically'), ...errors];
    }
    return errors;
  });
}

function featureProblem(name: string): string | undefined {
  if (name.length > maxFeatureLength) return `must be no more than ${maxFeatureLength} characters`;
  if (featureForm.test(name)) return undefined;
  return "must start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes";
}

function podCidrErrors(cidrs: string[]): FieldError[] {
  const errors = cidrs.flatMap((cidr, i) => validateCidr(podCidrsPath.index(i), cidr));
  if (cidrs.length < 2) return errors;
  const bad = cidrs.findIndex((cidr) => !parseCidr(unpadded(cidr)));
  if (bad >= 0) {
    const why = `invalid CIDR[${bad}]: <nil> (invalid CIDR address: ${cidrs[bad]})`;
    errors.push(
      field.internalError(podCidrsPath, `invalid PodCIDRs. failed to check with dual stack with error:${why}`),
    );
  }
  const families = new Set(cidrs.map((cidr) => isIPv4(unpadded(cidr).split('/')[0] ?? '')));
  if (bad >= 0 || families.size < 2 || cidrs.length > 2) {
    errors.push(field.invalid(podCidrsPath, cidrs, 'may specify no more than one CIDR for each IP family'));
  }
  return errors;
}

/** The count of families is taken with the older reader, which minds no leading zeros. */
function unpadded(cidr: string): string {
  return cidr.replace(/(^|\.)0+(?=\d)/g, '$1');
}

function addressErrors({ status }: Node): FieldError[] {
  const seen = new Set<string>();
  return (status?.addresses ?? []).flatMap(({ type, address }, i) => {
    const pair = `${type}\0${address}`;
    if (seen.has(pair)) {
      return [
        field.duplicate(FieldPath.of('status', 'addresses').index(i), goStruct('Type Address', { type, address })),
      ];
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
