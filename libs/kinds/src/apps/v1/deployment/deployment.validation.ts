import type { KindValidator } from '../../../contract/kind-module.js';
import { withLeniency } from '../../../core/v1/pod/pod-template.validation.js';
import type { Deployment, DeploymentStrategy } from '../../../generated/types.js';
import { FieldCursor } from '../../../validation/field-cursor.js';
import {
  amountOf,
  checkAtMost100Percent,
  checkCollisions,
  checkCounts,
  checkIntOrPercent,
  checkReplicaCounts,
  checkReplicaTemplate,
  checkSelectorKept,
} from '../workload.validation.js';

export const deploymentValidator: KindValidator = {
  rules: [
    'spec.selector is required',
    'spec.template is required',
    'selector required and not empty',
    'template labels must match selector (error at spec.template.metadata.labels)',
    'template restartPolicy must be Always; template activeDeadlineSeconds forbidden',
    'not negative: replicas, minReadySeconds, revisionHistoryLimit',
    'progressDeadlineSeconds greater than minReadySeconds',
    'rollingUpdate forbidden with Recreate',
    'maxUnavailable and maxSurge: number >= 0 or percent, maxUnavailable at most 100%, not both 0',
    'strategy.type is one of Recreate, RollingUpdate',
    'immutable: spec.selector',
  ],
  validateCreate: (deployment: Deployment) => check(deployment, undefined).errors,
  validateUpdate(deployment: Deployment, old: Deployment, { subresource }) {
    if (subresource === 'status') return statusErrors(deployment, old);
    const at = check(deployment, old);
    checkSelectorKept(at, deployment.spec.selector, old.spec.selector);
    return at.errors;
  },
};

/** The cursor stays in the spec. */
function check({ spec }: Deployment, old: Deployment | undefined): FieldCursor {
  return withLeniency(old?.spec.template, (lenient) => {
    const at = new FieldCursor('spec');
    at.notNegative('replicas', spec.replicas);
    checkReplicaTemplate(at, spec.selector, spec.template ?? {}, lenient);
    checkStrategy(at, spec.strategy ?? {});
    at.notNegative('minReadySeconds', spec.minReadySeconds);
    at.notNegative('revisionHistoryLimit', spec.revisionHistoryLimit);
    const deadline = spec.progressDeadlineSeconds;
    if (deadline !== undefined) {
      at.notNegative('progressDeadlineSeconds', deadline);
      if (deadline <= (spec.minReadySeconds ?? 0)) {
        at.invalid('progressDeadlineSeconds', deadline, 'must be greater than minReadySeconds');
      }
    }
    return at;
  });
}

const strategies = ['Recreate', 'RollingUpdate'];

function checkStrategy(at: FieldCursor, strategy: DeploymentStrategy): void {
  const { type = '', rollingUpdate } = strategy;
  at.enter('strategy');
  if (type === 'Recreate') {
    if (rollingUpdate !== undefined) {
      at.forbidden('rollingUpdate', "may not be specified when strategy `type` is 'Recreate'");
    }
  } else if (type !== 'RollingUpdate') at.notSupported('', shownStrategy(strategy), strategies);
  else if (rollingUpdate === undefined) at.required('rollingUpdate', 'this should be defaulted and never be nil');
  else {
    const { maxUnavailable = 0, maxSurge = 0 } = rollingUpdate;
    at.enter('rollingUpdate');
    checkIntOrPercent(at, 'maxUnavailable', maxUnavailable);
    checkIntOrPercent(at, 'maxSurge', maxSurge);
    if (amountOf(maxUnavailable) === 0 && amountOf(maxSurge) === 0) {
      at.invalid('maxUnavailable', maxUnavailable, 'may not be 0 when `maxSurge` is 0');
    }
    checkAtMost100Percent(at, 'maxUnavailable', maxUnavailable);
    at.leave();
  }
  at.leave();
}

/** As upstream prints its internal type. */
function shownStrategy({ type, rollingUpdate }: DeploymentStrategy): Map<string, unknown> {
  const rolling = rollingUpdate && {
    MaxUnavailable: rollingUpdate.maxUnavailable ?? 0,
    MaxSurge: rollingUpdate.maxSurge ?? 0,
  };
  return new Map<string, unknown>([
    ['Type', type ?? ''],
    ['RollingUpdate', rolling === undefined ? null : new Map(Object.entries(rolling))],
  ]);
}

function statusErrors({ status = {} }: Deployment, old: Deployment) {
  const at = new FieldCursor('status');
  checkCounts(at, status, [
    'observedGeneration',
    'replicas',
    'updatedReplicas',
    'readyReplicas',
    'availableReplicas',
    'unavailableReplicas',
    'terminatingReplicas',
    'collisionCount',
  ]);
  checkReplicaCounts(at, status, ['updatedReplicas', 'readyReplicas', 'availableReplicas'], 'readyReplicas');
  checkCollisions(at, status, old.status);
  return at.errors;
}
