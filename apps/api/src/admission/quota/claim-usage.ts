import { deepEqual, type KubeObject, Quantity } from '#apimachinery';
import { ONE } from './quota-names.js';
import { matchesValue, type ScopeRequirement } from './quota-scopes.js';
import type { QuotaChange, QuotaEvaluator, Usage } from './usage-evaluator.js';

const NAMES = ['persistentvolumeclaims', 'requests.storage'];
const OF_CLASS = '.storageclass.storage.k8s.io/';
const CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class';

/** PersistentVolumeClaims, and what they ask for: altogether, and of each storage class. */
export const claimEvaluator: QuotaEvaluator = {
  tracks: (name) =>
    name === 'count/persistentvolumeclaims' || NAMES.some((own) => name === own || name.endsWith(`${OF_CLASS}${own}`)),
  mayRefuse,
  usage,
  matchesScope,
};

function mayRefuse({ operation, subresource, object, old }: QuotaChange): boolean {
  if (operation === 'DELETE') return false;
  if (subresource === '') return true;
  return subresource === 'status' && !deepEqual(attributesClasses(object!), attributesClasses(old!));
}

function usage(claim: KubeObject): Usage {
  const className = claim.metadata.annotations?.[CLASS_ANNOTATION] ?? claim['spec'].storageClassName ?? '';
  const used: Usage = new Map([['count/persistentvolumeclaims', ONE]]);
  const add = (name: string, amount: Quantity) => {
    used.set(name, amount);
    if (className !== '') used.set(`${className}${OF_CLASS}${name}`, amount);
  };
  add('persistentvolumeclaims', ONE);
  const storage = requestedStorage(claim);
  if (storage !== undefined) add('requests.storage', storage);
  return used;
}

/** In whole bytes; what is allocated counts while it is more, as after an expansion that was taken back. */
function requestedStorage({ spec, status }: KubeObject): Quantity | undefined {
  const asked = spec.resources?.requests?.storage;
  if (asked === undefined) return undefined;
  const requested = Quantity.parse(asked).roundUp(0);
  const allocated = status?.allocatedResources?.storage;
  if (allocated === undefined) return requested;
  const held = Quantity.parse(allocated).roundUp(0);
  return held.compare(requested) > 0 ? held : requested;
}

function matchesScope(scope: ScopeRequirement, claim: KubeObject): boolean {
  if (scope.scopeName !== 'VolumeAttributesClass') return false;
  const classes = attributesClasses(claim);
  if (classes.length === 0) return matchesValue(scope, undefined);
  return classes.some((name) => matchesValue(scope, name));
}

/** Those that the claim has, wants or is on its way to. */
function attributesClasses({ spec, status }: KubeObject): string[] {
  const names: (string | undefined)[] = [
    spec.volumeAttributesClassName,
    status?.currentVolumeAttributesClassName,
    status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
  ];
  return [...new Set(names.filter((name) => name !== undefined && name !== null && name !== ''))].sort() as string[];
}
