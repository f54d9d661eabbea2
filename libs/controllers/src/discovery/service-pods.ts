import { deepEqual, type LabelSelector } from '#apimachinery';
import { type Informer, objectKey, type SharedInformers } from '#client';
import { gvr, type Pod, type Service } from '#kinds';
import type { EventMap } from '../controller.js';
import { equalitySelector, selectedBy, selecting } from '../indexes.js';
import { isPodFinished, isPodReady } from '../workload/pods.js';

/** What chooses a Service's pods; undefined when nothing does. */
function selectorOf({ spec }: Service): LabelSelector | undefined {
  return spec?.type === 'ExternalName' ? undefined : equalitySelector(spec?.selector);
}

export function podsOf(service: Service, pods: Informer<Pod>): Pod[] {
  return selectedBy(pods, service.metadata.namespace!, selectorOf(service));
}

/** The keys of the Services whose endpoints a change of a pod may change. */
export function servicesOf(informers: SharedInformers): EventMap<Pod> {
  const services = informers.for<Service>(gvr.services);
  const keys = (...versions: Pod[]) => versions.flatMap((pod) => selecting(services, selectorOf, pod).map(objectKey));
  return {
    add: keys,
    update(old, pod) {
      const relabelled = !deepEqual(old.metadata.labels, pod.metadata.labels);
      return relabelled ? keys(old, pod) : endpointChanged(old, pod) ? keys(pod) : undefined;
    },
    delete: keys,
  };
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
