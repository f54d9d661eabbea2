import { aggregateMessages, appendAll, type KubeObject, ownValue, setOwn } from '#apimachinery';
import type { Lister } from '../../storage/lister.js';
import type { AdmissionPlugin, AdmissionRequest, AdmissionTarget } from '../admission-request.js';
import { maxProblem, maxRequestProblem, minProblem, ratioProblem } from '../limit-constraints.js';
import { podResourceTotals, type ResourceList } from '../pod-resource-totals.js';
import { rejection } from '../rejection.js';

const ANNOTATION = 'kubernetes.io/limit-ranger';

interface LimitItem {
  type: string;
  max?: ResourceList;
  min?: ResourceList;
  default?: ResourceList;
  defaultRequest?: ResourceList;
  maxLimitRequestRatio?: ResourceList;
}

/** A namespace's LimitRanges: defaults for containers that say nothing, bounds for those that do. */
export class LimitRanger implements AdmissionPlugin {
  readonly name = 'LimitRanger';

  constructor(private readonly lister: Lister) {}

  handles({ operation, resource, subresource }: AdmissionTarget): boolean {
    if (resource.group !== '') return false;
    if (resource.resource === 'pods') {
      return subresource === '' ? operation === 'CREATE' : subresource === 'resize' && operation === 'UPDATE';
    }
    if (resource.resource !== 'persistentvolumeclaims' || subresource !== '') return false;
    return operation === 'CREATE' || operation === 'UPDATE';
  }

  admit(request: AdmissionRequest): void {
    if (request.resource.resource !== 'pods' || request.oldObject?.metadata.deletionTimestamp) return;
    for (const limits of this.limitsOf(request)) applyDefaults(request.object!, limits);
  }

  validate(request: AdmissionRequest): void {
    if (request.oldObject?.metadata.deletionTimestamp) return;
    const check = request.resource.resource === 'pods' ? podProblems : claimProblems;
    for (const limits of this.limitsOf(request)) {
      const problems = check(request.object!, limits);
      if (problems.length > 0) throw rejection(request, aggregateMessages(problems));
    }
  }

  private limitsOf({ namespace }: AdmissionRequest): LimitItem[][] {
    return this.lister.list('limitranges', namespace).map((range) => range['spec']?.limits ?? []);
  }
}

function applyDefaults(pod: KubeObject, limits: readonly LimitItem[]): void {
  const containers = limits.filter(({ type }) => type === 'Container');
  const requests = merged(containers.map((item) => item.defaultRequest));
  const maxima = merged(containers.map((item) => item.default));
  const notes: string[] = [];
  for (const [what, list] of [
    ['container', pod['spec'].containers],
    ['init container', pod['spec'].initContainers],
  ] as const) {
    for (const container of list ?? []) {
      const resources = (container.resources ??= {});
      const setLimits = fillIn(resources, 'limits', maxima);
      const setRequests = fillIn(resources, 'requests', requests);
      if (setRequests.length > 0) notes.push(`${setRequests.join(', ')} request for ${what} ${container.name}`);
      if (setLimits.length > 0) notes.push(`${setLimits.join(', ')} limit for ${what} ${container.name}`);
    }
  }
  if (notes.length > 0) (pod.metadata.annotations ??= {})[ANNOTATION] = `LimitRanger plugin set: ${notes.join('; ')}`;
}

/** Of a name in several lists the last counts. */
function merged(lists: readonly (ResourceList | undefined)[]): ResourceList {
  return Object.fromEntries(lists.flatMap((list) => Object.entries(list ?? {})));
}

/** Sorted names of what was missing. */
function fillIn(
  resources: Record<string, ResourceList>,
  field: 'limits' | 'requests',
  defaults: ResourceList,
): string[] {
  const missing = Object.keys(defaults).filter((name) => ownValue(resources[field], name) === undefined);
  for (const name of missing) setOwn((resources[field] ??= {}), name, ownValue(defaults, name)!);
  return missing.sort();
}

function podProblems(pod: KubeObject, limits: readonly LimitItem[]): string[] {
  const problems: string[] = [];
  for (const item of limits) {
    const subjects: { requests: ResourceList; limits: ResourceList }[] = [];
    if (item.type === 'Container') {
      for (const container of [...(pod['spec'].containers ?? []), ...(pod['spec'].initContainers ?? [])]) {
        subjects.push({ requests: container.resources?.requests ?? {}, limits: container.resources?.limits ?? {} });
      }
    } else if (item.type === 'Pod') {
      subjects.push({ requests: podResourceTotals(pod, 'requests'), limits: podResourceTotals(pod, 'limits') });
    }
    for (const { requests, limits: set } of subjects) {
      for (const [name, bound] of entries(item.min))
        appendAll(problems, minProblem(item.type, name, bound, requests, set));
      for (const [name, bound] of entries(item.max))
        appendAll(problems, maxProblem(item.type, name, bound, requests, set));
      for (const [name, bound] of entries(item.maxLimitRequestRatio)) {
        appendAll(problems, ratioProblem(item.type, name, bound, requests, set));
      }
    }
  }
  return problems;
}

function claimProblems(claim: KubeObject, limits: readonly LimitItem[]): string[] {
  const requests: ResourceList = claim['spec']?.resources?.requests ?? {};
  const problems: string[] = [];
  for (const item of limits.filter(({ type }) => type === 'PersistentVolumeClaim')) {
    for (const [name, bound] of entries(item.min))
      appendAll(problems, minProblem(item.type, name, bound, requests, {}));
    for (const [name, bound] of entries(item.max))
      appendAll(problems, maxRequestProblem(item.type, name, bound, requests));
  }
  return problems;
}

function entries(list: ResourceList | undefined): [string, string][] {
  return Object.entries(list ?? {});
}
