import { type FieldError, field, isDNS1123Label, semanticEqual } from '#apimachinery';
import { checkTemplateLabels, matcherOf, shownSelector } from '../../../apps/v1/workload.validation.js';
import type { KindValidator } from '../../../contract/kind-module.js';
import { checkSelector } from '../../../core/v1/pod/pod-scheduling.validation.js';
import { withLeniency } from '../../../core/v1/pod/pod-template.validation.js';
import type { Container, Job, JobSpec, ObjectMeta, PodSpec, PodTemplateSpec } from '../../../generated/types.js';
import { FieldCursor } from '../../../validation/field-cursor.js';
import { jobRules } from './job.rules.js';
import { checkJobSpec, isIndexed } from './job-spec.validation.js';
import { jobStatusErrors } from './job-status.validation.js';

export const jobValidator: KindValidator = {
  rules: jobRules,
  validateCreate(job: Job) {
    return [...generatedSelectorErrors(job), ...specErrors(job, undefined), ...nameErrors(job)];
  },
  validateUpdate(job: Job, old: Job, { subresource }) {
    if (subresource === 'status') return jobStatusErrors(job, old);
    const at = new FieldCursor('spec');
    checkChanges(at, job.spec, old);
    return [...specErrors(job, old), ...at.errors, ...nameErrors(job)];
  },
};

/** Labels by which a Job finds its pods when the server makes the selector. */
const generatedLabels = [
  ['controller-uid', 'uid'],
  ['job-name', 'name'],
  ['batch.kubernetes.io/controller-uid', 'uid'],
  ['batch.kubernetes.io/job-name', 'name'],
] as const;

function generatedSelectorErrors({ metadata, spec }: Job): FieldError[] {
  if (spec.manualSelector === true || spec.selector === undefined) return [];
  const at = new FieldCursor('spec');
  const labels = spec.template.metadata?.labels ?? {};
  const expected: Record<string, string> = {};
  for (const [key, of] of generatedLabels) {
    const value = metadata[of] ?? '';
    expected[key] = value;
    if (labels[key] === value) continue;
    at.enter('template');
    at.enter('metadata');
    at.enter('labels');
    at.enterKey(key);
    if (labels[key] === undefined) at.required('', `must be '${value}'`);
    else at.invalid('', labels, `must be '${value}'`);
    at.leave(4);
  }
  if (matcherOf(spec.selector)?.matches(expected) === false) {
    at.invalid('selector', shownSelector(spec.selector), '`selector` not auto-generated');
  }
  return at.errors;
}

function specErrors({ spec }: Job, old: Job | undefined): FieldError[] {
  return withLeniency(old?.spec.template, (lenient) => {
    const at = new FieldCursor('spec');
    checkJobSpec(at, spec, lenient);
    if (spec.selector === undefined) at.required('selector');
    else checkSelector(at, 'selector', spec.selector, lenient.labelValuesInSelectors);
    checkTemplateLabels(at, spec.selector, spec.template, false);
    return at;
  }).errors;
}

/** An index is part of the host name of its pod. */
function nameErrors({ metadata, spec }: Job): FieldError[] {
  if (!isIndexed(spec) || (spec.completions ?? 0) <= 0) return [];
  const hostname = `${metadata.name}-${spec.completions! - 1}`;
  if (isDNS1123Label(hostname).length === 0) return [];
  const detail = `will not able to create pod with invalid DNS label: ${hostname}`;
  return [field.invalid('metadata.name', metadata.name, detail)];
}

const immutable = 'field is immutable';

function checkChanges(at: FieldCursor, spec: JobSpec, { spec: old, status }: Job): void {
  checkCompletions(at, spec, old);
  if (!semanticEqual(spec.selector, old.selector)) {
    at.invalid('selector', spec.selector === undefined ? null : shownSelector(spec.selector), immutable);
  }
  const idle = old.suspend === true && (status?.active ?? 0) === 0;
  const suspended = status?.conditions?.some(({ type, status }) => type === 'Suspended' && status === 'True') ?? false;
  checkTemplateChange(at, spec.template, old.template, {
    mutable: idle && (status?.startTime === undefined || suspended),
  });
  for (const name of [
    'completionMode',
    'podFailurePolicy',
    'backoffLimitPerIndex',
    'managedBy',
    'successPolicy',
  ] as const) {
    if (!semanticEqual(spec[name], old[name])) at.invalid(name, spec[name] ?? null, immutable);
  }
}

function checkCompletions(at: FieldCursor, spec: JobSpec, old: JobSpec): void {
  const { completions, parallelism } = spec;
  if (completions === old.completions) return;
  if (!isIndexed(spec)) at.invalid('completions', completions ?? null, immutable);
  else if (completions !== undefined && completions !== parallelism) {
    at.invalid('completions', completions, 'can only be modified in tandem with spec.parallelism');
  }
}

/** A suspended job that runs nothing may still be told where and with how much its pods are to run. */
function checkTemplateChange(
  at: FieldCursor,
  template: PodTemplateSpec,
  old: PodTemplateSpec,
  { mutable }: { mutable: boolean },
): void {
  if (!mutable) {
    if (!semanticEqual(template, old)) at.invalid('template', template, immutable);
    return;
  }
  const allowed = withNewDirectives(template, old);
  if (!semanticEqual(template.spec, allowed.spec)) at.invalid('template.spec', template.spec ?? null, immutable);
}

/** The old template with what may change taken from the new one. */
function withNewDirectives(template: PodTemplateSpec, old: PodTemplateSpec): PodTemplateSpec {
  const metadata: ObjectMeta = { ...old.metadata };
  take(metadata, template.metadata ?? {}, 'labels');
  take(metadata, template.metadata ?? {}, 'annotations');
  const spec = { ...old.spec, containers: withNewResources(template.spec?.containers, old.spec?.containers) };
  const from: Partial<PodSpec> = template.spec ?? {};
  for (const name of ['nodeSelector', 'tolerations', 'schedulingGates'] as const) take(spec, from, name);
  if (old.spec?.initContainers !== undefined) {
    spec.initContainers = withNewResources(from.initContainers, old.spec.initContainers);
  }
  const { nodeAffinity: _, ...others } = old.spec?.affinity ?? {};
  const nodeAffinity = from.affinity?.nodeAffinity;
  spec.affinity = nodeAffinity === undefined ? others : { ...others, nodeAffinity };
  return { metadata, spec };
}

function take<T extends object>(object: T, from: T | Partial<T>, key: keyof T): void {
  if (from[key] === undefined) delete object[key];
  else object[key] = from[key] as T[typeof key];
}

/** A template without containers has null in their place. */
type Containers = readonly Container[] | null | undefined;

function withNewResources(now: Containers, before: Containers): Container[] {
  const [containers, old] = [now ?? [], before ?? []];
  if (containers.length !== old.length) return [...old];
  return old.map((container, i) => {
    const next = containers[i]!;
    if (next.name !== container.name) return container;
    const result = { ...container };
    take(result, next, 'resources');
    return result;
  });
}
