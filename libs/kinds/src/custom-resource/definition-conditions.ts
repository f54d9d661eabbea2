import { deepCopy } from '#apimachinery';
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

/** A copy with the condition; its time is `now` when its status changes. */
export function withCondition(
  crd: CustomResourceDefinition,
  condition: DefinitionCondition,
  now: string,
): CustomResourceDefinition {
  const copy = deepCopy(crd);
  setCondition(copy, condition, now);
  return copy;
}

/** The same in place. */
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
