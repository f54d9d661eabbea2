import { field, Quantity } from '#apimachinery';
import type { KindValidator } from '../../../contract/kind-module.js';
import type { ResourceQuota, ResourceQuotaSpec, ScopedResourceSelectorRequirement } from '../../../generated/types.js';
import { FieldCursor } from '../../../validation/field-cursor.js';
import { checkResourceName, isCounted, isQuotaResource } from '../resource-names.js';

const podResources = ['pods', 'cpu', 'memory', 'limits.cpu', 'limits.memory', 'requests.cpu', 'requests.memory'];
/** What a scope limits. */
const resourcesOfScope = new Map<string, readonly string[]>([
  ['BestEffort', ['pods']],
  ['NotBestEffort', podResources],
  ['Terminating', podResources],
  ['NotTerminating', podResources],
  ['PriorityClass', podResources],
  ['CrossNamespacePodAffinity', podResources],
  ['VolumeAttributesClass', ['persistentvolumeclaims', 'requests.storage']],
]);
const onlyExists = ['BestEffort', 'NotBestEffort', 'Terminating', 'NotTerminating', 'CrossNamespacePodAffinity'];
const conflicting = [
  ['BestEffort', 'NotBestEffort'],
  ['Terminating', 'NotTerminating'],
] as const;

export const resourceQuotaValidator: KindValidator = {
  rules: [
    'resources: names that quotas know, count/<resource>[.<group>], or qualified names',
    'amounts are not negative; what is counted has whole numbers',
    'scopes are known, and limit the resources of the quota',
    'BestEffort excludes NotBestEffort, Terminating excludes NotTerminating',
    'scopeSelector: In and NotIn have values, Exists and DoesNotExist have none; most scopes take Exists only',
    'immutable: spec.scopes',
    'status: hard and used as spec.hard',
  ],
  validateCreate({ spec }: ResourceQuota) {
    const at = new FieldCursor('spec');
    checkSpec(at, spec ?? {});
    return at.all();
  },
  validateUpdate(quota: ResourceQuota, old: ResourceQuota, { subresource }) {
    if (subresource === 'status') return statusErrors(quota);
    const at = new FieldCursor('spec');
    checkSpec(at, quota.spec ?? {});
    const before = new Set<string>(old.spec?.scopes);
    const after = new Set<string>(quota.spec?.scopes);
    if (before.size !== after.size || [...after].some((scope) => !before.has(scope))) {
      at.invalid('scopes', quota.spec?.scopes, field.FIELD_IMMUTABLE);
    }
    return at.all();
  },
};

function checkSpec(at: FieldCursor, spec: ResourceQuotaSpec): void {
  checkAmounts(at, 'hard', spec.hard);
  checkScopes(at, spec);
  checkSelector(at, spec);
}

function statusErrors({ status = {} }: ResourceQuota) {
  const at = new FieldCursor('status');
  checkAmounts(at, 'hard', status.hard);
  checkAmounts(at, 'used', status.used);
  return at.all();
}

function checkAmounts(at: FieldCursor, list: string, amounts: Record<string, string> | undefined): void {
  at.within(list, () => {
    for (const [name, given] of Object.entries(amounts ?? {})) {
      const amount = Quantity.parse(given);
      at.enterKey(name);
      checkResourceName(at, name);
      if (!name.includes('/') && !isQuotaResource(name)) {
        at.invalid('', name, 'must be a standard resource for quota');
      }
      if (amount.sign() < 0) at.invalid('', amount.toString(), 'must be greater than or equal to 0');
      if (isCounted(name) && amount.milliValue() % 1000 !== 0) {
        at.invalid('', amount.toString(), 'must be an integer');
      }
      at.leave();
    }
  });
}

/** How many resources of the quota are none of the scope's. */
function foreignTo(scope: string, { hard }: ResourceQuotaSpec): string[] {
  const known = resourcesOfScope.get(scope);
  if (known === undefined) return [];
  return Object.keys(hard ?? {}).filter((name) => isQuotaResource(name) && !known.includes(name));
}

function checkScopes(at: FieldCursor, spec: ResourceQuotaSpec): void {
  const scopes: readonly string[] = spec.scopes ?? [];
  for (const scope of scopes) {
    if (!resourcesOfScope.has(scope)) at.invalid('scopes', scopes, 'unsupported scope');
    for (const _ of foreignTo(scope, spec)) at.invalid('scopes', scopes, 'unsupported scope applied to resource');
  }
  checkConflicts(at, 'scopes', scopes, scopes);
}

function checkConflicts(at: FieldCursor, name: string, scopes: readonly string[], shown: unknown): void {
  for (const pair of conflicting) {
    if (pair.every((scope) => scopes.includes(scope))) at.invalid(name, shown, 'conflicting scopes');
  }
}

function checkSelector(at: FieldCursor, spec: ResourceQuotaSpec): void {
  const { scopeSelector } = spec;
  if (scopeSelector === undefined) return;
  const requirements = scopeSelector.matchExpressions ?? [];
  at.within('scopeSelector', () => {
    for (const requirement of requirements) {
      const scope: string = requirement.scopeName ?? '';
      if (!resourcesOfScope.has(scope)) at.invalid('matchExpressions.scopeName', scope, 'unsupported scope');
      for (const _ of foreignTo(scope, spec)) {
        const shown = new Map([['MatchExpressions', requirements.map(shownRequirement)]]);
        at.invalid('matchExpressions', shown, 'unsupported scope applied to resource');
      }
      checkOperator(at, requirement);
    }
    const scopes = requirements.map(({ scopeName }) => scopeName);
    checkConflicts(at, 'matchExpressions', scopes, spec.scopes);
  });
}

function shownRequirement({ scopeName, operator, values }: ScopedResourceSelectorRequirement): Map<string, unknown> {
  return new Map<string, unknown>([
    ['ScopeName', scopeName],
    ['Operator', operator],
    ['Values', values ?? null],
  ]);
}

function checkOperator(at: FieldCursor, requirement: ScopedResourceSelectorRequirement): void {
  const { scopeName, operator, values = [] } = requirement;
  if (onlyExists.includes(scopeName) && operator !== 'Exists') {
    const text =
      "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";
    at.invalid('matchExpressions.operator', operator ?? '', text);
  }
  switch (operator) {
    case 'In':
    case 'NotIn':
      if (values.length === 0) {
        const text = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
        at.required('matchExpressions.values', text);
      }
      return;
    case 'Exists':
    case 'DoesNotExist':
      if (values.length > 0) {
        const text = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
        at.invalid('matchExpressions.values', values, text);
      }
      return;
    default:
      at.invalid('matchExpressions.operator', operator ?? '', 'not a valid selector operator');
  }
}
