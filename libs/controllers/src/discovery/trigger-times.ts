import type { Pod, Service } from '#kinds';

/** Says when what an object of endpoints shows began to be so: what programs measure their delay from. */
export const LAST_CHANGE_TRIGGER_TIME = 'endpoints.kubernetes.io/last-change-trigger-time';

interface Seen {
  service: string;
  /** By name of pod: since when it is as ready as it is. */
  pods: ReadonlyMap<string, string>;
}

/**
 * Remembers of each Service what was there at the last look. Times are texts of the API; of one form, so they compare as
 * texts do.
 */
export class TriggerTimes {
  private readonly seen = new Map<string, Seen>();

  /** The earliest change since the last look; at the first one, when the Service was made. Undefined when no time has changed. */
  take(key: string, service: Service, pods: readonly Pod[]): string | undefined {
    const before = this.seen.get(key);
    const created = service.metadata.creationTimestamp ?? '';
    const times = new Map<string, string>();
    const changed: string[] = [];
    for (const pod of pods) {
      const time = pod.status?.conditions?.find(({ type }) => type === 'Ready')?.lastTransitionTime;
      if (!time) continue;
      const name = pod.metadata.name!;
      times.set(name, time);
      if (time > (before?.pods.get(name) ?? '')) changed.push(time);
    }
    if (created > (before?.service ?? '')) changed.push(created);
    this.seen.set(key, { service: created, pods: times });
    if (!before) return created || undefined;
    return changed.sort()[0];
  }

  forget(key: string): void {
    this.seen.delete(key);
  }
}

/** The annotations with that time, or without one. */
export function withTriggerTime(
  annotations: Record<string, string> | undefined,
  time: string | undefined,
): Record<string, string> | undefined {
  const { [LAST_CHANGE_TRIGGER_TIME]: old, ...others } = annotations ?? {};
  if (time !== undefined) return { ...others, [LAST_CHANGE_TRIGGER_TIME]: time };
  return old === undefined ? annotations : others;
}
