import type { LifecycleHandler } from '#kinds';
import { podIPs } from '../observe/observed-pod.js';
import type { PodState } from '../plan/pod-state.js';
import { Annotation } from '../pod/labels.js';
import { type Container, containerOf, kindOf, type Pod } from '../pod/pod.js';
import { ignoreMissing } from '../runtime/cri.js';
import { recordContainer } from './container-events.js';
import { runHook, within } from './hooks.js';
import type { Needs, Outcomes, StepOf } from './step-services.js';

type KillStep = StepOf<'killContainer'>;
export type KillServices = Needs<'runtime' | 'events' | 'logger' | 'node' | 'endpoints' | 'now'>;

/** Seconds that a container gets after its preStop hook, even when the hook used all of the grace. */
const MINIMUM_AFTER_HOOK = 2;

/** Milliseconds that a pod has at most to leave the Services whose endpoint it is; or half of its grace, if that is less. */
const LONGEST_LEAVE = 1000;

/**
 * preStop within the grace, then the stop signal, then SIGKILL when the grace is over. A deleted pod gets the signal when no new
 * flows are led to it any more.
 */
export async function killContainer(services: KillServices, state: PodState, step: KillStep): Promise<void> {
  const { runtime, now, endpoints } = services;
  recordContainer(services, state.pod, step.container, 'Normal', 'Killing', step.message);
  let grace = step.graceSeconds;
  const startedAt = now();
  const hooked = grace > 0 && !step.hooked && step.reason !== 'Unknown';
  const leaves = step.reason === 'Deleted';
  const [ran] = await Promise.all([
    hooked && runPreStop(services, state, step),
    leaves && endpoints.leave(state.pod, Math.min(LONGEST_LEAVE, grace * 500)),
  ]);
  if (ran || leaves) grace = Math.max(grace - (now() - startedAt) / 1000, ran ? MINIMUM_AFTER_HOOK : 0);
  await ignoreMissing(runtime.stopContainer(step.id, grace));
}

/** The hook of a container whose turn to stop has not come. */
export async function* preStop(services: KillServices, state: PodState, step: StepOf<'preStop'>): Outcomes {
  yield { type: 'preStopHookRun', key: step.key };
  await runPreStop(services, state, step);
}

/** The hook of a running container, within the grace. False when there is none. */
async function runPreStop(
  services: KillServices,
  { pod, observed }: PodState,
  { id, container: name, graceSeconds }: Pick<KillStep, 'id' | 'container' | 'graceSeconds'>,
): Promise<boolean> {
  const { runtime, logger, node } = services;
  const container = observed.containers.find((candidate) => candidate.id === id);
  const handler = preStopHandler(pod, name, container?.annotations);
  if (!handler || container?.state !== 'running') return false;
  const podIP = podIPs(pod, observed, node.hostIPs)[0] ?? '';
  const target = { containerId: id, container: specOf(pod, name) ?? { name }, podIP };
  try {
    const hook = runHook(runtime, handler, target, graceSeconds);
    await within(hook, graceSeconds * 1000, new Error(`no end after ${graceSeconds} s`));
  } catch (error) {
    logger.warn('preStop hook failed', { pod: pod.metadata.name, container: name, error });
    recordContainer(services, pod, name, 'Warning', 'FailedPreStopHook', 'PreStopHook failed');
  }
  return true;
}

/** From the spec, or from what the container's labels remember when its pod is gone. */
function preStopHandler(
  pod: Pod,
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

function specOf(pod: Pod, name: string): Container | undefined {
  const kind = kindOf(pod, name);
  return kind && containerOf(pod, name, kind);
}
