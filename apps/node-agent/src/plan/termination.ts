import { isLive, newest, type ObservedContainer } from '../observe/observed-pod.js';
import { isSidecar } from '../pod/pod.js';
import type { KillOrder } from '../pod/pod-memory.js';
import { outcome } from './phase.js';
import type { PlanInput } from './pod-state.js';
import type { Plan, Step } from './steps.js';
import { planUnmounts, planUpdates, volumeInFlight } from './volumes.js';

/** Kubelet's default when a pod says nothing. Seconds. */
export const DEFAULT_GRACE = 30;

/** When, and with how much grace, a pod that must go is stopped. Undefined for one that stays. */
export function killOrder({ pod, removed, observed, memory, now }: PlanInput): KillOrder | undefined {
  const { deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata;
  const own = pod.spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE;
  if (!removed && deletionTimestamp === undefined) {
    if (!outcome(pod, observed, memory)) return undefined;
    return memory.kill ?? { at: now, graceSeconds: memory.failed?.graceSeconds ?? own };
  }
  const wanted = Math.min(deletionGracePeriodSeconds ?? own, memory.failed?.graceSeconds ?? Number.POSITIVE_INFINITY);
  const graceSeconds = Math.max(wanted, MINIMUM_GRACE);
  const before = memory.kill;
  // A later order only ever shortens the time.
  if (before && before.at + before.graceSeconds * 1000 <= now + graceSeconds * 1000) return before;
  return { at: now, graceSeconds };
}

/** Seconds that every container gets, however late its turn comes. */
const MINIMUM_GRACE = 1;

/**
 * A pod that must go. `finish`: it ran to its end, and its dead containers stay for their logs. `delete`: nothing stays,
 * and the API server is told last. The order is upstream's: ordinary containers, then sidecars from the last to the first.
 */
export function planTermination(input: PlanInput, until: 'finish' | 'delete'): Plan {
  const { observed, memory, now } = input;
  const steps: Step[] = [];
  const done = (wakeAt?: number): Plan => ({ steps: steps.filter((step) => !memory.inFlight.has(step.key)), wakeAt });
  const order = memory.kill;
  if (!order) return done();
  const live = observed.containers.filter(isLive);
  if (live.length > 0 || startInFlight(memory.inFlight)) {
    const graceSeconds = Math.max(order.graceSeconds - (now - order.at) / 1000, MINIMUM_GRACE);
    // A shorter grace is a new order, which overtakes the one under way.
    const deadline = order.at + order.graceSeconds * 1000;
    const turn = nextToStop(input, live);
    steps.push(...planUpdates(memory));
    for (const container of live) {
      const { id, name } = container;
      const hook = `hook:${id}:${deadline}`;
      const hooked = memory.preStopHooks.has(hook);
      if (!turn.includes(container)) {
        // Sidecars wait for their turn to stop; their hooks begin with the others', and have as much time.
        if (!hooked && hasPreStop(input, container)) {
          steps.push({ type: 'preStop', key: hook, id, container: name, graceSeconds });
        }
      } else if (!memory.inFlight.has(hook)) {
        steps.push({
          type: 'killContainer',
          key: `kill:${id}:${deadline}`,
          id,
          container: name,
          graceSeconds,
          reason: until === 'delete' ? 'Deleted' : 'Finished',
          message: `Stopping container ${name}`,
          ...(hooked ? { hooked } : {}),
        });
      }
    }
    return done();
  }
  const open = observed.sandboxes.filter((sandbox) => sandbox.ready || !memory.stoppedSandboxes.has(sandbox.id));
  if (open.length > 0) {
    for (const { id } of open) steps.push({ type: 'stopSandbox', key: `sandbox:${id}`, id });
    return done();
  }
  if (memory.inFlight.has('sandbox')) return done();
  if (until === 'finish') {
    collectFinished(input, steps);
    return done(memory.cleaned === 'no' ? planCleanUp(input, steps, false) : undefined);
  }
  for (const { id } of observed.containers) steps.push({ type: 'removeContainer', key: `remove:${id}`, id });
  if (observed.containers.length === 0) {
    for (const { id } of observed.sandboxes) steps.push({ type: 'removeSandbox', key: `remove:${id}`, id });
  }
  if (observed.containers.length + observed.sandboxes.length > 0) return done();
  if (memory.cleaned !== 'removed') return done(planCleanUp(input, steps, true));
  if (!input.removed && !memory.deleted) steps.push({ type: 'deletePod', key: 'delete' });
  return done();
}

/** First each volume, then the rest. Gives the time to look again. */
function planCleanUp({ memory, now }: PlanInput, steps: Step[], everything: boolean): number | undefined {
  const unmounts = planUnmounts(memory, now);
  steps.push(...unmounts.steps);
  if (memory.volumes.size === 0 && !volumeInFlight(memory.inFlight)) {
    steps.push({ type: 'cleanUp', key: 'cleanup', everything });
  }
  return unmounts.wakeAt;
}

/** A container that is being made may come up after the last look. */
function startInFlight(inFlight: ReadonlySet<string>): boolean {
  for (const key of inFlight) if (key.startsWith('container:')) return true;
  return false;
}

function nextToStop({ pod }: PlanInput, live: ObservedContainer[]): ObservedContainer[] {
  const sidecars = (pod.spec.initContainers ?? []).filter((container) => isSidecar(container, 'init'));
  const names = new Set(sidecars.map((container) => container.name));
  const others = live.filter((container) => !names.has(container.name));
  if (others.length > 0) return others;
  for (const sidecar of [...sidecars].reverse()) {
    const running = live.filter((container) => container.name === sidecar.name);
    if (running.length > 0) return running;
  }
  return live;
}

function hasPreStop({ pod }: PlanInput, { name, state }: ObservedContainer): boolean {
  const sidecar = pod.spec.initContainers?.find((container) => container.name === name);
  return state === 'running' && sidecar?.lifecycle?.preStop !== undefined;
}

function collectFinished({ observed, memory }: PlanInput, steps: Step[]): void {
  for (const container of observed.containers) {
    if (memory.discardContainers || newest(observed, container.name) !== container) {
      steps.push({ type: 'removeContainer', key: `remove:${container.id}`, id: container.id });
    }
  }
  const newestSandbox = observed.sandboxes[0];
  for (const sandbox of observed.sandboxes) {
    const used = observed.containers.some((container) => container.sandboxId === sandbox.id);
    if ((memory.discardContainers || sandbox !== newestSandbox) && !used) {
      steps.push({ type: 'removeSandbox', key: `remove:${sandbox.id}`, id: sandbox.id });
    }
  }
}
