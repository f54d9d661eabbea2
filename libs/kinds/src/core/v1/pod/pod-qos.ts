import { milliValueOf } from '#apimachinery';
import type { Container, PodSpec, ResourceRequirements } from '../../../generated/types.js';

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

/** The quality of service class of a pod: from its own resources when it has some, else from its containers'. */
export function podQosClass(spec: Pick<PodSpec, 'containers' | 'initContainers' | 'resources'>): QosClass {
  const own = spec.resources;
  if (own !== undefined && Object.keys(own.requests ?? {}).length + Object.keys(own.limits ?? {}).length > 0) {
    return requirementsClass(own);
  }
  const all: Container[] = [...(spec.initContainers ?? []), ...(spec.containers ?? [])];
  return combined(all.map((container) => requirementsClass(container.resources ?? {}))) ?? 'BestEffort';
}

function requirementsClass({ requests, limits }: ResourceRequirements): QosClass {
  const classes = (['cpu', 'memory'] as const).map((name) => {
    const request = milliValueOf(requests?.[name]);
    if (request !== milliValueOf(limits?.[name])) return 'Burstable';
    return request === 0 ? 'BestEffort' : 'Guaranteed';
  });
  return combined(classes) ?? 'BestEffort';
}

/** All the same: that one. Anything else is Burstable. */
function combined(classes: QosClass[]): QosClass | undefined {
  return classes.every((item) => item === classes[0]) ? classes[0] : 'Burstable';
}
