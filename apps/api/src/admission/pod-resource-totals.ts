import { type KubeObject, Quantity, setOwn } from '#apimachinery';

/** Resource name to quantity as text. */
export type ResourceList = Record<string, string>;

/**
 * What a pod asks for as a whole: its containers and sidecars together, or the widest moment of its start when an init
 * container (with the sidecars before it) needs more; resources set for the pod itself come before both.
 */
export function podResourceTotals(pod: KubeObject, field: 'requests' | 'limits'): ResourceList {
  const spec = pod['spec'] ?? {};
  const total = new Map<string, Quantity>();
  for (const container of spec.containers ?? []) add(total, container.resources?.[field]);
  const sidecars = new Map<string, Quantity>();
  const starting = new Map<string, Quantity>();
  for (const container of spec.initContainers ?? []) {
    const own: ResourceList | undefined = container.resources?.[field];
    let moment: Map<string, Quantity>;
    if (container.restartPolicy === 'Always') {
      add(total, own);
      add(sidecars, own);
      moment = sidecars;
    } else {
      moment = new Map(sidecars);
      add(moment, own);
    }
    takeLarger(starting, moment);
  }
  takeLarger(total, starting);
  const list: ResourceList = {};
  for (const [name, quantity] of total) setOwn(list, name, quantity.toString());
  const atPod: ResourceList = spec.resources?.[field] ?? {};
  for (const [name, quantity] of Object.entries(atPod)) {
    if (name === 'cpu' || name === 'memory' || name.startsWith('hugepages-')) setOwn(list, name, quantity);
  }
  return list;
}

function add(total: Map<string, Quantity>, list: ResourceList | undefined): void {
  for (const [name, text] of Object.entries(list ?? {})) {
    const quantity = Quantity.parse(text);
    total.set(name, total.get(name)?.add(quantity) ?? quantity);
  }
}

function takeLarger(total: Map<string, Quantity>, other: ReadonlyMap<string, Quantity>): void {
  for (const [name, quantity] of other) {
    const known = total.get(name);
    if (!known || quantity.compare(known) > 0) total.set(name, quantity);
  }
}
