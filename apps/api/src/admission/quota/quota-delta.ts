import type { Quantity } from '#apimachinery';
import { counted } from './quota-names.js';
import { isInScope, type QuotaView } from './quota-view.js';
import type { QuotaChange, QuotaEvaluator, Usage } from './usage-evaluator.js';

/** A change of what one quota counts, in units of counters. */
export type QuotaDeltas = ReadonlyMap<string, number>;

/**
 * What a change adds to the use of a quota: what the object uses afterwards, less what it used before, each only while the quota's
 * scopes are about it. Names that the quota does not have, and those that stay as they are, are left out.
 */
export function deltasOf(quota: QuotaView, evaluator: QuotaEvaluator, change: QuotaChange, now: number): QuotaDeltas {
  const after = usageIn(quota, evaluator, change.object, now);
  const before = usageIn(quota, evaluator, change.old, now);
  const deltas = new Map<string, number>();
  for (const name of new Set([...after.keys(), ...before.keys()])) {
    const delta = unitsOf(after, name) - unitsOf(before, name);
    if (delta !== 0) deltas.set(name, delta);
  }
  return deltas;
}

const NOTHING: Usage = new Map();

function usageIn(quota: QuotaView, evaluator: QuotaEvaluator, object: QuotaChange['object'], now: number): Usage {
  if (object === undefined || !isInScope(quota, evaluator, object)) return NOTHING;
  const { hard, wanted } = quota;
  return new Map([...evaluator.usage(object, now)].filter(([name]) => hard.has(name) || wanted.has(name)));
}

function unitsOf(usage: ReadonlyMap<string, Quantity>, name: string): number {
  const amount = usage.get(name);
  return amount === undefined ? 0 : counted(name, amount);
}
