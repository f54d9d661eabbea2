import { isPercent, type LabelSelector, labelSelectorMatcher, ownValue, semanticEqual } from '#apimachinery';
import { checkSelector } from '../../core/v1/pod/pod-scheduling.validation.js';
import { checkPodTemplate } from '../../core/v1/pod/pod-template.validation.js';
import type { Leniency } from '../../core/v1/pod/pod-validation-context.js';
import type { IntOrString, PodTemplateSpec } from '../../generated/types.js';
import type { FieldCursor } from '../../validation/field-cursor.js';

/** What the kinds that run pods have in common. */

/** The selector's matcher, or undefined when it cannot be read. */
export function matcherOf(selector: LabelSelector | undefined): ReturnType<typeof labelSelectorMatcher> | undefined {
  try {
    return labelSelectorMatcher(selector);
  } catch {
    return undefined;
  }
}

export function isEmptySelector(selector: LabelSelector): boolean {
  for (const _ in selector.matchLabels) return false;
  return (selector.matchExpressions?.length ?? 0) === 0;
}

/** Required, well-formed, and selecting something. `kind` is what the message calls the object. */
export function checkOwnSelector(at: FieldCursor, selector: LabelSelector | undefined, kind: string): void {
  if (selector === undefined || selector === null) {
    at.required('selector');
    return;
  }
  checkSelector(at, 'selector', selector);
  if (isEmptySelector(selector))
    at.invalid('selector', shownSelector(selector), `empty selector is invalid for ${kind}`);
}

/** A selector prints its fields in the order of the type. */
export function shownSelector({ matchLabels, matchExpressions }: LabelSelector): Map<string, unknown> {
  const shown = new Map<string, unknown>();
  if (Object.keys(matchLabels ?? {}).length > 0) shown.set('matchLabels', matchLabels);
  if ((matchExpressions?.length ?? 0) > 0) shown.set('matchExpressions', matchExpressions);
  return shown;
}

/** The labels of the template's pods are the selector's, or the object would never see its pods. */
export function checkTemplateLabels(
  at: FieldCursor,
  selector: LabelSelector | undefined,
  template: PodTemplateSpec,
  emptyMatches: boolean,
): void {
  const labels = template.metadata?.labels;
  const matcher = matcherOf(selector);
  if (matcher === undefined || (emptyMatches && selector != null && isEmptySelector(selector))) return;
  if (matcher.matches(labels ?? {})) return;
  at.invalid('template.metadata.labels', labels ?? null, '`selector` does not match template `labels`');
}

/** The template of pods that run until they are told to stop. `kind` is what the messages call the object. */
export function checkAlwaysRunning(at: FieldCursor, { spec }: PodTemplateSpec, kind: string): void {
  if (spec?.restartPolicy !== 'Always') {
    at.notSupported('template.spec.restartPolicy', spec?.restartPolicy ?? '', ['Always']);
  }
  if (spec?.activeDeadlineSeconds !== undefined) {
    at.forbidden('template.spec.activeDeadlineSeconds', `activeDeadlineSeconds in ${kind} is not Supported`);
  }
}

/** Deployments and ReplicaSets: the selector, and the template that it must match. */
export function checkReplicaTemplate(
  at: FieldCursor,
  selector: LabelSelector | undefined,
  template: PodTemplateSpec,
  lenient: Leniency,
): void {
  checkOwnSelector(at, selector, 'deployment');
  if (matcherOf(selector) === undefined) {
    at.invalid('selector', shownSelector(selector!), 'invalid label selector');
    return;
  }
  checkTemplateLabels(at, selector, template, true);
  checkPodTemplate(at, 'template', template, lenient);
  checkAlwaysRunning(at, template, 'ReplicaSet');
}

/** A number that is not negative, or a percentage. */
export function checkIntOrPercent(at: FieldCursor, name: string, value: IntOrString): void {
  if (typeof value === 'number') at.notNegative(name, value);
  else at.format(name, value, isPercent);
}

export function checkAtMost100Percent(at: FieldCursor, name: string, value: IntOrString): void {
  if (typeof value === 'string' && isGoodPercent(value) && amountOf(value) > 100) {
    at.invalid(name, value, 'must not be greater than 100%');
  }
}

function isGoodPercent(value: string): boolean {
  return isPercent(value).length === 0;
}

/** The number, or that of the percentage; zero for what is neither. */
export function amountOf(value: IntOrString): number {
  if (typeof value === 'number') return value;
  return isGoodPercent(value) ? Number(value.slice(0, -1)) : 0;
}

/** Numbers of a status that cannot be negative, in the order given. */
export function checkCounts<T extends object>(at: FieldCursor, status: T, names: readonly (keyof T & string)[]): void {
  for (const name of names) at.notNegative(name, status[name] as number | undefined);
}

/** Parts of a whole number of pods: none is more than `replicas`, and none available that is not ready. */
export function checkReplicaCounts<T extends object>(
  at: FieldCursor,
  status: T,
  names: readonly (keyof T & string)[],
  readyText: string,
): void {
  const count = (name: string): number =>
    (ownValue(status as Record<string, unknown>, name) as number | undefined) ?? 0;
  for (const name of names) {
    if (count(name) > count('replicas')) at.invalid(name, count(name), 'cannot be greater than status.replicas');
  }
  if (count('availableReplicas') > count('readyReplicas')) {
    at.invalid('availableReplicas', count('availableReplicas'), `cannot be greater than ${readyText}`);
  }
}

interface WithCollisions {
  collisionCount?: number;
}

export function checkCollisions(at: FieldCursor, status: WithCollisions, old: WithCollisions | undefined): void {
  const before = old?.collisionCount;
  if (before === undefined || (status.collisionCount ?? -1) >= before) return;
  at.invalid('collisionCount', status.collisionCount ?? 0, 'cannot be decremented');
}

/** The selector of an object decides which pods are its own: it never changes. With the cursor in the spec. */
export function checkSelectorKept(
  at: FieldCursor,
  selector: LabelSelector | undefined,
  old: LabelSelector | undefined,
): void {
  if (semanticEqual(selector, old)) return;
  at.invalid('selector', selector ? shownSelector(selector) : null, 'field is immutable');
}
