import { type KubeObject, Quantity, setOwn } from '#apimachinery';

/** Resource name to quantity as text. */
export type ResourceList = Record<string, string>;
export type ResourceAmounts = Map<string, Quantity>;

/** The resources of one container that count. */
export type ResourcesOf = (container: any) => ResourceList | undefined;

/**
 * What a pod asks for as a whole: its containers and sidecars together, or the widest moment of its start when an init
 * container (with the sidecars before it) needs more; resources set for the pod itself come before both.
 */
export function podResourceTotals(pod: KubeObject, field: 'requests' | 'limits'): ResourceList {
  const total = containerTotals(pod, (container) => container.resources?.[field]);
  takePodLevel(total, pod['spec']?.resources?.[field]);
  const list: ResourceList = {};
  for (const [name, quantity] of total) setOwn(list, name, quantity.toString());
  return list;
}

/** The same of the containers alone, by the resources that `of` gives for each. */
export function containerTotals(pod: KubeObject, of: ResourcesOf): ResourceAmounts {
  const spec = pod['spec'] ?? {};
  const total: ResourceAmounts = new Map();
  for (const container of spec.containers ?? []) addResources(total, of(container));
  const sidecars: ResourceAmounts = new Map();
  const starting: ResourceAmounts = new Map();
  for (const container of spec.initContainers ?? []) {
    const own = of(container);
    let moment: ResourceAmounts;
    if (container.restartPolicy === 'Always') {
      addResources(total, own);
      addResources(sidecars, own);
      moment = sidecars;
    } else {
      moment = new Map(sidecars);
      addResources(moment, own);
    }
    takeLarger(starting, moment);
  }
  takeLarger(total, starting);
  return total;
}

export function isPodLevelResource(name: string): boolean {
  return name === 'cpu' || name === 'memory' || name.startsWith('hugepages-');
}

/** Whether the pod itself, and not only its containers, says what it needs. */
export function hasPodLevelResources({ spec }: KubeObject): boolean {
  const { requests = {}, limits = {} } = spec?.resources ?? {};
  return [...Object.keys(requests), ...Object.keys(limits)].some(isPodLevelResource);
}

/** What is set for the pod counts instead of what its containers add up to. */
export function takePodLevel(total: ResourceAmounts, atPod: ResourceList | undefined): void {
  for (const [name, text] of Object.entries(atPod ?? {})) {
    if (isPodLevelResource(name)) total.set(name, Quantity.parse(text));
  }
}

export function addResources(total: ResourceAmounts, list: ResourceList | undefined): void {
  for (const [name, text] of Object.entries(list ?? {})) {
    const quantity = Quantity.parse(text);
    total.set(name, total.get(name)?.add(quantity) ?? quantity);
  }
}

export function takeLarger(total: ResourceAmounts, other: ReadonlyMap<string, Quantity>): void {
  for (const [name, quantity] of other) {
    const known = total.get(name);
    if (!known || quantity.compare(known) > 0) total.set(name, quantity);
  }
}
