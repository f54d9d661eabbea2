import type { TopologySpreadConstraint } from '../../../generated/types.js';
import type { FieldCursor } from '../../../validation/field-cursor.js';
import { checkLabelKeys, checkSelector } from './pod-scheduling.validation.js';
import type { Leniency } from './pod-validation-context.js';

/** How pods spread over zones, nodes and other domains. */

const actions = ['DoNotSchedule', 'ScheduleAnyway'];
const policies = ['Honor', 'Ignore'];

export function checkTopologySpread(
  at: FieldCursor,
  constraints: readonly TopologySpreadConstraint[] | undefined,
  lenient: Leniency,
): void {
  if (constraints === undefined) return;
  at.enter('topologySpreadConstraints');
  for (let i = 0; i < constraints.length; i++) {
    const constraint = constraints[i]!;
    const { topologyKey, whenUnsatisfiable: action } = constraint;
    at.enter(i);
    at.positive('maxSkew', constraint.maxSkew);
    if (!topologyKey) at.required('topologyKey', 'can not be empty');
    at.optionalChoice('whenUnsatisfiable', action, actions);
    if (hasTwin(constraints, i)) at.duplicate('{topologyKey, whenUnsatisfiable}', `{${topologyKey}, ${action}}`);
    checkMinDomains(at, constraint);
    at.optionalChoice('nodeAffinityPolicy', constraint.nodeAffinityPolicy, policies);
    at.optionalChoice('nodeTaintsPolicy', constraint.nodeTaintsPolicy, policies);
    if (!lenient.spreadLabelKeys) checkLabelKeys(at, constraint.matchLabelKeys, undefined, constraint.labelSelector);
    if (!lenient.spreadSelectors) checkSelector(at, 'labelSelector', constraint.labelSelector);
    at.leave();
  }
  at.leave();
}

function hasTwin(constraints: readonly TopologySpreadConstraint[], index: number): boolean {
  const { topologyKey, whenUnsatisfiable } = constraints[index]!;
  for (let i = index + 1; i < constraints.length; i++) {
    const other = constraints[i]!;
    if (other.topologyKey === topologyKey && other.whenUnsatisfiable === whenUnsatisfiable) return true;
  }
  return false;
}

function checkMinDomains(at: FieldCursor, { minDomains, whenUnsatisfiable }: TopologySpreadConstraint): void {
  if (minDomains === undefined) return;
  at.positive('minDomains', minDomains);
  if (whenUnsatisfiable === 'DoNotSchedule') return;
  const detail = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable}`;
  at.invalid('minDomains', minDomains, detail);
}
