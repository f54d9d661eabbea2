import type { ResourceCatalog } from '#kinds';
import { deltasOf } from '../../admission/quota/quota-delta.js';
import { countedResource, evaluatorOf, MEASURED } from '../../admission/quota/quota-evaluator.js';
import type { QuotaView } from '../../admission/quota/quota-view.js';
import { breath } from '../../codec/large-bodies.js';
import { LARGEST_SUM, type Revision, type Store } from '../../storage/store.js';

/** A count holds the event loop no longer than this. Milliseconds. */
const TURN_MS = 5;

/** Storage resources whose objects count for a quota. Names of what is not served count nothing. */
export function resourcesOf({ wanted }: QuotaView, catalog: ResourceCatalog): string[] {
  const names = [...wanted.keys()];
  const measured = MEASURED.filter((resource) => names.some(evaluatorOf(resource)!.tracks));
  const byNumber = names.map(countedResource).filter((resource) => resource !== undefined && evaluatorOf(resource));
  const all = new Set<string>([...measured, ...(byNumber as string[])]);
  return [...all].filter((resource) => catalog.findStored(resource)?.namespaced);
}

/** The names of a quota that objects of these resources count for. */
export function trackedNames({ wanted }: QuotaView, resources: readonly string[]): string[] {
  const evaluators = resources.map((resource) => evaluatorOf(resource)!);
  return [...wanted.keys()].filter((name) => evaluators.some((evaluator) => evaluator.tracks(name)));
}

/**
 * What the objects of a quota's namespace used at a revision, in units of counters. Others have their turns meanwhile. Undefined when
 * the state of that revision is no longer at hand.
 */
export async function countAt(
  quota: QuotaView,
  resources: readonly string[],
  store: Pick<Store, 'cache'>,
  at: Revision,
  now: number,
): Promise<Map<string, number> | undefined> {
  const counts = new Map<string, number>();
  let turnBegan = performance.now();
  for (const resource of resources) {
    const listed = store.cache(resource).list({ namespace: quota.namespace, at });
    if (listed === undefined) return undefined;
    const evaluator = evaluatorOf(resource)!;
    for (const item of listed.items) {
      const change = { operation: 'CREATE', subresource: '', object: item.parse(), old: undefined } as const;
      for (const [name, units] of deltasOf(quota, evaluator, change, now)) {
        counts.set(name, Math.min((counts.get(name) ?? 0) + units, LARGEST_SUM));
      }
      if (performance.now() - turnBegan < TURN_MS) continue;
      await breath();
      turnBegan = performance.now();
    }
  }
  return counts;
}
