import type { KindValidator } from '../../../contract/kind-module.js';
import { checkSelector } from '../../../core/v1/pod/pod-scheduling.validation.js';
import { checkPodTemplate, withLeniency } from '../../../core/v1/pod/pod-template.validation.js';
import type { DaemonSet, DaemonSetStatus, DaemonSetUpdateStrategy } from '../../../generated/types.js';
import { FieldCursor } from '../../../validation/field-cursor.js';
import {
  amountOf,
  checkAlwaysRunning,
  checkAtMost100Percent,
  checkCollisions,
  checkCounts,
  checkIntOrPercent,
  checkSelectorKept,
  checkTemplateLabels,
  isEmptySelector,
  shownSelector,
} from '../workload.validation.js';

export const daemonSetValidator: KindValidator = {
  rules: [
    'spec.selector is required',
    'spec.template is required',
    'selector not empty',
    'template labels must match selector (error at spec.template.metadata.labels)',
    'template restartPolicy must be Always; template activeDeadlineSeconds forbidden',
    'maxSurge and maxUnavailable: exactly one non-zero; at most 100%',
    'not negative: minReadySeconds, revisionHistoryLimit',
    'updateStrategy.type is one of OnDelete, RollingUpdate',
    'immutable: spec.selector',
  ],
  validateCreate: (set: DaemonSet) => check(set, undefined).errors,
  validateUpdate(set: DaemonSet, old: DaemonSet, { subresource }) {
    if (subresource === 'status') return statusErrors(set, old);
    const at = check(set, old);
    checkSelectorKept(at, set.spec.selector, old.spec.selector);
    return at.errors;
  },
};

/** The cursor stays in the spec. */
function check({ spec }: DaemonSet, old: DaemonSet | undefined): FieldCursor {
  return withLeniency(old?.spec.template, (lenient) => {
    const at = new FieldCursor('spec');
    const { selector } = spec;
    const template = spec.template ?? {};
    checkSelector(at, 'selector', selector, lenient.labelValuesInSelectors);
    checkTemplateLabels(at, selector, template, false);
    if (selector && isEmptySelector(selector)) {
      at.invalid('selector', shownSelector(selector), 'empty selector is invalid for daemonset');
    }
    checkPodTemplate(at, 'template', template, lenient);
    checkAlwaysRunning(at, template, 'DaemonSet');
    at.notNegative('minReadySeconds', spec.minReadySeconds);
    checkStrategy(at, spec.updateStrategy ?? {});
    at.notNegative('revisionHistoryLimit', spec.revisionHistoryLimit);
    return at;
  });
}

const strategies = ['RollingUpdate', 'OnDelete'];

function checkStrategy(at: FieldCursor, strategy: DaemonSetUpdateStrategy): void {
  const { type = '', rollingUpdate } = strategy;
  if (type === 'OnDelete') return;
  at.enter('updateStrategy');
  if (type !== 'RollingUpdate') at.notSupported('', shownStrategy(strategy), strategies);
  else if (rollingUpdate === undefined) at.required('rollingUpdate');
  else {
    const { maxUnavailable = 0, maxSurge = 0 } = rollingUpdate;
    at.enter('rollingUpdate');
    checkIntOrPercent(at, 'maxUnavailable', maxUnavailable);
    checkIntOrPercent(at, 'maxSurge', maxSurge);
    checkAtMost100Percent(at, 'maxUnavailable', maxUnavailable);
    checkAtMost100Percent(at, 'maxSurge', maxSurge);
    const replaces = amountOf(maxUnavailable) !== 0;
    const adds = amountOf(maxSurge) !== 0;
    if (replaces && adds) at.invalid('maxSurge', maxSurge, 'may not be set when maxUnavailable is non-zero');
    else if (!replaces && !adds) at.required('maxUnavailable', 'cannot be 0 when maxSurge is 0');
    at.leave();
  }
  at.leave();
}

/** As upstream prints its internal type. */
function shownStrategy({ type, rollingUpdate }: DaemonSetUpdateStrategy): Map<string, unknown> {
  const { maxUnavailable = 0, maxSurge = 0 } = rollingUpdate ?? {};
  const rolling = new Map([
    ['MaxUnavailable', maxUnavailable],
    ['MaxSurge', maxSurge],
  ]);
  return new Map<string, unknown>([
    ['Type', type ?? ''],
    ['RollingUpdate', rollingUpdate === undefined ? null : rolling],
  ]);
}

function statusErrors(set: DaemonSet, old: DaemonSet) {
  const at = new FieldCursor('status');
  const status: Partial<DaemonSetStatus> = set.status ?? {};
  checkCounts(at, status, [
    'currentNumberScheduled',
    'numberMisscheduled',
    'desiredNumberScheduled',
    'numberReady',
    'observedGeneration',
    'updatedNumberScheduled',
    'numberAvailable',
    'numberUnavailable',
    'collisionCount',
  ]);
  checkCollisions(at, status, old.status);
  return at.errors;
}
