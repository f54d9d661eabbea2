import { ownValue, setOwn } from '#apimachinery';
import type { Deployment, ReplicaSet } from '#kinds';
import { controllerReference } from '../workload/controller-ref.js';
import { equalIgnoringHash, POD_TEMPLATE_HASH, templateHash } from '../workload/template-hash.js';
import { OBSERVED_CONFIG } from './config-rollout.plan.js';
import { byCreation, DESIRED_REPLICAS, desiredSize, MAX_REPLICAS, maxSurge } from './deployment.sizing.js';

/** Which ReplicaSet is which revision of a Deployment, and what their annotations say of it. */

/** The largest number that an annotation of the reference can hold. */
const MAX_INT64 = 2n ** 63n - 1n;
export const REVISION = 'deployment.kubernetes.io/revision';
const REVISION_HISTORY = 'deployment.kubernetes.io/revision-history';
/** Characters that the history annotation may have: about a hundred revisions. */
const HISTORY_LIMIT = 2000;
const MAX_NAME = 253;

/** Annotations that belong to one object alone and are not handed down. */
const OWN_ANNOTATIONS = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  REVISION,
  REVISION_HISTORY,
  DESIRED_REPLICAS,
  MAX_REPLICAS,
  'deprecated.deployment.rollback.to',
  // A rollback copies annotations of the set: the digests of then would start another rollout.
  OBSERVED_CONFIG,
]);

/** The ReplicaSet with the Deployment's template (the oldest, should there be several), and all others. */
export function splitRevisions(
  deployment: Deployment,
  sets: readonly ReplicaSet[],
): { newSet: ReplicaSet | undefined; oldSets: ReplicaSet[] } {
  const sorted = [...sets].sort(byCreation);
  const newSet = sorted.find((set) => equalIgnoringHash(set.spec.template, deployment.spec.template));
  return { newSet, oldSets: sorted.filter((set) => set !== newSet) };
}

export function isOwnAnnotation(key: string): boolean {
  return OWN_ANNOTATIONS.has(key);
}

/** A 64-bit number, as adopted sets may bring any. Undefined: the text is none. */
export function parseRevision(text: string): bigint | undefined {
  if (!/^[+-]?\d+$/.test(text)) return undefined;
  const value = BigInt(text.replace('+', ''));
  return value > MAX_INT64 || value < -MAX_INT64 - 1n ? undefined : value;
}

/** 0 when the set has none, undefined when its annotation is no number. */
export function revisionOf(set: ReplicaSet): bigint | undefined {
  const text = ownValue(set.metadata.annotations, REVISION);
  return text === undefined ? 0n : parseRevision(text);
}

export function nextRevision(oldSets: readonly ReplicaSet[]): bigint {
  let newest = 0n;
  for (const set of oldSets) {
    const revision = revisionOf(set);
    if (revision !== undefined && revision > newest) newest = revision;
  }
  return newest + 1n;
}

/** The annotations that the new ReplicaSet should have: the Deployment's own ones, its revision, and past revisions. */
export function newSetAnnotations(deployment: Deployment, set: ReplicaSet, revision: bigint): Record<string, string> {
  const annotations = { ...set.metadata.annotations };
  for (const [key, value] of Object.entries(deployment.metadata.annotations ?? {})) {
    if (!OWN_ANNOTATIONS.has(key)) setOwn(annotations, key, value);
  }
  const former = annotations[REVISION];
  const before = former ? parseRevision(former) : 0n;
  if (before === undefined || before >= revision) return annotations;
  annotations[REVISION] = String(revision);
  if (former !== undefined) annotations[REVISION_HISTORY] = extendHistory(annotations[REVISION_HISTORY], former);
  return annotations;
}

/** Adds a revision, dropping the oldest ones when the text gets too long. */
function extendHistory(history: string | undefined, revision: string): string {
  const revisions = history ? history.split(',') : [];
  revisions.push(revision);
  while (revisions.length > 1 && revisions.join(',').length > HISTORY_LIMIT) revisions.shift();
  return revisions.join(',');
}

/** What tells a ReplicaSet of its Deployment's size. */
export function sizeAnnotations(deployment: Deployment): Record<string, string> {
  const desired = desiredSize(deployment);
  return { [DESIRED_REPLICAS]: String(desired), [MAX_REPLICAS]: String(desired + maxSurge(deployment)) };
}

/** The ReplicaSet to create for the Deployment's template. Its name follows from the template: creating twice is one. */
export function buildNewSet(deployment: Deployment, revision: bigint, replicas: number): ReplicaSet {
  const template = deployment.spec.template;
  const hash = templateHash(template, deployment.status?.collisionCount);
  const labels = { ...template.metadata?.labels, [POD_TEMPLATE_HASH]: hash };
  const base = deployment.metadata.name!.slice(0, MAX_NAME - 1 - hash.length);
  const set: ReplicaSet = {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${base}-${hash}`,
      namespace: deployment.metadata.namespace,
      labels,
      ownerReferences: [controllerReference(deployment)],
    },
    spec: {
      replicas,
      minReadySeconds: deployment.spec.minReadySeconds,
      selector: {
        ...deployment.spec.selector,
        matchLabels: { ...deployment.spec.selector.matchLabels, [POD_TEMPLATE_HASH]: hash },
      },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  };
  set.metadata.annotations = { ...newSetAnnotations(deployment, set, revision), ...sizeAnnotations(deployment) };
  return set;
}
