import type { KindValidator } from '../../../contract/kind-module.js';
import { withLeniency } from '../../../core/v1/pod/pod-template.validation.js';
import type { ReplicaSet, ReplicaSetStatus } from '../../../generated/types.js';
import { FieldCursor } from '../../../validation/field-cursor.js';
import { checkCounts, checkReplicaCounts, checkReplicaTemplate, checkSelectorKept } from '../workload.validation.js';

export const replicaSetValidator: KindValidator = {
  rules: [
    'spec.selector is required',
    'spec.template is required',
    'selector required and not empty',
    'template labels must match selector (error at spec.template.metadata.labels)',
    'template restartPolicy must be Always; template activeDeadlineSeconds forbidden',
    'not negative: replicas, minReadySeconds',
    'immutable: spec.selector',
  ],
  validateCreate: (set: ReplicaSet) => check(set, undefined).errors,
  validateUpdate(set: ReplicaSet, old: ReplicaSet, { subresource }) {
    if (subresource === 'status') return statusErrors(set.status ?? { replicas: 0 });
    const at = check(set, old);
    checkSelectorKept(at, set.spec.selector, old.spec.selector);
    return at.errors;
  },
};

/** The cursor stays in the spec. */
function check({ spec }: ReplicaSet, old: ReplicaSet | undefined): FieldCursor {
  return withLeniency(old?.spec.template, (lenient) => {
    const at = new FieldCursor('spec');
    at.notNegative('replicas', spec.replicas);
    at.notNegative('minReadySeconds', spec.minReadySeconds);
    checkReplicaTemplate(at, spec.selector, spec.template ?? {}, lenient);
    return at;
  });
}

function statusErrors(status: ReplicaSetStatus) {
  const at = new FieldCursor('status');
  checkCounts(at, status, [
    'replicas',
    'fullyLabeledReplicas',
    'readyReplicas',
    'availableReplicas',
    'observedGeneration',
    'terminatingReplicas',
  ]);
  checkReplicaCounts(at, status, ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas'], 'readyReplicas');
  return at.errors;
}
