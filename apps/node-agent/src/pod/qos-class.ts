import { milliValueOf, ownValue } from '#apimachinery';
import type { Container, Pod } from './pod.js';

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

/** From the pod's own resources when it has some, else from its containers'. */
export function qosClass(pod: Pod): QosClass {
  const known = pod.status?.qosClass;
  if (known === 'Guaranteed' || known === 'Burstable' || known === 'BestEffort') return known;
  const { resources: own, containers, initContainers = [] } = pod.spec;
  const isOwn = Object.keys({ ...own?.requests, ...own?.limits }).length > 0;
  const parts = isOwn ? [own] : [...containers, ...initContainers].map(({ resources }) => resources);
  const names = ['cpu', 'memory'];
  const any = parts.some((part) =>
    names.some((name) => positive(ownValue(part?.requests, name)) || positive(ownValue(part?.limits, name))),
  );
  if (!any) return 'BestEffort';
  const guaranteed = parts.every((part) =>
    names.every((name) => {
      const limit = ownValue(part?.limits, name);
      const request = ownValue(part?.requests, name) ?? limit;
      return positive(limit) && milliValueOf(limit) === milliValueOf(request);
    }),
  );
  return guaranteed ? 'Guaranteed' : 'Burstable';
}

function positive(value: string | number | undefined): boolean {
  return value !== undefined && milliValueOf(value) > 0;
}

/**
 * What a pod needs at once: its containers and sidecars together, or the largest init container with the sidecars that
 * were started before it. Limits are counted only where every container has one.
 */
export function podTotal(pod: Pod, list: 'requests' | 'limits', name: string): number | undefined {
  const amount = (container: Container): number | undefined => {
    const value = ownValue(container.resources?.[list], name);
    return value === undefined ? undefined : milliValueOf(value);
  };
  const podLevel = ownValue(pod.spec.resources?.[list], name);
  if (podLevel !== undefined) return milliValueOf(podLevel);
  let main = 0;
  for (const container of pod.spec.containers) {
    const value = amount(container);
    if (value === undefined && list === 'limits') return undefined;
    main += value ?? 0;
  }
  let sidecars = 0;
  let largest = 0;
  for (const container of pod.spec.initContainers ?? []) {
    const value = amount(container);
    if (value === undefined && list === 'limits') return undefined;
    if (container.restartPolicy === 'Always') {
      sidecars += value ?? 0;
      largest = Math.max(largest, sidecars);
    } else largest = Math.max(largest, sidecars + (value ?? 0));
  }
  const overhead = milliValueOf(ownValue(pod.spec.overhead, name));
  const total = Math.max(main + sidecars, largest);
  // Overhead raises a limit only where there is one.
  return list === 'limits' && total === 0 ? 0 : total + overhead;
}
