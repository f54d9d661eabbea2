import { ownValue, setOwn } from '#apimachinery';
import type { Deployment, ReplicaSet } from '#kinds';
import { equalIgnoringHash, POD_TEMPLATE_HASH } from '../workload/template-hash.js';
import { isOwnAnnotation, parseRevision, revisionOf } from './deployment.revisions.js';

/** What a former API version wrote for its field `spec.rollbackTo`; the reference obeys it still. */
export const ROLLBACK_TO = 'deprecated.deployment.rollback.to';

/** The revision that the annotation names, 0 for the last one; undefined when it names none. */
export function rollbackRevision(deployment: Deployment): bigint | undefined {
  const text = ownValue(deployment.metadata.annotations, ROLLBACK_TO);
  return text ? parseRevision(text) : undefined;
}

export interface Rollback {
  /** The Deployment to write: without the annotation, whatever becomes of the wish. */
  deployment: Deployment;
  event: { type: 'Normal' | 'Warning'; reason: string; message: string };
}

/** The Deployment with the template and the annotations of the wanted revision, or the reason why it stays as it is. */
export function planRollback(deployment: Deployment, wanted: bigint, sets: readonly ReplicaSet[]): Rollback {
  const warning = (reason: string, message: string): Rollback => ({
    deployment: fulfilled(deployment),
    event: { type: 'Warning', reason: `DeploymentRollback${reason}`, message },
  });
  const revision = wanted === 0n ? lastRevision(sets) : wanted;
  if (revision === 0n) return warning('RevisionNotFound', 'Unable to find last revision.');
  const set = sets.find((candidate) => revisionOf(candidate) === revision);
  if (!set) return warning('RevisionNotFound', 'Unable to find the revision to rollback to.');
  const { name } = deployment.metadata;
  if (equalIgnoringHash(deployment.spec.template, set.spec.template)) {
    const message = `The rollback revision contains the same template as current deployment "${name}"`;
    return warning('TemplateUnchanged', message);
  }
  return {
    deployment: fulfilled(rolledBack(deployment, set)),
    event: {
      type: 'Normal',
      reason: 'DeploymentRollback',
      message: `Rolled back deployment "${name}" to revision ${revision}`,
    },
  };
}

/** The second highest revision; 0 when there is no other than the newest. */
function lastRevision(sets: readonly ReplicaSet[]): bigint {
  let [newest, last] = [0n, 0n];
  for (const set of sets) {
    const revision = revisionOf(set);
    if (revision === undefined) continue;
    if (revision >= newest) [newest, last] = [revision, newest];
    else if (revision > last) last = revision;
  }
  return last;
}

/** Annotations come from the set too: `kubernetes.io/change-cause` says what was done then. */
function rolledBack(deployment: Deployment, set: ReplicaSet): Deployment {
  const annotations: Record<string, string> = {};
  const take = (from: Record<string, string> | undefined, own: boolean) => {
    for (const [key, value] of Object.entries(from ?? {}))
      if (isOwnAnnotation(key) === own) setOwn(annotations, key, value);
  };
  take(deployment.metadata.annotations, true);
  take(set.metadata.annotations, false);
  const { template } = set.spec;
  const { [POD_TEMPLATE_HASH]: _hash, ...labels } = template?.metadata?.labels ?? {};
  return {
    ...deployment,
    metadata: { ...deployment.metadata, annotations },
    spec: { ...deployment.spec, template: { ...template, metadata: { ...template?.metadata, labels } } },
  };
}

function fulfilled(deployment: Deployment): Deployment {
  const { [ROLLBACK_TO]: _wish, ...annotations } = deployment.metadata.annotations ?? {};
  return { ...deployment, metadata: { ...deployment.metadata, annotations } };
}
