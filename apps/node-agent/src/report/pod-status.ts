import { formatTime } from '#apimachinery';
import type { ContainerStatus, PodCondition, PodStatus } from '#kinds';
import { isInitialized, phaseOf } from '../plan/phase.js';
import { resizeInProgress } from '../plan/resize.js';
import { isSidecar, type Pod } from '../pod/pod.js';
import { containerStatus, NO_TIME, type ReportInput } from './container-status.js';

export interface PodReportInput extends ReportInput {
  hostIPs: string[];
}

/** Conditions that only the agent writes. */
export const OWNED = [
  'PodReadyToStartContainers',
  'Initialized',
  'Ready',
  'ContainersReady',
  'PodScheduled',
  'PodResizePending',
  'PodResizeInProgress',
];

/** The pod with the status that was worked out last, and with conditions of others as the API server has them. */
export function withReported(pod: Pod, reported: PodStatus | undefined): Pod {
  if (!reported) return pod;
  const own = new Set(OWNED);
  const conditions: PodCondition[] = [
    ...(reported.conditions ?? []).filter((condition) => own.has(condition.type)),
    ...(pod.status.conditions ?? []).filter((condition) => !own.has(condition.type)),
  ];
  return { ...pod, status: { ...pod.status, ...reported, conditions } };
}

/** Pure: the whole status of a pod as it should stand at the API server. */
export function podStatus(input: PodReportInput): PodStatus {
  const { pod, observed, memory, hostIPs, now } = input;
  const old = pod.status ?? {};
  if (memory.admitted === false) return refusedStatus(input);
  const phase = phaseOf(pod, observed, memory);
  const status: PodStatus = {
    ...old,
    observedGeneration: pod.metadata.generation,
    phase,
    startTime: old.startTime ?? formatTime(new Date(now)),
    hostIP: hostIPs[0],
    hostIPs: hostIPs.map((ip) => ({ ip })),
  };
  if (memory.failed && phase === 'Failed') {
    status.reason = memory.failed.reason;
    status.message = memory.failed.message;
  }
  const ips = addresses(input);
  if (ips.length > 0) {
    status.podIP = ips[0];
    status.podIPs = ips.map((ip) => ({ ip }));
  }
  status.initContainerStatuses = pod.spec.initContainers?.map((container) => containerStatus(input, container, 'init'));
  const main = pod.spec.containers.map((container) => containerStatus(input, container, 'container'));
  status.containerStatuses = main;
  status.ephemeralContainerStatuses = pod.spec.ephemeralContainers?.map((container) =>
    containerStatus(input, container, 'ephemeral'),
  );
  // Containers that wait for init to finish are created once it has.
  if (pod.spec.initContainers?.length && isInitialized(pod, observed)) {
    for (const entry of main) {
      if (entry.state.waiting?.reason === 'PodInitializing') entry.state.waiting.reason = 'ContainerCreating';
    }
  }
  status.conditions = conditions(input, status);
  return status;
}

/** Of a pod that never began: there is nothing to say of its containers. */
function refusedStatus({ pod, memory, now }: PodReportInput): PodStatus {
  const { reason, message } = memory.failed!;
  const startTime = pod.status?.startTime ?? formatTime(new Date(now));
  return { ...pod.status, observedGeneration: pod.metadata.generation, phase: 'Failed', reason, message, startTime };
}

function addresses({ pod, observed, hostIPs }: PodReportInput): string[] {
  const sandbox = observed.sandboxes.find((candidate) => candidate.ready);
  if (!sandbox) return (pod.status?.podIPs ?? []).map(({ ip }) => ip);
  return pod.spec.hostNetwork ? hostIPs : sandbox.ips;
}

function conditions(input: PodReportInput, status: PodStatus): PodCondition[] {
  const { pod, now } = input;
  const old = pod.status?.conditions ?? [];
  const containersReady = containersReadyCondition(input, status);
  const fresh: PodCondition[] = [
    readyToStart(input),
    initialized(input, status),
    readyCondition(pod, containersReady),
    containersReady,
    { type: 'PodScheduled', status: 'True' },
    ...resizeConditions(input),
    ...disruptionCondition(input),
  ];
  const time = formatTime(new Date(now));
  const own = fresh.map((condition) => {
    const before = old.find((candidate) => candidate.type === condition.type);
    const unchanged = before?.status === condition.status && before.lastTransitionTime;
    return {
      ...condition,
      lastProbeTime: NO_TIME,
      lastTransitionTime: unchanged ? before.lastTransitionTime : time,
      ...(pod.metadata.generation !== undefined ? { observedGeneration: pod.metadata.generation } : {}),
    };
  });
  const types = new Set([...OWNED, ...own.map(({ type }) => type)]);
  return [...own, ...old.filter(({ type }) => !types.has(type))];
}

/** There are none unless a resize waits or is under way. */
function resizeConditions({ pod, observed, memory }: PodReportInput): PodCondition[] {
  const conditions: PodCondition[] = [];
  if (memory.resizePending) conditions.push({ type: 'PodResizePending', status: 'True', ...memory.resizePending });
  if (resizeInProgress(pod, observed, memory)) {
    const { reason, message } = memory.resizeFailure ?? {};
    conditions.push({ type: 'PodResizeInProgress', status: 'True', ...(reason ? { reason, message } : {}) });
  }
  return conditions;
}

/** Others write this condition, too: the agent only adds it. */
function disruptionCondition({ memory }: PodReportInput): PodCondition[] {
  const message = memory.failed?.disruption;
  return message ? [{ type: 'DisruptionTarget', status: 'True', reason: 'TerminationByKubelet', message }] : [];
}

function readyToStart({ observed, pod }: PodReportInput): PodCondition {
  const ready = observed.sandboxes.some((sandbox) => sandbox.ready && (pod.spec.hostNetwork || sandbox.ips.length > 0));
  return { type: 'PodReadyToStartContainers', status: ready ? 'True' : 'False' };
}

function initialized({ pod, observed }: PodReportInput, status: PodStatus): PodCondition {
  const type = 'Initialized';
  if (status.phase === 'Succeeded') return { type, status: 'True', reason: 'PodCompleted' };
  if (isInitialized(pod, observed)) return { type, status: 'True' };
  const incomplete = (pod.spec.initContainers ?? [])
    .filter((container, index) => {
      const entry = status.initContainerStatuses?.[index];
      if (isSidecar(container, 'init')) return entry?.started !== true;
      return entry?.state?.terminated?.exitCode !== 0;
    })
    .map((container) => container.name);
  return {
    type,
    status: 'False',
    reason: 'ContainersNotInitialized',
    message: `containers with incomplete status: [${incomplete.join(' ')}]`,
  };
}

function containersReadyCondition({ pod }: PodReportInput, status: PodStatus): PodCondition {
  const type = 'ContainersReady';
  if (status.phase === 'Succeeded') return { type, status: 'False', reason: 'PodCompleted' };
  if (status.phase === 'Failed') return { type, status: 'False', reason: 'PodFailed' };
  const unready = (entries: ContainerStatus[] | undefined): string[] =>
    (entries ?? []).filter((entry) => !entry.ready).map((entry) => entry.name);
  const sidecars = (status.initContainerStatuses ?? []).filter((_, index) =>
    isSidecar(pod.spec.initContainers![index]!, 'init'),
  );
  const names = [...unready(sidecars), ...unready(status.containerStatuses)];
  if (names.length === 0) return { type, status: 'True' };
  return {
    type,
    status: 'False',
    reason: 'ContainersNotReady',
    message: `containers with unready status: [${names.join(' ')}]`,
  };
}

function readyCondition(pod: Pod, containersReady: PodCondition): PodCondition {
  const type = 'Ready';
  if (containersReady.status !== 'True') return { ...containersReady, type };
  const problems: string[] = [];
  for (const { conditionType } of pod.spec.readinessGates ?? []) {
    const gate = pod.status?.conditions?.find((condition) => condition.type === conditionType);
    if (!gate) problems.push(`corresponding condition of pod readiness gate "${conditionType}" does not exist.`);
    else if (gate.status !== 'True') {
      problems.push(`the status of pod readiness gate "${conditionType}" is not "True", but ${gate.status}`);
    }
  }
  if (problems.length === 0) return { type, status: 'True' };
  return { type, status: 'False', reason: 'ReadinessGatesNotReady', message: problems.join(', ') };
}
