import type { KubeObject, OwnerReference } from '#apimachinery';
import type { PersistentVolumeClaim, Pod, StatefulSet } from '#kinds';
import { controllerReference } from '../workload/controller-ref.js';
import { claimName, ordinalOf, rangeOf } from './stateful-set.identity.js';

/**
 * What becomes of a pod's claims when the set shrinks or goes: the garbage collector deletes them with their owner. By the retention
 * policy that is the set, the pod (once it is beyond the range), or nobody.
 */

type ClaimOf = (name: string) => PersistentVolumeClaim | undefined;

/** The claims of one pod. They outlive it: the next pod of this ordinal finds its data. */
export function buildClaims(set: StatefulSet, ordinal: number): PersistentVolumeClaim[] {
  return (set.spec.volumeClaimTemplates ?? []).map((template) => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name: claimName(template, set, ordinal),
      namespace: set.metadata.namespace,
      labels: { ...template.metadata.labels, ...set.spec.selector.matchLabels },
      annotations: template.metadata.annotations,
    },
    spec: template.spec,
  }));
}

/** The claims of the pod that are there. */
export function claimsOf(set: StatefulSet, pod: Pod, claimOf: ClaimOf): PersistentVolumeClaim[] {
  const ordinal = ordinalOf(set, pod);
  if (ordinal === undefined) return [];
  return (set.spec.volumeClaimTemplates ?? [])
    .map((template) => claimOf(claimName(template, set, ordinal)))
    .filter((claim) => claim !== undefined);
}

/** Have the pod's claims the owners that they should have? */
export function claimsMatch(set: StatefulSet, pod: Pod, claimOf: ClaimOf): boolean {
  return claimsOf(set, pod, claimOf).every((claim) => ownersFor(claim, set, pod) === undefined);
}

/** A claim that is still to go with the former pod of this ordinal. */
export function hasStaleClaim(set: StatefulSet, ordinal: number, claimOf: ClaimOf): boolean {
  if (policyOf(set).whenScaled === 'Retain') return false;
  const name = `${set.metadata.name}-${ordinal}`;
  return (set.spec.volumeClaimTemplates ?? []).some((template) =>
    refsOf(claimOf(claimName(template, set, ordinal))).some(
      (ref) => ref.apiVersion === 'v1' && ref.kind === 'Pod' && ref.name === name,
    ),
  );
}

function policyOf({ spec }: StatefulSet): { whenScaled: string; whenDeleted: string } {
  const { whenScaled = 'Retain', whenDeleted = 'Retain' } = spec.persistentVolumeClaimRetentionPolicy ?? {};
  return { whenScaled, whenDeleted };
}

const refsOf = (claim: PersistentVolumeClaim | undefined): readonly OwnerReference[] =>
  (claim?.metadata.ownerReferences ?? []) as OwnerReference[];

function isFor(ref: OwnerReference, owner: KubeObject): boolean {
  return ref.apiVersion === owner.apiVersion && ref.kind === owner.kind && ref.name === owner.metadata.name;
}

/** Somebody else controls the claim, or a former set or pod of this name does. With nothing to delete that is no matter. */
export function hasOtherController(claim: PersistentVolumeClaim, set: StatefulSet, pod: Pod): boolean {
  const { whenScaled, whenDeleted } = policyOf(set);
  if (whenScaled === 'Retain' && whenDeleted === 'Retain') return false;
  return refsOf(claim).some((ref) => {
    const ours = owners(set, pod).find((owner) => isFor(ref, owner));
    return ours ? ref.uid !== ours.metadata.uid : ref.controller === true;
  });
}

/** The owner references that the claim should have; undefined when they are right, or not ours to change. */
export function ownersFor(claim: PersistentVolumeClaim, set: StatefulSet, pod: Pod): OwnerReference[] | undefined {
  const refs = refsOf(claim);
  const [setOwner, podOwner] = owners(set, pod);
  const ours = (ref: OwnerReference) => isFor(ref, setOwner) || isFor(ref, podOwner);
  const isStale = (ref: OwnerReference, owner: KubeObject) => isFor(ref, owner) && ref.uid !== owner.metadata.uid;
  if (refs.some((ref) => isStale(ref, setOwner) || isStale(ref, podOwner))) return undefined;
  const { whenScaled, whenDeleted } = policyOf(set);
  const others = refs.filter((ref) => !ours(ref));
  const wanted: KubeObject[] = [];
  if (!hasOtherController(claim, set, pod)) {
    const beyond = isBeyond(set, pod);
    if (whenScaled === 'Delete' && beyond) wanted.push(podOwner);
    else if (whenDeleted === 'Delete') wanted.push(setOwner);
  }
  const has = refs.filter(ours);
  const right =
    has.length === wanted.length &&
    wanted.every((owner) => has.some((ref) => ref.uid === owner.metadata.uid && ref.controller === true));
  return right ? undefined : [...others, ...wanted.map(controllerReference)];
}

function isBeyond(set: StatefulSet, pod: Pod): boolean {
  const ordinal = ordinalOf(set, pod) ?? -1;
  const { start, end } = rangeOf(set);
  return ordinal < start || ordinal >= end;
}

/** As owner references name them: objects from a list may lack their type. */
function owners(set: StatefulSet, pod: Pod): [KubeObject, KubeObject] {
  return [
    { ...set, apiVersion: 'apps/v1', kind: 'StatefulSet' },
    { ...pod, apiVersion: 'v1', kind: 'Pod' },
  ] as [KubeObject, KubeObject];
}
