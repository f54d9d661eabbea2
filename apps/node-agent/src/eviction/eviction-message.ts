import { Quantity } from '#apimachinery';
import { SIGNALS, type StarvedResource, type Threshold } from '#settings';
import { requiredAmount } from '../node/thresholds.js';
import { allContainers, type Pod } from '../pod/pod.js';
import type { ContainerUsage, PodUsage } from './pod-usage.js';
import type { Observations } from './pressure.js';

/** Pure: why the pod is evicted, in kubelet's words. */
export function evictionMessage(
  pod: Pod,
  usage: PodUsage | undefined,
  { signal, limit }: Threshold,
  observed: Observations,
): string {
  const { resource, format } = SIGNALS[signal];
  const { available, capacity } = observed[signal];
  const required = requiredAmount({ signal, limit }, capacity);
  let message = `The node was low on resource: ${resource}. `;
  message += `Threshold quantity: ${Quantity.of(required, format)}, available: ${Quantity.of(available, format)}. `;
  const blame = (what: string, used: number, request: string | number) => {
    const amounts = `using ${Quantity.of(used, 'BinarySI')}, request is ${Quantity.parse(request)}`;
    message += `${what} was ${amounts}, has larger consumption of ${resource}. `;
  };
  const podRequest = pod.spec.resources?.requests?.[resource];
  if (usage && resource === 'memory' && podRequest !== undefined) {
    blame(`Pod ${pod.metadata.name}`, usage.memory, podRequest);
  }
  for (const container of usage?.containers ?? []) {
    const spec = [...allContainers(pod)].find(({ container: { name } }) => name === container.name);
    const request = spec?.container.resources?.requests?.[resource] ?? '0';
    const used = usedBy(container, resource);
    if (spec && spec.kind !== 'ephemeral' && used !== undefined && used > Quantity.parse(request).value()) {
      blame(`Container ${container.name}`, used, request);
    }
  }
  return message;
}

function usedBy({ memory, rootfs, logs }: ContainerUsage, resource: StarvedResource): number | undefined {
  if (resource === 'memory') return memory;
  return resource === 'ephemeral-storage' ? rootfs.bytes + logs.bytes : undefined;
}
