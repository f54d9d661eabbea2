import type { KindValidator } from '../../../contract/kind-module.js';
import type { PriorityClass } from '../../../generated/types.js';
import { FieldCursor } from '../../../validation/field-cursor.js';

const HIGHEST_USER_PRIORITY = 1_000_000_000;
const SYSTEM_PREFIX = 'system-';
const systemClasses = new Map([
  ['system-node-critical', 2_000_001_000],
  ['system-cluster-critical', 2_000_000_000],
]);
const preemptionPolicies = ['PreemptLowerPriority', 'Never'];

export const priorityClassValidator: KindValidator = {
  rules: [
    'names with the prefix system- are those of system-cluster-critical (2000000000) and system-node-critical (2000001000)',
    'value is at most 1000000000, but for those of the system',
    'preemptionPolicy is one of PreemptLowerPriority, Never',
    { rule: 'at most one PriorityClass has globalDefault', enforcedBy: 'admission Priority' },
    'immutable: value, preemptionPolicy',
  ],
  validateCreate({ metadata, value = 0, globalDefault = false, preemptionPolicy }: PriorityClass) {
    const at = new FieldCursor();
    if (metadata.name?.startsWith(SYSTEM_PREFIX)) {
      const problem = systemProblem(metadata.name, value, globalDefault);
      if (problem !== undefined) {
        const text = `priority class names with '${SYSTEM_PREFIX}' prefix are reserved for system use only. error: ${problem}`;
        at.forbidden('metadata.name', text);
      }
    } else if (value > HIGHEST_USER_PRIORITY) {
      at.forbidden('value', `maximum allowed value of a user defined priority is ${HIGHEST_USER_PRIORITY}`);
    }
    if (preemptionPolicy !== undefined) at.choice('preemptionPolicy', preemptionPolicy, preemptionPolicies);
    return at.all();
  },
  validateUpdate(item: PriorityClass, old: PriorityClass) {
    const at = new FieldCursor();
    if ((item.value ?? 0) !== (old.value ?? 0)) at.forbidden('value', 'may not be changed in an update.');
    at.immutable('preemptionPolicy', item.preemptionPolicy, old.preemptionPolicy);
    return at.all();
  },
};

function systemProblem(name: string, value: number, globalDefault: boolean): string | undefined {
  const wanted = systemClasses.get(name);
  if (wanted === undefined) return `${name} is not a known system priority class`;
  if (value !== wanted) return `value of ${name} PriorityClass must be ${wanted}`;
  return globalDefault ? `globalDefault of ${name} PriorityClass must be false` : undefined;
}
