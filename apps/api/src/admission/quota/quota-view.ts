import { type KubeObject, Quantity } from '#apimachinery';
import { type ScopeRequirement, scopesOf } from './quota-scopes.js';
import type { QuotaEvaluator } from './usage-evaluator.js';

export type Amounts = ReadonlyMap<string, Quantity>;

/** A ResourceQuota, read once for each of its versions. */
export interface QuotaView {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  /** Of the spec: what is to hold once its use is counted. */
  readonly wanted: Amounts;
  /** Of the status: what holds. */
  readonly hard: Amounts;
  readonly used: Amounts;
  readonly scopes: readonly ScopeRequirement[];
}

const views = new WeakMap<KubeObject, QuotaView>();

/** `quota` is frozen. */
export function quotaView(quota: KubeObject): QuotaView {
  const known = views.get(quota);
  if (known !== undefined) return known;
  const { name = '', namespace = '', uid = '' } = quota.metadata;
  const { spec = {}, status = {} } = quota;
  const view: QuotaView = {
    name,
    namespace,
    uid,
    wanted: amounts(spec.hard),
    hard: amounts(status.hard),
    used: amounts(status.used),
    scopes: scopesOf(spec),
  };
  views.set(quota, view);
  return view;
}

function amounts(list: Record<string, string> | undefined): Amounts {
  return new Map(Object.entries(list ?? {}).map(([name, text]) => [name, Quantity.parse(text)]));
}

export function isInScope({ scopes }: QuotaView, evaluator: QuotaEvaluator, object: KubeObject): boolean {
  return scopes.every((scope) => evaluator.matchesScope(scope, object));
}
