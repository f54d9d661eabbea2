import { podIPs } from '../observe/observed-pod.js';
import type { PodState } from '../plan/pod-state.js';
import { DEFAULT_GRACE } from '../plan/termination.js';
import type { Container } from '../pod/pod.js';
import { recordContainer } from './container-events.js';
import { runHook } from './hooks.js';
import { type KillServices, killContainer } from './kill-container.js';

/** Milliseconds. */
const GOING_POLL = 100;

/** Runs the hook of a container that was just started, and kills the container when it fails. */
export async function postStart(
  services: KillServices,
  state: PodState,
  container: Container,
  id: string,
): Promise<void> {
  const handler = container.lifecycle?.postStart;
  if (!handler) return;
  const { name } = container;
  const { runtime, node, logger } = services;
  const podIP = podIPs(state.pod, state.observed, node.hostIPs)[0] ?? '';
  try {
    const hook = runHook(runtime, handler, { containerId: id, container, podIP }, 0);
    await unlessGoing(state, id, hook);
  } catch (error) {
    const { pod } = state;
    logger.warn('postStart hook failed', { pod: pod.metadata.name, container: name, error });
    recordContainer(services, pod, name, 'Warning', 'FailedPostStartHook', 'PostStartHook failed');
    await killContainer(services, state, {
      type: 'killContainer',
      key: `kill:${id}`,
      id,
      container: name,
      graceSeconds: pod.spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE,
      reason: 'Unknown',
      message: 'FailedPostStartHook',
    });
  }
}

/**
 * Waits no longer when the pod must go, whose containers are stopped whether a hook has ended or not, or when the container
 * has ended, which the hook need not notice: somebody else may be asked by it.
 */
async function unlessGoing(state: PodState, id: string, hook: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const going = new Promise<void>((resolve) => {
    const hasEnded = () => state.observed.containers.some((other) => other.id === id && other.state === 'exited');
    timer = setInterval(() => (state.memory.kill || hasEnded()) && resolve(), GOING_POLL);
  });
  try {
    await Promise.race([hook, going]);
  } finally {
    clearInterval(timer);
  }
}
