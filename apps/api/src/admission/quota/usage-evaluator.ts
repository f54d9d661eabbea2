import type { KubeObject, Quantity } from '#apimachinery';
import type { AdmissionOperation } from '../admission-request.js';
import type { ScopeRequirement } from './quota-scopes.js';

/** What an object uses, by names of ResourceQuota. */
export type Usage = Map<string, Quantity>;

/** A change as quota looks at it. */
export interface QuotaChange {
  readonly operation: AdmissionOperation;
  readonly subresource: string;
  readonly object: KubeObject | undefined;
  readonly old: KubeObject | undefined;
}

/** How the objects of one resource count. The facts are those of pkg/quota/v1/evaluator/core of the reference. */
export interface QuotaEvaluator {
  /** Whether objects of the resource count for this name of a quota. */
  tracks(name: string): boolean;
  /** `now` in milliseconds since the epoch: a pod whose end is overdue counts no more. */
  usage(object: KubeObject, now: number): Usage;
  /** Whether quotas may refuse the change. What they may not refuse is counted all the same. */
  mayRefuse(change: QuotaChange): boolean;
  matchesScope(scope: ScopeRequirement, object: KubeObject): boolean;
  /** Whether the object counts less only because time has passed: then it is not known when it was counted last. */
  isOverdue?(object: KubeObject, now: number): boolean;
  /** What the object lacks that a quota of these names wants of it. */
  missing?(names: readonly string[], object: KubeObject): string | undefined;
}
