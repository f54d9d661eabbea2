import { isLive, newest, type ObservedContainer, type ObservedPod } from '../observe/observed-pod.js';
import { type Container, isSidecar, type Pod } from '../pod/pod.js';
import type { PodMemory, WaitReason } from '../pod/pod-memory.js';

export type Phase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

/** True when an exited container of that kind starts again. */
export function restarts(pod: Pod, container: Container, sidecar: boolean, exitCode: number): boolean {
  if (sidecar || ruleOf(container, exitCode) === 'Restart') return true;
  const policy = container.restartPolicy ?? pod.spec.restartPolicy ?? 'Always';
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
}

/** The action of the first of the container's own rules that the exit meets. */
function ruleOf({ restartPolicyRules = [] }: Container, exitCode: number): string | undefined {
  const meets = restartPolicyRules.find(({ exitCodes }) => {
    const isNamed = exitCodes?.values?.includes(exitCode) ?? false;
    return exitCodes?.operator === 'In' ? isNamed : exitCodes?.operator === 'NotIn' && !isNamed;
  });
  return meets?.action;
}

/** The last exit of a container that will not run again. */
export function finalExit(pod: Pod, observed: ObservedPod, container: Container): ObservedContainer | undefined {
  const last = newest(observed, container.name);
  if (last?.state !== 'exited' || restarts(pod, container, false, last.exitCode)) return undefined;
  return last;
}

/** An ordinary init container of the pod failed for good. */
export function initFailed(pod: Pod, observed: ObservedPod): boolean {
  return (pod.spec.initContainers ?? []).some((container) => {
    if (isSidecar(container, 'init')) return false;
    const last = finalExit(pod, observed, container);
    return last !== undefined && last.exitCode !== 0;
  });
}

/** Ordinary init containers are done; judged by the newest container of each, whichever sandbox it ran in. */
export function isInitialized(pod: Pod, observed: ObservedPod): boolean {
  if (hasStartedMain(pod, observed)) return true;
  return (pod.spec.initContainers ?? []).every((container) => {
    const last = newest(observed, container.name);
    if (isSidecar(container, 'init')) return last !== undefined && last.state === 'running';
    return last?.state === 'exited' && last.exitCode === 0;
  });
}

export function hasStartedMain(pod: Pod, observed: ObservedPod): boolean {
  return pod.spec.containers.some((container) => newest(observed, container.name) !== undefined);
}

/** All is over and nothing will start again. */
export function outcome(pod: Pod, observed: ObservedPod, memory: PodMemory): 'Succeeded' | 'Failed' | undefined {
  if (memory.failed) return 'Failed';
  if (pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') return pod.status.phase;
  if (initFailed(pod, observed)) return 'Failed';
  const exits = pod.spec.containers.map((container) => finalExit(pod, observed, container));
  if (exits.some((exit) => exit === undefined)) return undefined;
  return exits.every((exit) => exit!.exitCode === 0) ? 'Succeeded' : 'Failed';
}

/** A deleted pod whose containers have all stopped is over, whatever its restart policy. */
function deletedOutcome(pod: Pod, observed: ObservedPod): 'Succeeded' | 'Failed' | undefined {
  if (!pod.metadata.deletionTimestamp || observed.containers.some(isLive) || !hasStartedMain(pod, observed)) {
    return undefined;
  }
  const exits = pod.spec.containers.map((container) => newest(observed, container.name));
  return exits.every((exit) => exit?.state === 'exited' && exit.exitCode === 0) ? 'Succeeded' : 'Failed';
}

/** The agent itself ends a pod that ran beyond its deadline. */
export function deadlineFailure(pod: Pod, now: number): WaitReason | undefined {
  const { activeDeadlineSeconds } = pod.spec;
  const startTime = pod.status?.startTime;
  if (activeDeadlineSeconds === undefined || !startTime) return undefined;
  if (now < Date.parse(startTime) + activeDeadlineSeconds * 1000) return undefined;
  return { reason: 'DeadlineExceeded', message: 'Pod was active on the node longer than the specified deadline' };
}

export function phaseOf(pod: Pod, observed: ObservedPod, memory: PodMemory): Phase {
  const end = outcome(pod, observed, memory) ?? deletedOutcome(pod, observed);
  if (end) {
    // A terminal phase is told only when nothing of the pod runs any more.
    if (!observed.containers.some(isLive)) return end;
    return hasStartedMain(pod, observed) ? 'Running' : 'Pending';
  }
  // A pod never goes back to Pending.
  if (pod.status?.phase === 'Running') return 'Running';
  if (!isInitialized(pod, observed)) return 'Pending';
  const started = pod.spec.containers.filter((container) => {
    const last = newest(observed, container.name);
    return last !== undefined && last.state !== 'created';
  });
  return started.length === pod.spec.containers.length ? 'Running' : 'Pending';
}
