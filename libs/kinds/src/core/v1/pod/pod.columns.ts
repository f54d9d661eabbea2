import { humanDuration, parseTime } from '#apimachinery';
import { age, nameOf, none } from '../../../columns/cells.js';
import type { Cells } from '../../../contract/kind-module.js';
import type { ContainerStatus, Pod } from '../../../generated/types.js';

export const podCells: Cells = (pod: Pod, now) => {
  const summary = summarize(pod);
  const restarts =
    summary.restarts !== 0 && summary.lastRestart > 0
      ? `${summary.restarts} (${humanDuration(now.getTime() - summary.lastRestart)} ago)`
      : String(summary.restarts);
  return [
    nameOf(pod),
    `${summary.ready}/${summary.total}`,
    summary.reason,
    restarts,
    age(pod, now),
    pod.status?.podIPs?.[0]?.ip || none,
    pod.spec.nodeName || none,
    pod.status?.nominatedNodeName || none,
    readinessGates(pod),
  ];
};

/** Marks rows of finished pods, which clients may hide. */
export function podRowConditions(pod: Pod): object[] {
  const phase = pod.status?.phase;
  if (phase !== 'Succeeded' && phase !== 'Failed') return [];
  return [{ type: 'Completed', status: 'True', reason: phase, message: `The pod is finished, its phase is ${phase}.` }];
}

interface Summary {
  ready: number;
  total: number;
  reason: string;
  restarts: number;
  /** Milliseconds since the epoch; 0 for never. */
  lastRestart: number;
}

function summarize(pod: Pod): Summary {
  const status = pod.status ?? {};
  const summary: Summary = {
    ready: 0,
    total: pod.spec.containers?.length ?? 0,
    reason: status.reason || status.phase || '',
    restarts: 0,
    lastRestart: 0,
  };
  const gated = (status.conditions ?? []).some(
    ({ type, reason }) => type === 'PodScheduled' && reason === 'SchedulingGated',
  );
  if (gated) summary.reason = 'SchedulingGated';
  const sidecars = { restarts: 0, lastRestart: 0 };
  const initializing = addInitContainers(pod, summary, sidecars);
  const initialized = (status.conditions ?? []).some(
    (condition) => condition.type === 'Initialized' && condition.status === 'True',
  );
  if (!initializing || initialized) {
    Object.assign(summary, sidecars);
    addContainers(pod, summary);
  }
  if (pod.metadata.deletionTimestamp !== undefined) {
    if (status.reason === 'NodeLost') summary.reason = 'Unknown';
    else if (status.phase !== 'Succeeded' && status.phase !== 'Failed') summary.reason = 'Terminating';
  }
  return summary;
}

function countRestarts(sum: { restarts: number; lastRestart: number }, container: ContainerStatus): void {
  sum.restarts += container.restartCount;
  const finished = container.lastState?.terminated?.finishedAt;
  if (finished) sum.lastRestart = Math.max(sum.lastRestart, parseTime(finished) ?? 0);
}

/** Returns whether an init container is still to finish; it gives the reason then. */
function addInitContainers(pod: Pod, summary: Summary, sidecars: { restarts: number; lastRestart: number }): boolean {
  const restartable = new Set(
    (pod.spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always').map(({ name }) => name),
  );
  summary.total += restartable.size;
  const statuses = pod.status?.initContainerStatuses ?? [];
  for (const [i, container] of statuses.entries()) {
    countRestarts(summary, container);
    const isSidecar = restartable.has(container.name);
    if (isSidecar) countRestarts(sidecars, container);
    const { terminated, waiting } = container.state ?? {};
    if (terminated?.exitCode === 0) continue;
    if (isSidecar && container.started === true) {
      if (container.ready) summary.ready++;
      continue;
    }
    if (terminated !== undefined) summary.reason = `Init:${exitReason(terminated)}`;
    else if (waiting?.reason && waiting.reason !== 'PodInitializing') summary.reason = `Init:${waiting.reason}`;
    else summary.reason = `Init:${i}/${pod.spec.initContainers?.length ?? 0}`;
    return true;
  }
  return false;
}

function addContainers(pod: Pod, summary: Summary): void {
  let running = false;
  let failure = '';
  for (const container of (pod.status?.containerStatuses ?? []).toReversed()) {
    countRestarts(summary, container);
    const state = container.state ?? {};
    if (state.waiting?.reason) {
      summary.reason = state.waiting.reason;
    } else if (state.terminated !== undefined) {
      summary.reason = exitReason(state.terminated);
      if (state.terminated.exitCode !== 0) failure = summary.reason;
    } else if (container.ready && state.running !== undefined) {
      running = true;
      summary.ready++;
    }
  }
  if (summary.reason !== 'Completed') return;
  const ready = (pod.status?.conditions ?? []).some(({ type, status }) => type === 'Ready' && status === 'True');
  if (running && ready) summary.reason = 'Running';
  else if (failure !== '') summary.reason = failure;
  else if (running) summary.reason = 'NotReady';
}

function exitReason(terminated: { reason?: string; signal?: number; exitCode: number }): string {
  if (terminated.reason) return terminated.reason;
  return terminated.signal ? `Signal:${terminated.signal}` : `ExitCode:${terminated.exitCode}`;
}

function readinessGates(pod: Pod): string {
  const gates = pod.spec.readinessGates ?? [];
  if (gates.length === 0) return none;
  const conditions = pod.status?.conditions ?? [];
  const met = gates.filter(
    ({ conditionType }) => conditions.find(({ type }) => type === conditionType)?.status === 'True',
  );
  return `${met.length}/${gates.length}`;
}
