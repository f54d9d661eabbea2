import { ownValue, quote, semanticEqual } from '#apimachinery';
import type {
  Container,
  NodeAffinity,
  NodeSelectorTerm,
  Pod,
  PodSchedulingGate,
  PodSpec,
  Toleration,
} from '../../../generated/types.js';
import type { FieldCursor } from '../../../validation/field-cursor.js';
import { unifiedDiff } from '../../../validation/unified-diff.js';
import { appArmorContainer } from './pod-annotations.validation.js';
import { checkImageSpaces } from './pod-containers.validation.js';
import { MIRROR_POD_ANNOTATION } from './pod-references.js';

/** What of a pod may change once it is there. */

const maxInt32 = 2 ** 31 - 1;

const updatable = [
  '`spec.containers[*].image`',
  '`spec.initContainers[*].image`',
  '`spec.activeDeadlineSeconds`',
  '`spec.tolerations` (only additions to existing tolerations)',
  '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
].join(',');

/** With the cursor in the annotations. */
export function checkAnnotationChanges(at: FieldCursor, pod: Pod, old: Pod): void {
  const after = pod.metadata.annotations ?? {};
  const before = old.metadata.annotations ?? {};
  for (const key in before) {
    if (ownValue(after, key) !== before[key]) refuseAnnotation(at, key, 'remove or update');
  }
  for (const key in after) {
    if (ownValue(before, key) === undefined) refuseAnnotation(at, key, 'add');
  }
}

function refuseAnnotation(at: FieldCursor, key: string, what: string): void {
  at.enterKey(key);
  if (key.startsWith(appArmorContainer)) at.forbidden('', `may not ${what} AppArmor annotations`);
  if (key === MIRROR_POD_ANNOTATION) at.forbidden('', `may not ${what} mirror pod annotation`);
  at.leave();
}

/** With the cursor in the spec. */
export function checkSpecChanges(at: FieldCursor, spec: PodSpec, old: PodSpec): void {
  if (!checkImages(at, 'containers', spec.containers, old.containers)) return;
  if (!checkImages(at, 'initContainers', spec.initContainers ?? [], old.initContainers ?? [])) return;
  if (!checkDeadline(at, spec.activeDeadlineSeconds, old.activeDeadlineSeconds)) return;
  checkOnlyAdded(at, spec.tolerations ?? [], old.tolerations ?? []);
  checkOnlyRemoved(at, spec.schedulingGates ?? [], old.schedulingGates ?? []);
  if (semanticEqual(spec, old)) return;
  const rest = withoutUpdatable(spec, old);
  if ((old.schedulingGates?.length ?? 0) > 0) checkGatedChanges(at, rest, old);
  if (semanticEqual(rest, old)) return;
  const text = `pod updates may not change fields other than ${updatable}\n${unifiedDiff(old, rest)}`;
  at.forbidden('', text);
}

/** False when the lists have different lengths, which ends the comparison. */
function checkImages(
  at: FieldCursor,
  list: string,
  containers: readonly Container[],
  old: readonly Container[],
): boolean {
  if (containers.length !== old.length) {
    at.forbidden(list, 'pod updates may not add or remove containers');
    return false;
  }
  at.enter(list);
  containers.forEach((container, i) => {
    at.enter(i);
    if (!container.image) at.required('image');
    checkImageSpaces(at, container);
    at.leave();
  });
  at.leave();
  return true;
}

function checkDeadline(at: FieldCursor, seconds: number | undefined, old: number | undefined): boolean {
  const errors = at.errors.length;
  if (seconds === undefined) {
    if (old !== undefined) {
      at.invalid('activeDeadlineSeconds', null, 'must not update from a positive integer to nil value');
    }
    return true;
  }
  at.range('activeDeadlineSeconds', seconds, 0, maxInt32);
  if (at.errors.length === errors && old !== undefined && old < seconds) {
    at.invalid('activeDeadlineSeconds', seconds, 'must be less than or equal to previous value');
  }
  return at.errors.length === errors;
}

function checkOnlyAdded(at: FieldCursor, tolerations: readonly Toleration[], old: readonly Toleration[]): void {
  if (semanticEqual(tolerations, old)) return;
  const kept = new Set(tolerations.map(tolerationIdentity));
  if (old.every((toleration) => kept.has(tolerationIdentity(toleration)))) return;
  at.forbidden('tolerations', 'existing toleration can not be modified except its tolerationSeconds');
}

/** What of a toleration may not change; '' is the same as absent. */
function tolerationIdentity({ key, operator, value, effect }: Toleration): string {
  return JSON.stringify([key ?? '', operator ?? '', value ?? '', effect ?? '']);
}

function checkOnlyRemoved(
  at: FieldCursor,
  gates: readonly PodSchedulingGate[],
  old: readonly PodSchedulingGate[],
): void {
  const known = new Set(old.map(({ name }) => name));
  gates.forEach(({ name }, i) => {
    if (known.has(name)) return;
    const detail = `only deletion is allowed, but found new scheduling gate '${name}'`;
    at.forbidden(`schedulingGates[${i}].name`, detail);
  });
}

/** The new spec with everything that may change as it was. */
function withoutUpdatable(spec: PodSpec, old: PodSpec): PodSpec {
  const rest: PodSpec = { ...spec, containers: withImages(spec.containers, old.containers) };
  if (spec.initContainers !== undefined) {
    rest.initContainers = withImages(spec.initContainers, old.initContainers ?? []);
  }
  keep(rest, old, 'activeDeadlineSeconds');
  keep(rest, old, 'schedulingGates');
  keep(rest, old, 'tolerations');
  const period = old.terminationGracePeriodSeconds;
  if (period !== undefined && period < 0 && spec.terminationGracePeriodSeconds === 1) {
    rest.terminationGracePeriodSeconds = period;
  }
  return rest;
}

function withImages(containers: readonly Container[], old: readonly Container[]): Container[] {
  return containers.map((container, i) => {
    const result = { ...container };
    keep(result, old[i]!, 'image');
    return result;
  });
}

function keep<T extends object>(object: T, old: T, key: keyof T): void {
  if (old[key] === undefined) delete object[key];
  else object[key] = old[key];
}

/** A pod that is not scheduled yet may become pickier about its node. What was checked is taken over from the old spec. */
function checkGatedChanges(at: FieldCursor, rest: PodSpec, old: PodSpec): void {
  const { nodeSelector } = rest;
  for (const [key, value] of Object.entries(old.nodeSelector ?? {})) {
    if (ownValue(nodeSelector, key) === value) continue;
    const detail = 'only additions to spec.nodeSelector are allowed (no mutations or deletions)';
    at.invalid('nodeSelector', nodeSelector ?? null, detail);
    break;
  }
  keep(rest, old, 'nodeSelector');
  const before = old.affinity?.nodeAffinity;
  const after = rest.affinity?.nodeAffinity;
  if (semanticEqual(after, before)) return;
  checkNodeAffinityChange(at, after, before);
  const { nodeAffinity: _, ...others } = rest.affinity ?? {};
  if (before !== undefined) rest.affinity = { ...others, nodeAffinity: before };
  else if (old.affinity === undefined && Object.keys(others).length === 0) delete rest.affinity;
  else rest.affinity = others;
}

function checkNodeAffinityChange(
  at: FieldCursor,
  after: NodeAffinity | undefined,
  before: NodeAffinity | undefined,
): void {
  const required = 'requiredDuringSchedulingIgnoredDuringExecution';
  const old = before?.[required]?.nodeSelectorTerms ?? [];
  const terms = after?.[required]?.nodeSelectorTerms ?? [];
  const path = `affinity.nodeAffinity.${required}.nodeSelectorTerms`;
  if (old.length === 0) return;
  if (old.length !== terms.length) {
    const detail = 'no additions/deletions to non-empty NodeSelectorTerms list are allowed';
    at.invalid(path, after?.[required] === undefined ? null : terms.map(shownTerm), detail);
    return;
  }
  old.forEach((term, i) => {
    if (onlyAdds(terms[i]!, term)) return;
    at.invalid(`${path}[${i}]`, shownTerm(terms[i]!), 'only additions are allowed (no mutations or deletions)');
  });
}

function shownTerm({ matchExpressions, matchFields }: NodeSelectorTerm): Map<string, unknown> {
  const shown = (list: NodeSelectorTerm['matchFields']): unknown =>
    list?.map(
      ({ key, operator, values = null }) =>
        new Map<string, unknown>([
          ['Key', key],
          ['Operator', operator],
          ['Values', values],
        ]),
    ) ?? null;
  return new Map([
    ['MatchExpressions', shown(matchExpressions)],
    ['MatchFields', shown(matchFields)],
  ]);
}

/** A term that matched nothing must not begin to match. */
function onlyAdds(term: NodeSelectorTerm, old: NodeSelectorTerm): boolean {
  const { matchExpressions: expressions = [], matchFields: fields = [] } = old;
  const { matchExpressions: newExpressions = [], matchFields: newFields = [] } = term;
  if (expressions.length + fields.length === 0) return newExpressions.length + newFields.length === 0;
  return (
    semanticEqual(newExpressions.slice(0, expressions.length), expressions) &&
    semanticEqual(newFields.slice(0, fields.length), fields)
  );
}

/** Ephemeral containers come, and never go or change. With the cursor in the spec. */
export function checkEphemeralChanges(at: FieldCursor, spec: PodSpec, old: PodSpec): void {
  const current = new Map(spec.ephemeralContainers?.map((container) => [container.name, container]));
  for (const container of old.ephemeralContainers ?? []) {
    const now = current.get(container.name);
    const what = `existing ephemeral containers ${quote(container.name)}`;
    if (now === undefined) at.forbidden('ephemeralContainers', `${what} may not be removed\n`);
    else if (!semanticEqual(now, container)) {
      at.forbidden('ephemeralContainers', `${what} may not be changed\n${unifiedDiff(container, now)}`);
    }
  }
}
