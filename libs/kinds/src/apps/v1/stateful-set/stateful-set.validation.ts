import { isDNS1123Label, semanticEqual } from '#apimachinery';
import type { KindValidator } from '../../../contract/kind-module.js';
import { checkClaimSpec } from '../../../core/v1/persistent-volume-claim/persistent-volume-claim-spec.validation.js';
import { checkLabels } from '../../../core/v1/pod/pod-scheduling.validation.js';
import {
  checkPodTemplate,
  checkTemplateAnnotations,
  withLeniency,
} from '../../../core/v1/pod/pod-template.validation.js';
import type { Leniency } from '../../../core/v1/pod/pod-validation-context.js';
import type {
  PodTemplateSpec,
  StatefulSet,
  StatefulSetSpec,
  StatefulSetStatus,
  StatefulSetUpdateStrategy,
  Volume,
} from '../../../generated/types.js';
import { FieldCursor } from '../../../validation/field-cursor.js';
import {
  amountOf,
  checkAlwaysRunning,
  checkAtMost100Percent,
  checkCollisions,
  checkCounts,
  checkIntOrPercent,
  checkOwnSelector,
  checkReplicaCounts,
  checkTemplateLabels,
  matcherOf,
  shownSelector,
} from '../workload.validation.js';

export const statefulSetValidator: KindValidator = {
  rules: [
    'spec.selector is required',
    'spec.template is required',
    'selector not empty',
    'template labels must match selector (error at spec.template.metadata.labels)',
    'template restartPolicy must be Always; template activeDeadlineSeconds forbidden',
    'not negative: replicas, minReadySeconds, partition, ordinals.start',
    'maxUnavailable not 0, at most 100%',
    'rollingUpdate only with type RollingUpdate',
    'podManagementPolicy is one of OrderedReady, Parallel',
    'updateStrategy.type is one of OnDelete, RollingUpdate',
    'persistentVolumeClaimRetentionPolicy is one of Delete, Retain',
    'immutable: spec.selector',
    'immutable: spec.volumeClaimTemplates',
    'immutable: spec.serviceName',
    'immutable: spec.podManagementPolicy',
  ],
  validateCreate: (set: StatefulSet) => check(set, undefined).errors,
  validateUpdate(set: StatefulSet, old: StatefulSet, { subresource }) {
    if (subresource === 'status') return statusErrors(set, old);
    const at = check(set, old);
    checkFrozen(at, set.spec, old.spec);
    return at.errors;
  },
};

/** The cursor stays in the spec. */
function check({ spec }: StatefulSet, old: StatefulSet | undefined): FieldCursor {
  return withLeniency(old?.spec.template, (lenient) => {
    const at = new FieldCursor('spec');
    checkSpec(at, spec, old?.spec, lenient);
    return at;
  });
}

const retentions = ['Retain', 'Delete'];

function checkSpec(at: FieldCursor, spec: StatefulSetSpec, old: StatefulSetSpec | undefined, lenient: Leniency): void {
  const { podManagementPolicy, persistentVolumeClaimRetentionPolicy: retention } = spec;
  if (!podManagementPolicy) at.required('podManagementPolicy');
  else if (podManagementPolicy !== 'OrderedReady' && podManagementPolicy !== 'Parallel') {
    at.invalid('podManagementPolicy', podManagementPolicy, "must be 'OrderedReady' or 'Parallel'");
  }
  checkStrategy(at, spec.updateStrategy ?? {});
  if (retention !== undefined) {
    at.enter('persistentVolumeClaimRetentionPolicy');
    at.optionalChoice('whenDeleted', retention.whenDeleted ?? '', retentions);
    at.optionalChoice('whenScaled', retention.whenScaled ?? '', retentions);
    at.leave();
  }
  // Frozen ones were checked when they were made, or before there were rules.
  if (old === undefined) {
    spec.volumeClaimTemplates?.forEach((claim, i) => {
      at.enter('volumeClaimTemplates');
      at.enter(i);
      at.enter('spec');
      checkClaimSpec(at, claim.spec ?? {});
      at.leave(3);
    });
  }
  at.notNegative('replicas', spec.replicas);
  at.notNegative('minReadySeconds', spec.minReadySeconds);
  at.notNegative('ordinals.start', spec.ordinals?.start);
  if (old === undefined && spec.serviceName) at.format('serviceName', spec.serviceName, isDNS1123Label);
  checkOwnSelector(at, spec.selector, 'statefulset');
  checkTemplate(at, spec, lenient);
  checkAlwaysRunning(at, spec.template ?? {}, 'StatefulSet');
}

function checkTemplate(at: FieldCursor, spec: StatefulSetSpec, lenient: Leniency): void {
  if (matcherOf(spec.selector) === undefined) {
    at.invalid('selector', shownSelector(spec.selector), '');
    return;
  }
  const template = templateWithClaims(spec);
  checkTemplateLabels(at, spec.selector, template, true);
  checkPodTemplate(at, 'template', template, lenient);
  // Upstream looks at these twice; only what is wrong in them shows it.
  at.enter('template');
  checkLabels(at, 'labels', template.metadata?.labels);
  checkTemplateAnnotations(at, template);
  at.leave();
}

/** The template as its pods will be: with a volume for each claim, and names that the controller gives. */
function templateWithClaims({ template = {}, volumeClaimTemplates = [] }: StatefulSetSpec): PodTemplateSpec {
  const { spec } = template;
  if (spec === undefined || (!spec.subdomain && !spec.hostname && volumeClaimTemplates.length === 0)) return template;
  const { subdomain: _, hostname: __, ...rest } = spec;
  const claims = new Map<string, Volume>();
  for (const { metadata } of volumeClaimTemplates) {
    const name = metadata?.name ?? '';
    claims.set(name, { name, persistentVolumeClaim: { claimName: name } });
  }
  const others = (rest.volumes ?? []).filter(({ name }) => !claims.has(name));
  return { ...template, spec: { ...rest, volumes: [...claims.values(), ...others] } };
}

function checkStrategy(at: FieldCursor, strategy: StatefulSetUpdateStrategy): void {
  const { type, rollingUpdate } = strategy;
  if (!type) {
    at.required('updateStrategy');
    return;
  }
  if (type === 'OnDelete') {
    if (rollingUpdate === undefined) return;
    const detail = "only allowed for updateStrategy 'RollingUpdate'";
    at.invalid('updateStrategy.rollingUpdate', shownRolling(rollingUpdate), detail);
    return;
  }
  if (type !== 'RollingUpdate') {
    const shown = new Map<string, unknown>([
      ['Type', type],
      ['RollingUpdate', rollingUpdate === undefined ? null : shownRolling(rollingUpdate)],
    ]);
    at.invalid('updateStrategy', shown, "must be 'RollingUpdate' or 'OnDelete'");
    return;
  }
  if (rollingUpdate === undefined) return;
  const { maxUnavailable } = rollingUpdate;
  at.enter('updateStrategy');
  at.enter('rollingUpdate');
  at.notNegative('partition', rollingUpdate.partition);
  if (maxUnavailable !== undefined) {
    checkIntOrPercent(at, 'maxUnavailable', maxUnavailable);
    if (amountOf(maxUnavailable) === 0) at.invalid('maxUnavailable', maxUnavailable, 'cannot be 0');
    checkAtMost100Percent(at, 'maxUnavailable', maxUnavailable);
  }
  at.leave(2);
}

/** As upstream prints its internal type. */
function shownRolling({
  partition = 0,
  maxUnavailable,
}: NonNullable<StatefulSetUpdateStrategy['rollingUpdate']>): Map<string, unknown> {
  return new Map<string, unknown>([
    ['Partition', partition],
    ['MaxUnavailable', maxUnavailable ?? null],
  ]);
}

/** What pods were made by stays as it is. */
function checkFrozen(at: FieldCursor, spec: StatefulSetSpec, old: StatefulSetSpec): void {
  const detail = 'field is immutable';
  if (!semanticEqual(spec.selector, old.selector)) at.invalid('selector', shownSelector(spec.selector ?? {}), detail);
  if (!semanticEqual(spec.volumeClaimTemplates, old.volumeClaimTemplates)) {
    at.invalid('volumeClaimTemplates', spec.volumeClaimTemplates ?? null, detail);
  }
  for (const name of ['serviceName', 'podManagementPolicy'] as const) {
    if ((spec[name] ?? '') !== (old[name] ?? '')) at.invalid(name, spec[name] ?? '', detail);
  }
}

function statusErrors(set: StatefulSet, old: StatefulSet) {
  const at = new FieldCursor('status');
  const status: Partial<StatefulSetStatus> = set.status ?? {};
  checkCounts(at, status, [
    'replicas',
    'readyReplicas',
    'currentReplicas',
    'updatedReplicas',
    'availableReplicas',
    'observedGeneration',
    'collisionCount',
  ]);
  checkReplicaCounts(
    at,
    status,
    ['readyReplicas', 'currentReplicas', 'updatedReplicas', 'availableReplicas'],
    'status.readyReplicas',
  );
  checkCollisions(at, status, old.status);
  return at.errors;
}
