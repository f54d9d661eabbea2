import type { CustomResourceDefinition, CustomResourceDefinitionCondition } from '../generated/types.js';

/** Conditions of CustomResourceDefinitions. */

export type DefinitionCondition = Pick<CustomResourceDefinitionCondition, 'type' | 'status'> & {
  readonly reason: string;
  readonly message: string;
};

export function conditionOf(
  { status }: CustomResourceDefinition,
  type: string,
): CustomResourceDefinitionCondition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

export function conditionHolds(crd: CustomResourceDefinition, type: string): boolean {
  return conditionOf(crd, type)?.status === 'True';
}

/** Sets the condition in place where the definition does not say the same yet; false when it does. */
export function putCondition(crd: CustomResourceDefinition, condition: DefinitionCondition, now: string): boolean {
  if (isSameCondition(condition, conditionOf(crd, condition.type))) return false;
  setCondition(crd, condition, now);
  return true;
}

/** Sets the condition in place; its time is `now` when its status changes. */
export function setCondition(crd: CustomResourceDefinition, condition: DefinitionCondition, now: string): void {
  crd.status ??= {};
  crd.status.conditions ??= [];
  const { conditions } = crd.status;
  const at = conditions.findIndex(({ type }) => type === condition.type);
  const old = conditions[at];
  const { type, status, reason, message } = condition;
  const lastTransitionTime = old?.status === status && old.lastTransitionTime ? old.lastTransitionTime : now;
  const { observedGeneration } = old ?? {};
  const entry = {
    lastTransitionTime,
    message,
    ...(observedGeneration ? { observedGeneration } : {}),
    reason,
    status,
    type,
  };
  if (old === undefined) conditions.push(entry);
  else conditions[at] = entry;
}

/** Says the same, whenever it began to. */
export function isSameCondition(a: DefinitionCondition, b: CustomResourceDefinitionCondition | undefined): boolean {
  return b !== undefined && a.status === b.status && a.reason === b.reason && a.message === b.message;
}
