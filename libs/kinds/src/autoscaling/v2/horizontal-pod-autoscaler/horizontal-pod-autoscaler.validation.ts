import { Quantity } from '#apimachinery';
import type { KindValidator } from '../../../contract/kind-module.js';
import type {
  CrossVersionObjectReference,
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerSpec,
  HPAScalingPolicy,
  HPAScalingRules,
} from '../../../generated/types.js';
import { FieldCursor } from '../../../validation/field-cursor.js';
import { checkMetrics } from './metrics.validation.js';
import { apiVersionProblem, checkReferencedObject } from './object-reference.validation.js';

/** Seconds. */
const MAX_STABILIZATION = 3600;
const MAX_PERIOD = 1800;
const selectPolicies = ['Disabled', 'Max', 'Min'];
const policyTypes = ['Percent', 'Pods'];

export const horizontalPodAutoscalerValidator: KindValidator = {
  rules: [
    'minReplicas is at least 0, maxReplicas at least 1 and not below minReplicas',
    'scaleTargetRef has kind, name and an apiVersion with a group; an update that keeps the kind keeps the apiVersion',
    'minReplicas 0 needs an Object or External metric',
    'metrics.type is one of ContainerResource, External, Object, Pods, Resource',
    'the block named by metrics.type is set, and no other',
    'a metric has a name, and a target of type Utilization, Value or AverageValue with an amount above 0',
    'describedObject has kind, name and a readable apiVersion; an update keeps one that an older release accepted',
    'selectPolicy is one of Disabled, Max, Min',
    'behavior has at least one policy, of type Percent or Pods, with a value above 0',
    'periodSeconds is 1 to 1800, stabilizationWindowSeconds 0 to 3600',
    'tolerance is not negative',
    'status: numbers are not negative',
  ],
  validateCreate: (scaler: HorizontalPodAutoscaler) => check(scaler, undefined),
  validateUpdate(scaler: HorizontalPodAutoscaler, old: HorizontalPodAutoscaler, { subresource }) {
    return subresource === 'status' ? statusErrors(scaler) : check(scaler, old);
  },
};

function check({ spec }: HorizontalPodAutoscaler, old: HorizontalPodAutoscaler | undefined) {
  const at = new FieldCursor('spec');
  const { minReplicas, maxReplicas = 0, scaleTargetRef, metrics, behavior } = spec;
  at.declared(() => {
    at.notNegative('minReplicas', minReplicas);
    if (maxReplicas === 0) at.required('maxReplicas');
    else if (maxReplicas < 1) at.invalid('maxReplicas', maxReplicas, 'must be greater than or equal to 1');
  });
  if (minReplicas !== undefined && maxReplicas < minReplicas) {
    at.invalid('maxReplicas', maxReplicas, 'must be greater than or equal to `minReplicas`');
  }
  const lenient = leniencyFor(scaleTargetRef, old?.spec.scaleTargetRef);
  at.within('scaleTargetRef', () => checkReferencedObject(at, scaleTargetRef, lenient));
  checkMetrics(at, metrics ?? [], { minReplicas, anyApiVersion: hasBadReference(old?.spec) });
  at.within('behavior', () => {
    for (const side of ['scaleUp', 'scaleDown'] as const) {
      const rules = behavior?.[side];
      if (rules !== undefined) at.within(side, () => checkScaling(at, rules));
    }
  });
  return at.all();
}

function leniencyFor(
  { kind, apiVersion }: CrossVersionObjectReference,
  old: CrossVersionObjectReference | undefined,
): { anyApiVersion: boolean; mayBeCore: boolean } {
  return {
    anyApiVersion: old !== undefined && old.apiVersion === apiVersion && old.kind === kind,
    // The only kind of the core group that scales.
    mayBeCore: kind === 'ReplicationController',
  };
}

function hasBadReference(spec: HorizontalPodAutoscalerSpec | undefined): boolean {
  return (spec?.metrics ?? []).some(({ type, object }) => {
    if (type !== 'Object' || object === undefined) return false;
    return apiVersionProblem(object.describedObject.apiVersion ?? '', true) !== undefined;
  });
}

function checkScaling(at: FieldCursor, rules: HPAScalingRules): void {
  const { stabilizationWindowSeconds: window = 0, selectPolicy, policies, tolerance } = rules;
  if (window < 0) at.invalid('stabilizationWindowSeconds', window, 'must be greater than or equal to zero');
  if (window > MAX_STABILIZATION) {
    at.invalid('stabilizationWindowSeconds', window, `must be less than or equal to ${MAX_STABILIZATION}`);
  }
  at.optionalChoice('selectPolicy', selectPolicy, selectPolicies);
  if ((policies ?? []).length === 0) at.required('policies', 'must specify at least one Policy');
  at.each('policies', policies, (policy) => checkPolicy(at, policy));
  const tolerated = Quantity.parse(tolerance ?? 0);
  if (tolerated.sign() < 0) at.invalid('tolerance', tolerated.toString(), 'must be greater than or equal to 0');
}

function checkPolicy(at: FieldCursor, { type, value, periodSeconds }: HPAScalingPolicy): void {
  at.optionalChoice('type', type ?? '', policyTypes);
  at.positive('value', value ?? 0);
  at.positive('periodSeconds', periodSeconds ?? 0);
  if (periodSeconds > MAX_PERIOD) {
    at.invalid('periodSeconds', periodSeconds, `must be less than or equal to ${MAX_PERIOD}`);
  }
}

function statusErrors({ status }: HorizontalPodAutoscaler) {
  const at = new FieldCursor('status');
  at.each('conditions', status?.conditions, ({ observedGeneration }) => {
    at.notNegative('observedGeneration', observedGeneration);
  });
  at.notNegative('currentReplicas', status?.currentReplicas);
  at.notNegative('desiredReplicas', status?.desiredReplicas);
  return at.all();
}
