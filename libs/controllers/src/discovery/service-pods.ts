import { deepEqual } from '#apimachinery';
import { type Informer, objectKey } from '#client';
import type { Pod, Service } from '#kinds';
import { isPodFinished, isPodReady } from '../workload/pods.js';
import { selects } from './service-endpoints.js';

/** Calls `wake` with the keys of the Services whose endpoints a change of a Service or a pod may change. */
export function watchServicePods(services: Informer<Service>, pods: Informer<Pod>, wake: (key: string) => void): void {
  services.addHandler({
    add: (service) => wake(objectKey(service)),
    update: (_old, service) => wake(objectKey(service)),
    delete: (service) => wake(objectKey(service)),
  });
  const wakeFor = (...versions: Pod[]) => {
    for (const service of services.values(versions[0]!.metadata.namespace!)) {
      if (versions.some((pod) => selects(service, pod))) wake(objectKey(service));
    }
  };
  pods.addHandler({
    add: (pod) => wakeFor(pod),
    update: (old, pod) => {
      if (endpointChanged(old, pod) || !deepEqual(old.metadata.labels, pod.metadata.labels)) wakeFor(old, pod);
    },
    delete: (pod) => wakeFor(pod),
  });
}

/** Did anything change that endpoints show? */
function endpointChanged(old: Pod, pod: Pod): boolean {
  return (
    isPodReady(old) !== isPodReady(pod) ||
    isPodFinished(old) !== isPodFinished(pod) ||
    old.metadata.deletionTimestamp !== pod.metadata.deletionTimestamp ||
    old.spec.nodeName !== pod.spec.nodeName ||
    old.spec.hostname !== pod.spec.hostname ||
    old.status?.podIP !== pod.status?.podIP ||
    !deepEqual(old.status?.podIPs, pod.status?.podIPs)
  );
}
