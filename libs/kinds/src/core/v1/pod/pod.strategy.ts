import { ownValue } from '#apimachinery';
import type { KindStrategy } from '../../../contract/kind-module.js';
import type { LabelSelector, Pod, PodAffinityTerm, PodCondition, PodSpec } from '../../../generated/types.js';
import { keepField, keepMetadata } from '../../../strategy/metadata.js';
import { fillPodLevelResources } from './pod-level-resources.js';
import { podQosClass } from './pod-qos.js';

export const podStrategy: KindStrategy = {
  prepareForCreate(pod: Pod) {
    pod.metadata.generation = 1;
    pod.status = { phase: 'Pending' };
    if ((pod.spec.schedulingGates?.length ?? 0) > 0) pod.status.conditions = [schedulingGated];
    spreadLabelKeys(pod);
    fillPodLevelResources(pod.spec);
    pod.status.qosClass = podQosClass(pod.spec);
  },

  prepareForUpdate(pod: Pod, old: Pod, context) {
    if (context.subresource === 'status') {
      keepField(pod.metadata, old.metadata, 'ownerReferences');
      keepUnsetStatus(pod, old);
    } else if (pod.spec.resources === undefined && old.spec.resources !== undefined) {
      pod.spec.resources = old.spec.resources;
    }
  },

  subresources: {
    ephemeralcontainers(pod: Pod, old: Pod) {
      const { ephemeralContainers } = pod.spec;
      keepMetadata(pod, old);
      keepField(pod, old, 'status');
      pod.spec = { ...old.spec, ephemeralContainers };
      if (ephemeralContainers === undefined) delete pod.spec.ephemeralContainers;
    },
    resize(pod: Pod, old: Pod) {
      if (sameContainers(pod.spec, old.spec)) {
        const { resources } = pod.spec;
        const containers = resized(pod.spec.containers, old.spec.containers);
        const initContainers = resized(pod.spec.initContainers, old.spec.initContainers);
        pod.spec = { ...old.spec, containers, resources: resources ?? old.spec.resources };
        if (initContainers.length > 0) pod.spec.initContainers = initContainers;
        if (pod.spec.resources === undefined) delete pod.spec.resources;
        else fillPodLevelResources(pod.spec);
      }
      keepMetadata(pod, old);
      keepField(pod, old, 'status');
    },
  },

  gracePeriodSeconds(pod: Pod, requested?: number): number {
    if (!pod.spec.nodeName || pod.status?.phase === 'Failed' || pod.status?.phase === 'Succeeded') return 0;
    const period = requested ?? pod.spec.terminationGracePeriodSeconds ?? 0;
    return period < 0 ? 1 : period;
  },
};

const schedulingGated = {
  type: 'PodScheduled',
  status: 'False',
  lastProbeTime: null,
  lastTransitionTime: null,
  reason: 'SchedulingGated',
  message: 'Scheduling is blocked due to non-empty scheduling gates',
} as unknown as PodCondition;

/** Old kubelets leave out what they do not know; what is unset keeps its stored value. */
function keepUnsetStatus(pod: Pod, old: Pod): void {
  const before = old.status ?? {};
  pod.status ??= {};
  const status = pod.status;
  for (const name of [
    'qosClass',
    'resourceClaimStatuses',
    'extendedResourceClaimStatus',
    'observedGeneration',
  ] as const) {
    if (status[name] === undefined && before[name] !== undefined) Object.assign(status, { [name]: before[name] });
  }
  const generations = new Map<string, (number | undefined)[]>();
  for (const condition of before.conditions ?? []) {
    const known = generations.get(condition.type);
    if (known === undefined) generations.set(condition.type, [condition.observedGeneration]);
    else known.push(condition.observedGeneration);
  }
  for (const condition of status.conditions ?? []) {
    const stored = generations.get(condition.type)?.shift();
    if (stored !== undefined) condition.observedGeneration ??= stored;
  }
}

/** `matchLabelKeys` and `mismatchLabelKeys` become requirements on the pod's own label values. */
function spreadLabelKeys(pod: Pod): void {
  const labels = pod.metadata.labels ?? {};
  const { affinity, topologySpreadConstraints } = pod.spec;
  for (const side of [affinity?.podAffinity, affinity?.podAntiAffinity]) {
    const terms: PodAffinityTerm[] = [
      ...(side?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((weighted) => weighted.podAffinityTerm),
      ...(side?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ];
    for (const term of terms) {
      addRequirements(term.labelSelector, term.matchLabelKeys, 'In', labels);
      addRequirements(term.labelSelector, term.mismatchLabelKeys, 'NotIn', labels);
    }
  }
  for (const constraint of topologySpreadConstraints ?? []) {
    addRequirements(constraint.labelSelector, constraint.matchLabelKeys, 'In', labels);
  }
}

function addRequirements(
  selector: LabelSelector | undefined,
  keys: string[] | undefined,
  operator: 'In' | 'NotIn',
  labels: Record<string, string>,
): void {
  if (selector === undefined) return;
  for (const key of keys ?? []) {
    const value = ownValue(labels, key);
    if (value === undefined) continue;
    selector.matchExpressions ??= [];
    selector.matchExpressions.push({ key, operator, values: [value] });
  }
}

/** Containers added, removed, renamed or moved are left for validation to refuse. */
function sameContainers(spec: PodSpec, old: PodSpec): boolean {
  const names = (item: PodSpec) =>
    JSON.stringify([item.containers, item.initContainers ?? []].map((list) => (list ?? []).map(({ name }) => name)));
  return names(spec) === names(old);
}

function resized(containers: PodSpec['containers'] | undefined, old: PodSpec['containers'] | undefined) {
  return (old ?? []).map((container, i) => {
    const result = { ...container };
    keepField(result, containers?.[i], 'resources');
    keepField(result, containers?.[i], 'resizePolicy');
    return result;
  });
}
