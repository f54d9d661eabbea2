import { Quantity } from '#apimachinery';
import { isSidecar, lastingContainers, type Pod } from '../pod/pod.js';
import { type PodUsage, totalOf } from './pod-usage.js';

const STORAGE = 'ephemeral-storage';

/** Pods whose files have to be measured: nobody else's are. */
export function hasStorageLimits(pod: Pod): boolean {
  return totalLimit(pod) !== undefined || [...limitedVolumes(pod)].length > 0;
}

/**
 * Pure: which limit of local storage the pod has exceeded, in kubelet's words; undefined when none. `imageIsApart`: what
 * containers write lies on the images' disk and does not count against their own limits.
 */
export function exceededStorage(pod: Pod, usage: PodUsage, imageIsApart: boolean): string | undefined {
  for (const { name, limit } of limitedVolumes(pod)) {
    const used = usage.volumes.get(name)?.bytes ?? 0;
    if (used > limit.value()) return `Usage of EmptyDir volume "${name}" exceeds the limit "${limit}". `;
  }
  const files = usage.containers.flatMap(({ rootfs, logs }) => [rootfs, logs]);
  const total = totalLimit(pod);
  if (total && totalOf([...files, ...usage.volumes.values()]).bytes > total.value()) {
    return `Pod ephemeral local storage usage exceeds the total limit of containers ${total}. `;
  }
  for (const { name, resources } of lastingContainers(pod)) {
    const limit = positive(resources?.limits?.[STORAGE]);
    const used = usage.containers.find((container) => container.name === name);
    if (!limit || !used) continue;
    const { bytes } = totalOf(imageIsApart ? [used.logs] : [used.logs, used.rootfs]);
    if (bytes > limit.value()) return `Container ${name} exceeded its local ephemeral storage limit "${limit}". `;
  }
  return undefined;
}

/** Memory-backed volumes are limited by the kernel. */
function* limitedVolumes(pod: Pod): Iterable<{ name: string; limit: Quantity }> {
  for (const { name, ...source } of pod.spec.volumes ?? []) {
    const { medium, sizeLimit } = source['emptyDir'] ?? {};
    const limit = positive(sizeLimit);
    if (limit && medium !== 'Memory') yield { name, limit };
  }
}

/** As upstream adds limits up: of all that have one; undefined when none has. */
function totalLimit(pod: Pod): Quantity | undefined {
  const limits = (containers: Pod['spec']['containers']) =>
    containers.flatMap(({ resources }) => positive(resources?.limits?.[STORAGE]) ?? []);
  const ordinary = (pod.spec.initContainers ?? []).filter((container) => !isSidecar(container, 'init'));
  const own = limits(lastingContainers(pod));
  const all = [...own, ...limits(ordinary)];
  if (all.length === 0) return undefined;
  const together = own.reduce((sum, limit) => sum.add(limit), Quantity.zero);
  return limits(ordinary).reduce((largest, limit) => (limit.compare(largest) > 0 ? limit : largest), together);
}

function positive(value: string | number | undefined): Quantity | undefined {
  if (value === undefined) return undefined;
  const quantity = Quantity.parse(value);
  return quantity.sign() > 0 ? quantity : undefined;
}
