import { FieldPath, validateLabelSelector } from '#apimachinery';
import { checkAtMost100Percent, checkIntOrPercent } from '../../../apps/v1/workload.validation.js';
import type { KindValidator } from '../../../contract/kind-module.js';
import { checkSelector } from '../../../core/v1/pod/pod-scheduling.validation.js';
import type { PodDisruptionBudget } from '../../../generated/types.js';
import { checkConditions } from '../../../validation/conditions.js';
import { FieldCursor } from '../../../validation/field-cursor.js';
import { goStruct } from '../../../validation/go-struct.js';

const evictionPolicies = ['AlwaysAllow', 'IfHealthyBudget'];
const counts = ['disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods'] as const;

export const podDisruptionBudgetValidator: KindValidator = {
  rules: [
    'minAvailable and maxUnavailable exclude each other',
    'each is a number of at least 0, or a percentage of at most 100%',
    'the selector is well-formed; an update keeps label values that an older release accepted',
    'unhealthyPodEvictionPolicy is one of AlwaysAllow, IfHealthyBudget',
    'status: conditions are well-formed, numbers are not negative',
  ],
  validateCreate: (budget: PodDisruptionBudget) => check(budget, false),
  validateUpdate(budget: PodDisruptionBudget, old: PodDisruptionBudget, { subresource }) {
    if (subresource === 'status') return statusErrors(budget);
    const path = FieldPath.of('spec', 'selector');
    return check(budget, validateLabelSelector(old.spec?.selector, path).length > 0);
  },
};

function check({ spec = {} }: PodDisruptionBudget, anyLabelValue: boolean) {
  const at = new FieldCursor('spec');
  const { minAvailable, maxUnavailable, selector, unhealthyPodEvictionPolicy: policy } = spec;
  if (minAvailable !== undefined && maxUnavailable !== undefined) {
    const shown = goStruct('MinAvailable Selector MaxUnavailable UnhealthyPodEvictionPolicy', spec);
    at.invalid('', shown, 'minAvailable and maxUnavailable cannot be both set');
  }
  for (const [name, value] of Object.entries({ minAvailable, maxUnavailable })) {
    if (value === undefined) continue;
    checkIntOrPercent(at, name, value);
    checkAtMost100Percent(at, name, value);
  }
  checkSelector(at, 'selector', selector, anyLabelValue);
  at.optionalChoice('unhealthyPodEvictionPolicy', policy, evictionPolicies);
  return at.all();
}

function statusErrors({ status = {} }: PodDisruptionBudget) {
  const at = new FieldCursor('status');
  checkConditions(at, status.conditions);
  for (const name of counts) at.notNegative(name, status[name]);
  return at.all();
}
