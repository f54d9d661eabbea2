import type { Pod } from '../pod/pod.js';
import type { PodMemory, VolumeState } from '../pod/pod-memory.js';
import type { Plan, Step } from './steps.js';

/** Of a volume, whatever is done with it: no two steps of one volume run at once. */
export function volumeKey(name: string): string {
  return `volume:${name}`;
}

/** Pure: mounts each volume of the pod that is not mounted and need not wait; updates those whose content is stale. */
export function planMounts({ spec }: Pod, memory: PodMemory, now: number): Plan {
  const mounts = eachVolume(memory, names(spec.volumes), now, (volume, key, state) =>
    state?.phase === 'mounted' ? undefined : { type: 'mountVolume', key, volume },
  );
  return { ...mounts, steps: [...mounts.steps, ...planUpdates(memory)] };
}

/** Pure: for volumes that are in use, also while their pod is being stopped. */
export function planUpdates({ volumes, inFlight }: PodMemory): Step[] {
  return [...volumes].flatMap(([volume, state]): Step[] => {
    const key = volumeKey(volume);
    const isStale = state.phase === 'mounted' && state.stale === true;
    return isStale && !inFlight.has(key) ? [{ type: 'updateVolume', key, volume }] : [];
  });
}

/** Pure: unmounts each volume that the node has of the pod, one that cannot go later again. */
export function planUnmounts(memory: PodMemory, now: number): Plan {
  return eachVolume(memory, [...memory.volumes.keys()], now, (volume, key) => ({ type: 'unmountVolume', key, volume }));
}

/** Whether containers may start: they see all volumes of the pod or none. */
export function allMounted({ spec }: Pod, { volumes }: PodMemory): boolean {
  return names(spec.volumes).every((name) => volumes.get(name)?.phase === 'mounted');
}

export function volumeInFlight(inFlight: ReadonlySet<string>): boolean {
  return [...inFlight].some((key) => key.startsWith(volumeKey('')));
}

function names(volumes: Pod['spec']['volumes'] = []): string[] {
  return volumes.map(({ name }) => name);
}

function eachVolume(
  { volumes, inFlight }: PodMemory,
  wanted: readonly string[],
  now: number,
  stepOf: (volume: string, key: string, state: VolumeState | undefined) => Step | undefined,
): Plan {
  const steps: Step[] = [];
  const waits: number[] = [];
  for (const name of wanted) {
    const key = volumeKey(name);
    if (inFlight.has(key)) continue;
    const state = volumes.get(name);
    const step = stepOf(name, key, state);
    if (!step) continue;
    // A mount that failed does not keep its volume from being unmounted.
    const waiting = state?.phase === (step.type === 'mountVolume' ? 'mountFailed' : 'unmountFailed') && state.failure;
    if (waiting && waiting.retryAt > now) waits.push(waiting.retryAt);
    else steps.push(step);
  }
  return { steps, wakeAt: waits.length > 0 ? Math.min(...waits) : undefined };
}
