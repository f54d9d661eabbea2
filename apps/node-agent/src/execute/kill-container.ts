import type { LifecycleHandler } from '#kinds';
import type { Step } from '../plan/steps.js';
import { Annotation } from '../pod/labels.js';
import type { Container } from '../pod/pod.js';
import { GrpcCode, hasCode } from '../runtime/cri.js';
import { type Execution, kindOf, type PodState, podIPs, recordContainer } from './execution.js';
import { runHook, within } from './hooks.js';

type KillStep = Extract<Step, { type: 'killContainer' }>;

/** Seconds that a container gets after its preStop hook, even when the hook used all of the grace. */
const MINIMUM_AFTER_HOOK = 2;

/** preStop within the grace, then the stop signal, then SIGKILL when the grace is over. */
export async function killContainer(execution: Execution, state: PodState, step: KillStep): Promise<void> {
  const { runtime, now } = execution;
  const { pod } = state;
  recordContainer(execution, pod, step.container, 'Normal', 'Killing', step.message);
  let grace = step.graceSeconds;
  if (grace > 0 && !step.hooked && step.reason !== 'Unknown') {
    const startedAt = now();
    const ran = await runPreStop(execution, state, step);
    if (ran) grace = Math.max(grace - (now() - startedAt) / 1000, MINIMUM_AFTER_HOOK);
  }
  try {
    await runtime.stopContainer(step.id, grace);
  } catch (error) {
    if (!hasCode(error, GrpcCode.NotFound)) throw error;
  }
}

/** The hook of a running container, within the grace. False when there is none. */
export async function runPreStop(
  execution: Execution,
  state: PodState,
  { id, container: name, graceSeconds }: Pick<KillStep, 'id' | 'container' | 'graceSeconds'>,
): Promise<boolean> {
  const { pod, observed } = state;
  const container = observed.containers.find((candidate) => candidate.id === id);
  const handler = preStop(pod, name, container?.annotations);
  if (!handler || container?.state !== 'running') return false;
  const podIP = podIPs(state, execution.node)[0] ?? '';
  const target = { containerId: id, container: specOf(pod, name) ?? { name }, podIP };
  try {
    const hook = runHook(execution.runtime, handler, target, graceSeconds);
    await within(hook, graceSeconds * 1000, new Error(`no end after ${graceSeconds} s`));
  } catch (error) {
    execution.logger.warn('preStop hook failed', { pod: pod.metadata.name, container: name, error });
    recordContainer(execution, pod, name, 'Warning', 'FailedPreStopHook', 'PreStopHook failed');
  }
  return true;
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
