import { type KubeObject, ownValue, parseTime, Quantity } from '#apimachinery';
import { podQosClass } from '#kinds';
import { hasPodLevelResources, type ResourceList } from '../pod-resource-totals.js';
import { podResourcesInUse } from '../pod-resources-in-use.js';
import { isExtendedResource, ONE } from './quota-names.js';
import { matchesValue, type ScopeRequirement } from './quota-scopes.js';
import type { QuotaChange, QuotaEvaluator, Usage } from './usage-evaluator.js';

const DEVICE_CLASS = 'deviceclass.resource.kubernetes.io/';
const NATIVE = ['cpu', 'memory', 'ephemeral-storage'] as const;
const NAMES = new Set([
  'count/pods',
  'pods',
  ...NATIVE.flatMap((name) => [name, `requests.${name}`, `limits.${name}`]),
]);
/** What each container has to say once a quota counts it. The reference calls that a mistake, and keeps it. */
const DEMANDED = new Set(['cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory']);

export const podEvaluator: QuotaEvaluator = {
  tracks: (name) => NAMES.has(name) || /^(?:requests\.)?hugepages-/.test(name) || isExtendedRequest(name),
  mayRefuse,
  usage,
  matchesScope,
  isOverdue,
  missing,
};

function isExtendedRequest(name: string): boolean {
  if (!name.startsWith('requests.')) return false;
  const isNative = !name.includes('/') || name.includes('kubernetes.io/');
  return !isNative || name.startsWith(`requests.${DEVICE_CLASS}`);
}

function mayRefuse({ operation, subresource, object, old }: QuotaChange): boolean {
  if (subresource === 'resize') return operation === 'UPDATE';
  if (subresource !== '') return false;
  if (operation !== 'UPDATE') return operation === 'CREATE';
  return isTerminating(old!) !== isTerminating(object!);
}

/** A pod counts as an object while it is stored, and for the rest while it may run. */
function usage(pod: KubeObject, now: number): Usage {
  const used: Usage = new Map([['count/pods', ONE]]);
  if (hasEnded(pod) || isOverdue(pod, now)) return used;
  const { requests, limits } = podResourcesInUse(pod);
  addCompute(used, requests, limits);
  return used;
}

function addCompute(used: Usage, requests: ReadonlyMap<string, Quantity>, limits: ReadonlyMap<string, Quantity>): void {
  used.set('pods', ONE);
  for (const [name, amount] of requests) {
    const isOwn = (NATIVE as readonly string[]).includes(name) || name.startsWith('hugepages-');
    if (isOwn) used.set(name, amount);
    if (isOwn || isExtended(name)) used.set(`requests.${name}`, amount);
  }
  for (const name of NATIVE) {
    const amount = limits.get(name);
    if (amount !== undefined) used.set(`limits.${name}`, amount);
  }
}

function isExtended(name: string): boolean {
  return name.startsWith(DEVICE_CLASS) || isExtendedResource(name);
}

function hasEnded({ status }: KubeObject): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}

/** Its grace period has ended once more since it should have gone: its node may be lost. */
function isOverdue({ metadata }: KubeObject, now: number): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds } = metadata;
  if (deletionTimestamp === undefined || deletionGracePeriodSeconds === undefined) return false;
  return now > (parseTime(deletionTimestamp) ?? now) + deletionGracePeriodSeconds * 1000;
}

function matchesScope(scope: ScopeRequirement, pod: KubeObject): boolean {
  switch (scope.scopeName) {
    case 'Terminating':
      return isTerminating(pod);
    case 'NotTerminating':
      return !isTerminating(pod);
    case 'BestEffort':
      return isBestEffort(pod);
    case 'NotBestEffort':
      return !isBestEffort(pod);
    case 'PriorityClass':
      return matchesValue(scope, pod['spec'].priorityClassName || undefined);
    case 'CrossNamespacePodAffinity':
      return hasCrossNamespaceAffinity(pod);
    default:
      return false;
  }
}

function isTerminating({ spec }: KubeObject): boolean {
  return (spec?.activeDeadlineSeconds ?? -1) >= 0;
}

function isBestEffort({ spec, status }: KubeObject): boolean {
  return (status?.qosClass || podQosClass(spec)) === 'BestEffort';
}

function hasCrossNamespaceAffinity({ spec }: KubeObject): boolean {
  const { podAffinity, podAntiAffinity } = spec.affinity ?? {};
  return [podAffinity, podAntiAffinity].some((affinity) => {
    const required = affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
    const preferred = affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
    const terms = [...required, ...preferred.map((weighted: any) => weighted.podAffinityTerm)];
    return terms.some((term) => (term.namespaces ?? []).length > 0 || (term.namespaceSelector ?? null) !== null);
  });
}

function missing(names: readonly string[], pod: KubeObject): string | undefined {
  if (hasPodLevelResources(pod)) return undefined;
  const spec = pod['spec'];
  const lacking = new Map<string, string[]>();
  for (const container of [...(spec.containers ?? []), ...(spec.initContainers ?? [])]) {
    const own: Usage = new Map();
    addCompute(own, parsed(container.resources?.requests), parsed(container.resources?.limits));
    for (const name of names) {
      if (!DEMANDED.has(name) || own.has(name)) continue;
      const containers = lacking.get(name);
      if (containers) containers.push(container.name);
      else lacking.set(name, [container.name]);
    }
  }
  if (lacking.size === 0) return undefined;
  const parts = [...lacking.keys()].sort().map((name) => `${name} for: ${lacking.get(name)!.sort().join(',')}`);
  return `must specify ${parts.join('; ')}`;
}

function parsed(list: ResourceList | undefined): Map<string, Quantity> {
  return new Map(Object.keys(list ?? {}).map((name) => [name, Quantity.parse(ownValue(list, name)!)]));
}
