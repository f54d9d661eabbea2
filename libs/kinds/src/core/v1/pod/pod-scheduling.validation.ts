import {
  isDNS1123Label,
  isDNS1123Subdomain,
  isLabelValue,
  isQualifiedName,
  type LabelSelector,
  validateLabelSelector,
} from '#apimachinery';
import type {
  Affinity,
  NodeAffinity,
  NodeSelector,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  PodAffinity,
  PodAffinityTerm,
  PodReadinessGate,
  PodSchedulingGate,
  Toleration,
} from '../../../generated/types.js';
import type { FieldCursor } from '../../../validation/field-cursor.js';
import type { Leniency } from './pod-validation-context.js';

/** Where a pod may run: affinity, tolerations, node selector, gates. */

const required = 'requiredDuringSchedulingIgnoredDuringExecution';
const preferred = 'preferredDuringSchedulingIgnoredDuringExecution';

export function checkLabels(at: FieldCursor, name: string, labels: Record<string, string> | undefined): void {
  for (const key in labels) {
    at.format(name, key, isQualifiedName);
    at.format(name, labels[key]!, isLabelValue);
  }
}

export function checkAffinity(at: FieldCursor, affinity: Affinity | undefined, lenient: Leniency): void {
  if (affinity === undefined) return;
  at.enter('affinity');
  if (affinity.nodeAffinity !== undefined) checkNodeAffinity(at, affinity.nodeAffinity, lenient);
  if (affinity.podAffinity !== undefined) checkPodAffinity(at, 'podAffinity', affinity.podAffinity, lenient);
  if (affinity.podAntiAffinity !== undefined) {
    checkPodAffinity(at, 'podAntiAffinity', affinity.podAntiAffinity, lenient);
  }
  at.leave();
}

function checkNodeAffinity(at: FieldCursor, affinity: NodeAffinity, lenient: Leniency): void {
  at.enter('nodeAffinity');
  const selector = affinity[required];
  if (selector !== undefined) checkNodeSelector(at, required, selector, lenient.labelValuesInNodeAffinity);
  const weighted = affinity[preferred];
  if (weighted !== undefined) {
    at.enter(preferred);
    for (let i = 0; i < weighted.length; i++) {
      const { weight, preference } = weighted[i]!;
      at.enter(i);
      checkWeight(at, weight);
      at.enter('preference');
      // A preference with a value that no label can have never held anything up.
      checkNodeTerm(at, preference, true);
      at.leave(2);
    }
    at.leave();
  }
  at.leave();
}

/** `anyValue`: values that no label can have are left alone. */
export function checkNodeSelector(at: FieldCursor, name: string, selector: NodeSelector, anyValue: boolean): void {
  const terms = selector.nodeSelectorTerms ?? [];
  at.enter(name);
  at.enter('nodeSelectorTerms');
  if (terms.length === 0) at.required('', 'must have at least one node selector term');
  for (let i = 0; i < terms.length; i++) {
    at.enter(i);
    checkNodeTerm(at, terms[i]!, anyValue);
    at.leave();
  }
  at.leave(2);
}

function checkWeight(at: FieldCursor, weight: number): void {
  if (weight <= 0 || weight > 100) at.invalid('weight', weight, 'must be in the range 1-100');
}

function checkNodeTerm(at: FieldCursor, term: NodeSelectorTerm, anyValue: boolean): void {
  const { matchExpressions, matchFields } = term;
  if (matchExpressions !== undefined) {
    at.enter('matchExpressions');
    for (let i = 0; i < matchExpressions.length; i++) {
      at.enter(i);
      checkNodeRequirement(at, matchExpressions[i]!, anyValue);
      at.leave();
    }
    at.leave();
  }
  if (matchFields !== undefined) {
    at.enter('matchFields');
    for (let i = 0; i < matchFields.length; i++) {
      at.enter(i);
      checkNodeField(at, matchFields[i]!);
      at.leave();
    }
    at.leave();
  }
}

function checkNodeRequirement(
  at: FieldCursor,
  { key, operator, values = [] }: NodeSelectorRequirement,
  anyValue: boolean,
): void {
  switch (operator) {
    case 'In':
    case 'NotIn':
      if (values.length === 0) at.required('values', "must be specified when `operator` is 'In' or 'NotIn'");
      break;
    case 'Exists':
    case 'DoesNotExist':
      if (values.length > 0) {
        at.forbidden('values', "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
      }
      break;
    case 'Gt':
    case 'Lt':
      if (values.length !== 1) {
        at.required('values', "must be specified single value when `operator` is 'Lt' or 'Gt'");
      }
      break;
    default:
      at.invalid('operator', operator, 'not a valid selector operator');
  }
  at.format('key', key, isQualifiedName);
  if (anyValue) return;
  at.enter('values');
  for (let i = 0; i < values.length; i++) {
    at.enter(i);
    at.format('', values[i]!, isLabelValue);
    at.leave();
  }
  at.leave();
}

/** Of a node's fields only the name can be asked for. */
function checkNodeField(at: FieldCursor, { key, operator, values = [] }: NodeSelectorRequirement): void {
  if (operator !== 'In' && operator !== 'NotIn') at.invalid('operator', operator, 'not a valid selector operator');
  else if (values.length !== 1) {
    at.required('values', "must be only one value when `operator` is 'In' or 'NotIn' for node field selector");
  }
  if (key !== 'metadata.name') {
    at.invalid('key', key, 'not a valid field selector key');
    return;
  }
  values.forEach((value, i) => {
    at.format(`values[${i}]`, value, isDNS1123Subdomain);
  });
}

function checkPodAffinity(at: FieldCursor, name: string, affinity: PodAffinity, lenient: Leniency): void {
  at.enter(name);
  const terms = affinity[required];
  if (terms !== undefined) {
    at.enter(required);
    for (let i = 0; i < terms.length; i++) {
      at.enter(i);
      checkPodTerm(at, terms[i]!, lenient);
      at.leave();
    }
    at.leave();
  }
  const weighted = affinity[preferred];
  if (weighted !== undefined) {
    at.enter(preferred);
    for (let i = 0; i < weighted.length; i++) {
      const { weight, podAffinityTerm } = weighted[i]!;
      at.enter(i);
      checkWeight(at, weight);
      at.enter('podAffinityTerm');
      checkPodTerm(at, podAffinityTerm, lenient);
      at.leave(2);
    }
    at.leave();
  }
  at.leave();
}

function checkPodTerm(at: FieldCursor, term: PodAffinityTerm, lenient: Leniency): void {
  const { labelSelector, namespaceSelector, namespaces, topologyKey } = term;
  checkSelector(at, 'labelSelector', labelSelector, lenient.labelValuesInSelectors);
  checkSelector(at, 'namespaceSelector', namespaceSelector, lenient.labelValuesInSelectors);
  for (const namespace of namespaces ?? []) at.format('namespace', namespace, isDNS1123Label);
  checkLabelKeys(at, term.matchLabelKeys, term.mismatchLabelKeys, labelSelector);
  if (!topologyKey) at.required('topologyKey', 'can not be empty');
  at.format('topologyKey', topologyKey, isQualifiedName);
}

/** With `anyValue`, values of expressions need not be good label values. */
export function checkSelector(
  at: FieldCursor,
  name: string,
  selector: LabelSelector | undefined,
  anyValue = false,
): void {
  // Required selectors are null when they are not there.
  if (selector === undefined || selector === null) return;
  const { matchLabels, matchExpressions = [] } = selector;
  if (matchExpressions.length === 0) {
    at.enter(name);
    checkLabels(at, 'matchLabels', matchLabels);
    at.leave();
    return;
  }
  const errors = validateLabelSelector(selector, at.path(name));
  const values = /\.values\[\d+\]$/;
  at.add(anyValue ? errors.filter(({ field }) => !values.test(field)) : errors);
}

/** Keys whose values a selector takes from the pod itself. */
export function checkLabelKeys(
  at: FieldCursor,
  matching: readonly string[] | undefined,
  mismatching: readonly string[] | undefined,
  selector: LabelSelector | undefined,
): void {
  if (matching === undefined && mismatching === undefined) return;
  checkKeys(at, 'matchLabelKeys', matching, selector);
  checkKeys(at, 'mismatchLabelKeys', mismatching, selector);
  if (selector !== undefined && matching !== undefined) {
    const known = new Set(Object.keys(selector.matchLabels ?? {}));
    const lastIndex = new Map(matching.map((key, i) => [key, i]));
    for (const { key } of selector.matchExpressions ?? []) {
      const i = lastIndex.get(key);
      if (i !== undefined && known.has(key)) {
        // An index on what is no list: so upstream says it.
        at.enter(i);
        at.invalid('', key, 'exists in both matchLabelKeys and labelSelector');
        at.leave();
      }
      known.add(key);
    }
  }
  const excluded = new Set(mismatching);
  matching?.forEach((key, i) => {
    if (!excluded.has(key)) return;
    at.invalid(`matchLabelKeys[${i}]`, key, 'exists in both matchLabelKeys and mismatchLabelKeys');
  });
}

function checkKeys(
  at: FieldCursor,
  name: string,
  keys: readonly string[] | undefined,
  selector: LabelSelector | undefined,
): void {
  if (keys === undefined || keys.length === 0) return;
  if (selector === undefined) {
    at.forbidden(name, 'must not be specified when labelSelector is not set');
    return;
  }
  keys.forEach((key, i) => {
    at.format(`${name}[${i}]`, key, isQualifiedName);
  });
}

const effects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

export function checkTolerations(at: FieldCursor, tolerations: readonly Toleration[] | undefined): void {
  if (tolerations === undefined) return;
  at.enter('tolerations');
  for (let i = 0; i < tolerations.length; i++) {
    at.enter(i);
    checkToleration(at, tolerations[i]!);
    at.leave();
  }
  at.leave();
}

function checkToleration(at: FieldCursor, toleration: Toleration): void {
  const { key, operator = '', value = '', effect = '', tolerationSeconds } = toleration;
  if (key) at.format('key', key, isQualifiedName);
  else if (operator !== 'Exists') {
    const detail = 'operator must be Exists when `key` is empty, which means "match all values and all keys"';
    at.invalid('operator', operator, detail);
  }
  if (tolerationSeconds !== undefined && effect !== 'NoExecute') {
    at.invalid('effect', effect, "effect must be 'NoExecute' when `tolerationSeconds` is set");
  }
  checkTolerationOperator(at, operator, value);
  if (effect && !effects.includes(effect)) at.notSupported('effect', effect, effects);
}

function checkTolerationOperator(at: FieldCursor, operator: string, value: string): void {
  switch (operator) {
    case '':
    case 'Equal': {
      const problems = isLabelValue(value);
      if (problems.length > 0) at.invalid('operator', value, problems.join(';'));
      return;
    }
    case 'Exists':
      if (value) at.invalid('operator', value, "value must be empty when `operator` is 'Exists'");
      return;
    case 'Lt':
    case 'Gt': // Known, and behind a gate that is off.
      {
        at.notSupported('operator', operator, ['Equal', 'Exists', 'Lt', 'Gt']);
        return;
      }
    default:
      at.notSupported('operator', operator, ['Equal', 'Exists']);
  }
}

export function checkReadinessGates(at: FieldCursor, gates: readonly PodReadinessGate[] | undefined): void {
  gates?.forEach(({ conditionType }, i) => {
    at.format(`readinessGates[${i}].conditionType`, conditionType, isQualifiedName);
  });
}

export function checkSchedulingGates(at: FieldCursor, gates: readonly PodSchedulingGate[] | undefined): void {
  const seen = new Set<string>();
  gates?.forEach(({ name }, i) => {
    at.format(`schedulingGates[${i}]`, name, isQualifiedName);
    if (seen.has(name)) at.duplicate(`schedulingGates[${i}]`, name);
    seen.add(name);
  });
}
