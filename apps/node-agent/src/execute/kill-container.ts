import type { Step } from '../plan/steps.js';
import type { Container, LifecycleHandler } from '../pod/pod-types.js';
import { GrpcCode, hasCode } from '../runtime/cri.js';
import { Annotation } from '../runtime/labels.js';
import { type Execution, kindOf, type PodState, podIPs, recordContainer } from './execution.js';
import { runHook } from './hooks.js';

type KillStep = Extract<Step, { type: 'killContainer' }>;

/** Seconds that a container gets after its preStop hook, even when the hook used all of the grace. */
const MINIMUM_AFTER_HOOK = 2;

/** preStop within the grace, then the stop signal, then SIGKILL when the grace is over. */
export async function killContainer(execution: Execution, state: PodState, step: KillStep): Promise<void> {
  const { runtime, logger, now } = execution;
  const { pod, observed } = state;
  const container = observed.containers.find(({ id }) => id === step.id);
  recordContainer(execution, pod, step.container, 'Normal', 'Killing', step.message);
  let grace = step.graceSeconds;
  const handler = preStop(pod, step.container, container?.annotations);
  if (handler && grace > 0 && step.reason !== 'Unknown' && container?.state === 'running') {
    const startedAt = now();
    const spec = specOf(pod, step.container);
    const podIP = podIPs(state, execution.node)[0] ?? '';
    try {
      const target = { containerId: step.id, container: spec ?? { name: step.container }, podIP };
      await withLimit(runHook(runtime, handler, target, grace), grace);
    } catch (error) {
      logger.warn('preStop hook failed', { pod: pod.metadata.name, container: step.container, error });
      recordContainer(execution, pod, step.container, 'Warning', 'FailedPreStopHook', 'PreStopHook failed');
    }
    grace = Math.max(grace - (now() - startedAt) / 1000, MINIMUM_AFTER_HOOK);
  }
  try {
    await runtime.stopContainer(step.id, grace);
  } catch (error) {
    if (!hasCode(error, GrpcCode.NotFound)) throw error;
  }
}

/** From the spec, or from what the container's labels remember when its pod is gone. */
function preStop(
  pod: PodState['pod'],
  name: string,
  annotations: Record<string, string> | undefined,
): LifecycleHandler | undefined {
  const spec = specOf(pod, name);
  if (spec) return spec.lifecycle?.preStop;
  const text = annotations?.[Annotation.preStopHandler];
  if (!text) return undefined;
  try {
    return JSON.parse(text) as LifecycleHandler;
  } catch {
    return undefined;
  }
}

function specOf(pod: PodState['pod'], name: string): Container | undefined {
  const kind = kindOf(pod, name);
  if (!kind) return undefined;
  const lists = {
    init: pod.spec.initContainers,
    container: pod.spec.containers,
    ephemeral: pod.spec.ephemeralContainers,
  };
  return lists[kind]?.find((candidate) => candidate.name === name);
}

async function withLimit(work: Promise<void>, seconds: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end after ${seconds} s`)), seconds * 1000);
  });
  try {
    await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}
