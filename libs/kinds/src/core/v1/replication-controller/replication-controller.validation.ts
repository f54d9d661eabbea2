import {
  checkAlwaysRunning,
  checkCounts,
  checkReplicaCounts,
  checkTemplateLabels,
} from '../../../apps/v1/workload.validation.js';
import type { KindValidator } from '../../../contract/kind-module.js';
import type { ReplicationController, ReplicationControllerStatus } from '../../../generated/types.js';
import { FieldCursor } from '../../../validation/field-cursor.js';
import { checkPodTemplate, withLeniency } from '../pod/pod-template.validation.js';

export const replicationControllerValidator: KindValidator = {
  rules: [
    'spec.selector is required',
    'spec.template is required',
    'selector not empty',
    'template labels must match selector (error at spec.template.metadata.labels)',
    'template restartPolicy must be Always; template activeDeadlineSeconds forbidden',
    'not negative: replicas, minReadySeconds',
  ],
  validateCreate: (controller: ReplicationController) => check(controller, undefined),
  validateUpdate(controller: ReplicationController, old: ReplicationController, { subresource }) {
    if (subresource === 'status') return statusErrors(controller.status ?? { replicas: 0 });
    return check(controller, old);
  },
};

function check({ spec }: ReplicationController, old: ReplicationController | undefined) {
  return withLeniency(old?.spec.template, (lenient) => {
    const at = new FieldCursor('spec');
    const selector = { matchLabels: spec.selector ?? {} };
    at.notNegative('minReadySeconds', spec.minReadySeconds);
    if (Object.keys(selector.matchLabels).length === 0) at.required('selector');
    if (spec.replicas === undefined) at.required('replicas');
    else at.notNegative('replicas', spec.replicas);
    if (spec.template === undefined) at.required('template');
    else {
      checkTemplateLabels(at, selector, spec.template, true);
      checkPodTemplate(at, 'template', spec.template, lenient);
      checkAlwaysRunning(at, spec.template, 'ReplicationController');
    }
    return at;
  }).errors;
}

function statusErrors(status: ReplicationControllerStatus) {
  const at = new FieldCursor('status');
  checkCounts(at, status, [
    'replicas',
    'fullyLabeledReplicas',
    'readyReplicas',
    'availableReplicas',
    'observedGeneration',
  ]);
  checkReplicaCounts(at, status, ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas'], 'readyReplicas');
  return at.errors;
}
