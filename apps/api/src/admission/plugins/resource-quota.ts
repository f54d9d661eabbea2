import { type KubeObject, unclassified } from '#apimachinery';
import type { Lister } from '../../storage/lister.js';
import type { AdmissionPlugin, AdmissionRequest, AdmissionTarget } from '../admission-request.js';
import { deltasOf, type QuotaDeltas } from '../quota/quota-delta.js';
import { evaluatorOf } from '../quota/quota-evaluator.js';
import { amountOf, counted } from '../quota/quota-names.js';
import { type ExceededAmount, exceededText } from '../quota/quota-refusal.js';
import { type ScopeRequirement, scopesText } from '../quota/quota-scopes.js';
import { isInScope, type QuotaView, quotaView } from '../quota/quota-view.js';
import type { QuotaChange, QuotaEvaluator, Usage } from '../quota/usage-evaluator.js';
import { rejection } from '../rejection.js';

/** What may only be used where a quota covers it: `limitedResources` of the plugin's configuration. */
export interface LimitedResource {
  apiGroup: string;
  resource: string;
  /** Parts of names of what is used. */
  matchContains: readonly string[];
  matchScopes: readonly ScopeRequirement[];
}

/**
 * What quotas demand of a change beside room for it. Whether there is room is decided by the counters when the change is committed,
 * so that of many at a time exactly those get through that fit; a dry run, which commits nothing, is judged by the quotas' status.
 */
export class ResourceQuota implements AdmissionPlugin {
  readonly name = 'ResourceQuota';

  constructor(
    private readonly lister: Lister,
    private readonly limited: readonly LimitedResource[] = [],
    private readonly now: () => number = Date.now,
  ) {}

  handles({ operation, resource }: AdmissionTarget): boolean {
    if (operation !== 'CREATE' && operation !== 'UPDATE') return false;
    return evaluatorOf(storageResource(resource)) !== undefined;
  }

  validate(request: AdmissionRequest): void {
    const { namespace, operation, resource, subresource } = request;
    if (namespace === '' || (operation === 'CREATE' && resource.group === '' && resource.resource === 'namespaces')) {
      return;
    }
    const quotas = this.lister.list('resourcequotas', namespace);
    if (quotas.length === 0 && this.limited.length === 0) return;
    const evaluator = evaluatorOf(storageResource(resource))!;
    const change: QuotaChange = { operation, subresource, object: request.object, old: request.oldObject };
    if (evaluator.mayRefuse(change)) this.check(request, quotas.map(quotaView), evaluator, change);
  }

  private check(
    request: AdmissionRequest,
    quotas: readonly QuotaView[],
    evaluator: QuotaEvaluator,
    change: QuotaChange,
  ): void {
    const object = change.object!;
    const covering = quotas.filter((quota) => isAbout(quota, evaluator, object));
    for (const quota of covering) checkDemands(request, quota, evaluator, object);
    const now = this.now();
    const usage = evaluator.usage(object, now);
    const negative = [...usage.keys()].filter((name) => usage.get(name)!.sign() < 0);
    if (negative.length > 0) {
      throw rejection(request, `quota usage is negative for resource(s): ${negative.sort().join(',')}`);
    }
    if (this.limited.length > 0) this.checkCoverage(request, quotas, covering, evaluator, usage);
    if (!request.dryRun) return;
    for (const quota of covering) checkRoom(request, quota, deltasOf(quota, evaluator, change, now), usage);
  }

  private checkCoverage(
    request: AdmissionRequest,
    quotas: readonly QuotaView[],
    covering: readonly QuotaView[],
    evaluator: QuotaEvaluator,
    usage: Usage,
  ): void {
    if (!usesMore(request, evaluator, usage, this.now())) return;
    const covered = new Set(covering.flatMap(({ hard }) => [...hard.keys()].filter(evaluator.tracks)));
    const uncovered = this.limitedNames(request, usage).filter((name) => !covered.has(name));
    if (uncovered.length > 0) throw rejection(request, `insufficient quota to consume: ${uncovered.sort().join(',')}`);
    const object = request.object!;
    const matching = (scopes: readonly ScopeRequirement[]) =>
      scopes.filter((scope) => evaluator.matchesScope(scope, object));
    const held = new Set(quotas.flatMap(({ scopes }) => matching(scopes)).map(({ scopeName }) => scopeName));
    const lacking = this.limited
      .flatMap(({ matchScopes }) => matching(matchScopes))
      .filter(({ scopeName }) => !held.has(scopeName));
    // The reference makes no refusal of this one, so it reaches clients as an error of the server.
    if (lacking.length > 0) throw unclassified(`insufficient quota to match these scopes: ${scopesText(lacking)}`);
  }

  private limitedNames({ resource }: AdmissionRequest, usage: Usage): string[] {
    const parts = this.limited
      .filter((limited) => limited.apiGroup === resource.group && limited.resource === resource.resource)
      .flatMap(({ matchContains }) => matchContains);
    const used = [...usage.keys()].filter((name) => usage.get(name)!.sign() > 0);
    return used.filter((name) => parts.some((part) => name.includes(part)));
  }
}

function storageResource({ group, resource }: AdmissionTarget['resource']): string {
  return group === '' ? resource : `${group}/${resource}`;
}

/** By the status: a quota holds once its use is known. */
function isAbout(quota: QuotaView, evaluator: QuotaEvaluator, object: KubeObject): boolean {
  return [...quota.hard.keys()].some(evaluator.tracks) && isInScope(quota, evaluator, object);
}

function checkDemands(
  request: AdmissionRequest,
  { name, hard, used }: QuotaView,
  evaluator: QuotaEvaluator,
  object: KubeObject,
): void {
  const names = [...hard.keys()].filter(evaluator.tracks);
  const missing = evaluator.missing?.(names, object);
  if (missing !== undefined) throw rejection(request, `failed quota: ${name}: ${missing}`);
  if (names.every((item) => used.has(item))) return;
  throw rejection(request, `status unknown for quota: ${name}, resources: ${names.sort().join(',')}`);
}

function usesMore({ oldObject }: AdmissionRequest, evaluator: QuotaEvaluator, usage: Usage, now: number): boolean {
  const before = oldObject && evaluator.usage(oldObject, now);
  return [...usage].some(([name, amount]) => {
    const had = before?.get(name);
    return had === undefined ? amount.sign() > 0 : amount.compare(had) > 0;
  });
}

function checkRoom(request: AdmissionRequest, quota: QuotaView, deltas: QuotaDeltas, usage: Usage): void {
  const amounts: ExceededAmount[] = [];
  for (const [name, delta] of deltas) {
    const [limited, used] = [quota.hard.get(name), quota.used.get(name)];
    if (delta <= 0 || limited === undefined || used === undefined) continue;
    if (counted(name, used) + delta <= counted(name, limited)) continue;
    amounts.push({ name, requested: amountOf(name, delta, usage.get(name)), used, limited });
  }
  if (amounts.length > 0) throw rejection(request, exceededText(quota.name, amounts));
}
