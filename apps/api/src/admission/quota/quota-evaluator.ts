import { claimEvaluator } from './claim-usage.js';
import { deviceClaimEvaluator } from './device-claim-usage.js';
import { podEvaluator } from './pod-usage.js';
import { countName, ONE } from './quota-names.js';
import { serviceEvaluator } from './service-usage.js';
import type { QuotaEvaluator } from './usage-evaluator.js';

/** Objects that no quota counts: they are not stored, or never were counted. */
const IGNORED = new Set([
  'bindings',
  'componentstatuses',
  'events',
  'events.k8s.io/events',
  'authentication.k8s.io/tokenreviews',
  'authentication.k8s.io/selfsubjectreviews',
  'authorization.k8s.io/subjectaccessreviews',
  'authorization.k8s.io/selfsubjectaccessreviews',
  'authorization.k8s.io/localsubjectaccessreviews',
  'authorization.k8s.io/selfsubjectrulesreviews',
]);

/** Names of before count/<resource>. */
const ALIASES = new Set(['configmaps', 'resourcequotas', 'replicationcontrollers', 'secrets']);

const measuring: Readonly<Record<string, QuotaEvaluator>> = {
  pods: podEvaluator,
  services: serviceEvaluator,
  persistentvolumeclaims: claimEvaluator,
  'resource.k8s.io/resourceclaims': deviceClaimEvaluator,
};

/** Storage resources whose objects may count for more than their number. */
export const MEASURED: readonly string[] = Object.keys(measuring);

const evaluators = new Map<string, QuotaEvaluator | undefined>(Object.entries(measuring));

/** `resource` is the storage resource: `pods`, `apps/deployments`. Undefined: its objects do not count. */
export function evaluatorOf(resource: string): QuotaEvaluator | undefined {
  if (evaluators.has(resource)) return evaluators.get(resource);
  const made = IGNORED.has(resource) ? undefined : objectCountEvaluator(resource);
  evaluators.set(resource, made);
  return made;
}

function objectCountEvaluator(resource: string): QuotaEvaluator {
  const names = [countName(resource), ...(ALIASES.has(resource) ? [resource] : [])];
  return {
    tracks: (name) => names.includes(name),
    usage: () => new Map(names.map((name) => [name, ONE])),
    mayRefuse: ({ operation, subresource }) => operation === 'CREATE' && subresource === '',
    matchesScope: () => false,
  };
}

/** The storage resource whose objects a name counts; undefined for a name that counts something else. */
export function countedResource(name: string): string | undefined {
  if (ALIASES.has(name)) return name;
  if (!name.startsWith('count/')) return undefined;
  const [plural = '', ...group] = name.slice('count/'.length).split('.');
  return group.length === 0 ? plural : `${group.join('.')}/${plural}`;
}
