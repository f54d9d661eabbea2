import { domainPrefixedPathProblems, field, isQualifiedName, quote } from '#apimachinery';
import { checkPodTemplate } from '../../../core/v1/pod/pod-template.validation.js';
import type { Leniency } from '../../../core/v1/pod/pod-validation-context.js';
import type {
  JobSpec,
  PodFailurePolicyOnExitCodesRequirement,
  PodFailurePolicyOnPodConditionsPattern,
  PodFailurePolicyRule,
  SuccessPolicyRule,
} from '../../../generated/types.js';
import type { FieldCursor } from '../../../validation/field-cursor.js';
import { countIndexes } from './job-indexes.js';

/** Specs of Jobs, and of the template of a CronJob. */

const maxIndexedParallelism = 100_000;
const maxFailedIndexes = 100_000;
/** Above so many completions, per-index back-off has lower limits. */
const manyCompletions = 100_000;
const limitForMany = 10_000;
const maxRules = 20;
const maxExitCodes = 255;
const maxManagedBy = 63;
const maxIndexesText = 64 * 1024;

const actions = ['Count', 'FailIndex', 'FailJob', 'Ignore'];
const operators = ['In', 'NotIn'];
const conditionStatuses = ['False', 'True', 'Unknown'];

export function isIndexed({ completionMode }: JobSpec): boolean {
  return completionMode === 'Indexed';
}

/** With the cursor in the spec. */
export function checkJobSpec(at: FieldCursor, spec: JobSpec, lenient: Leniency): void {
  at.notNegative('parallelism', spec.parallelism);
  at.notNegative('completions', spec.completions);
  at.notNegative('activeDeadlineSeconds', spec.activeDeadlineSeconds);
  at.notNegative('backoffLimit', spec.backoffLimit);
  at.notNegative('ttlSecondsAfterFinished', spec.ttlSecondsAfterFinished);
  at.notNegative('backoffLimitPerIndex', spec.backoffLimitPerIndex);
  if (spec.maxFailedIndexes !== undefined) {
    at.notNegative('maxFailedIndexes', spec.maxFailedIndexes);
    if (spec.backoffLimitPerIndex === undefined) {
      at.required('backoffLimitPerIndex', 'when maxFailedIndexes is specified');
    }
  }
  if (spec.managedBy !== undefined) checkManager(at, spec.managedBy);
  checkCompletionMode(at, spec);
  if (spec.podFailurePolicy !== undefined) checkFailurePolicy(at, spec, spec.podFailurePolicy.rules ?? []);
  if (spec.successPolicy !== undefined) {
    if (isIndexed(spec)) checkSuccessPolicy(at, spec, spec.successPolicy.rules ?? []);
    else at.invalid('successPolicy', shownSuccessPolicy(spec), 'requires indexed completion mode');
  }
  const replacement = spec.podReplacementPolicy;
  const replacements = spec.podFailurePolicy === undefined ? ['Failed', 'TerminatingOrFailed'] : ['Failed'];
  at.optionalChoice('podReplacementPolicy', replacement, replacements);
  checkPodTemplate(at, 'template', spec.template ?? {}, lenient);
  checkRestartPolicy(at, spec);
}

function checkManager(at: FieldCursor, manager: string): void {
  if (manager === '') at.required('managedBy');
  else {
    for (const { value, message } of domainPrefixedPathProblems(manager)) at.invalid('managedBy', value, message);
  }
  if (Buffer.byteLength(manager) > maxManagedBy) at.tooLong('managedBy', maxManagedBy);
}

function checkCompletionMode(at: FieldCursor, spec: JobSpec): void {
  const { completionMode: mode, completions, parallelism, maxFailedIndexes: failures, backoffLimitPerIndex } = spec;
  at.optionalChoice('completionMode', mode, ['NonIndexed', 'Indexed']);
  if (mode === undefined || mode === 'NonIndexed') {
    const detail = 'requires indexed completion mode';
    if (backoffLimitPerIndex !== undefined) at.invalid('backoffLimitPerIndex', backoffLimitPerIndex, detail);
    if (failures !== undefined) at.invalid('maxFailedIndexes', failures, detail);
  }
  if (mode !== 'Indexed') return;
  if (completions === undefined) at.required('completions', 'when completion mode is Indexed');
  atMost(
    at,
    'parallelism',
    parallelism,
    maxIndexedParallelism,
    `${maxIndexedParallelism} when completion mode is Indexed`,
  );
  if (completions !== undefined) atMost(at, 'maxFailedIndexes', failures, completions, 'completions');
  atMost(at, 'maxFailedIndexes', failures, maxFailedIndexes, `${maxFailedIndexes}`);
  if (completions === undefined || completions <= manyCompletions || backoffLimitPerIndex === undefined) return;
  if (failures === undefined) {
    at.required('maxFailedIndexes', `must be specified when completions is above ${manyCompletions}`);
  }
  const text = `${limitForMany} when completions are above ${manyCompletions} and used with backoff limit per index`;
  atMost(at, 'parallelism', parallelism, limitForMany, text);
  atMost(at, 'maxFailedIndexes', failures, limitForMany, text);
}

function atMost(at: FieldCursor, name: string, value: number | undefined, max: number, text: string): void {
  if (value !== undefined && value > max) at.invalid(name, value, `must be less than or equal to ${text}`);
}

function validValues(values: readonly string[]): string {
  return `valid values: [${values.map((value) => quote(value)).join(' ')}]`;
}

function checkFailurePolicy(at: FieldCursor, spec: JobSpec, rules: readonly PodFailurePolicyRule[]): void {
  const pod = spec.template.spec;
  const names = [...(pod?.containers ?? []), ...(pod?.initContainers ?? [])].map(({ name }) => name);
  at.enter('podFailurePolicy');
  if (rules.length > maxRules) at.tooMany('rules', rules.length, maxRules);
  at.enter('rules');
  rules.forEach((rule, i) => {
    const { action, onExitCodes, onPodConditions = [] } = rule;
    at.enter(i);
    if (!action) at.required('action', validValues(actions));
    else if (action === 'FailIndex') {
      if (spec.backoffLimitPerIndex === undefined) {
        at.invalid('action', action, 'requires the backoffLimitPerIndex to be set');
      }
    } else at.optionalChoice('action', action, actions);
    if (onExitCodes !== undefined) checkExitCodes(at, onExitCodes, names);
    if (onPodConditions.length > 0) checkConditionPatterns(at, onPodConditions);
    const both = onExitCodes !== undefined && onPodConditions.length > 0;
    if (both) at.invalid('', field.OMIT_VALUE, 'specifying both OnExitCodes and OnPodConditions is not supported');
    if (onExitCodes === undefined && onPodConditions.length === 0) {
      at.invalid('', field.OMIT_VALUE, 'specifying one of OnExitCodes and OnPodConditions is required');
    }
    at.leave();
  });
  at.leave(2);
}

function checkConditionPatterns(at: FieldCursor, patterns: readonly PodFailurePolicyOnPodConditionsPattern[]): void {
  if (patterns.length > maxRules) at.tooMany('onPodConditions', patterns.length, maxRules);
  patterns.forEach(({ type, status }, i) => {
    at.enter('onPodConditions');
    at.enter(i);
    at.format('type', type, isQualifiedName);
    if (!status) at.required('status', validValues(conditionStatuses));
    else at.optionalChoice('status', status, conditionStatuses);
    at.leave(2);
  });
}

function checkExitCodes(
  at: FieldCursor,
  { operator, containerName, values = [] }: PodFailurePolicyOnExitCodesRequirement,
  names: readonly string[],
): void {
  at.enter('onExitCodes');
  if (!operator) at.required('operator', validValues(operators));
  else at.optionalChoice('operator', operator, operators);
  if (containerName !== undefined && !names.includes(containerName)) {
    const detail = 'must be one of the container or initContainer names in the pod template';
    at.invalid('containerName', containerName, detail);
  }
  if ((values?.length ?? 0) === 0) at.invalid('values', values, 'at least one value is required');
  else if (values.length > maxExitCodes) at.tooMany('values', values.length, maxExitCodes);
  const seen = new Set<number>();
  values?.forEach((value, i) => {
    const path = `values[${i}]`;
    if (operator === 'In' && value === 0) at.invalid(path, value, 'must not be 0 for the In operator');
    if (seen.has(value)) at.duplicate(path, value);
    seen.add(value);
  });
  if (values?.some((value, i) => i > 0 && values[i - 1]! > value)) at.invalid('values', values, 'must be ordered');
  at.leave();
}

function checkSuccessPolicy(at: FieldCursor, spec: JobSpec, rules: readonly SuccessPolicyRule[]): void {
  at.enter('successPolicy');
  if (rules.length === 0)
    at.required('rules', 'at least one rules must be specified when the successPolicy is specified');
  if (rules.length > maxRules) at.tooMany('rules', rules.length, maxRules);
  at.enter('rules');
  rules.forEach((rule, i) => {
    at.enter(i);
    checkSuccessRule(at, rule, spec.completions ?? 0);
    at.leave();
  });
  at.leave(2);
}

function checkSuccessRule(
  at: FieldCursor,
  { succeededCount, succeededIndexes }: SuccessPolicyRule,
  completions: number,
): void {
  if (succeededCount === undefined && succeededIndexes === undefined) {
    at.required('', 'at least one of succeededCount or succeededIndexes must be specified');
  }
  let total = 0;
  if (succeededIndexes !== undefined) {
    if (Buffer.byteLength(succeededIndexes) > maxIndexesText) at.tooLong('succeededIndexes', maxIndexesText);
    const counted = countIndexes(succeededIndexes, completions);
    if (typeof counted === 'number') total = counted;
    else at.invalid('succeededIndexes', succeededIndexes, `error parsing succeededIndexes: ${counted}`);
  }
  if (succeededCount === undefined) return;
  at.notNegative('succeededCount', succeededCount);
  const text = `${completions} (the number of specified completions)`;
  atMost(at, 'succeededCount', succeededCount, completions, text);
  if (succeededIndexes === undefined) return;
  const indexes = `${total} (the number of indexes in the specified succeededIndexes field)`;
  atMost(at, 'succeededCount', succeededCount, total, indexes);
}

/** As upstream prints its internal type. */
function shownSuccessPolicy({ successPolicy }: JobSpec): Map<string, unknown> {
  const rules = (successPolicy?.rules ?? []).map(
    ({ succeededIndexes = null, succeededCount = null }) =>
      new Map<string, unknown>([
        ['SucceededIndexes', succeededIndexes],
        ['SucceededCount', succeededCount],
      ]),
  );
  return new Map<string, unknown>([['Rules', rules.length === 0 ? null : rules]]);
}

function checkRestartPolicy(at: FieldCursor, { template, podFailurePolicy }: JobSpec): void {
  const policy = template?.spec?.restartPolicy ?? '';
  const path = 'template.spec.restartPolicy';
  if (policy === '' || policy === 'Always') at.required(path, 'valid values: "OnFailure", "Never"');
  else if (policy !== 'OnFailure' && policy !== 'Never') at.notSupported(path, policy, ['OnFailure', 'Never']);
  else if (podFailurePolicy !== undefined && policy !== 'Never') {
    at.invalid(path, policy, 'only "Never" is supported when podFailurePolicy is specified');
  }
}
