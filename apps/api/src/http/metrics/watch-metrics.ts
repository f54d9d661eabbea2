import type { ResourceCatalog, ResourceDefinition } from '#kinds';
import { type Distribution, exponentialBuckets, type MetricsRegistry } from '#telemetry';
import type { ResourceEntry } from '../../registry/resource-table.js';
import type { Route } from '../dispatch/route.js';
import { RESOURCES, SCOPES, scopeOf } from './request-labels.js';

const SIZES = exponentialBuckets(1024, 2, 8);
const LIST_SECONDS = [
  ...[0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300],
];

/** What is counted of the events of one resource's watches. */
export interface EventCounts {
  count(bytes: number): void;
}

const UNCOUNTED: EventCounts = { count: () => {} };
const UNOBSERVED: Pick<Distribution, 'observe'> = { observe: () => {} };

/** Events that watchers are sent, and how long the state takes that a watch may begin with. */
export class WatchMetrics {
  private readonly counts = new WeakMap<ResourceEntry, EventCounts>();
  private readonly events;
  private readonly sizes;
  private readonly lists;
  /** Definitions that are served no more. Their watches that are open still would make their series again. */
  private readonly gone = new WeakSet<ResourceDefinition>();

  constructor(registry: MetricsRegistry) {
    const labels = { group: RESOURCES, version: RESOURCES, resource: RESOURCES };
    this.events = registry.counter({
      name: 'apiserver_watch_events_total',
      help: 'Events sent to watchers, by resource.',
      labels,
    });
    this.sizes = registry.histogram(
      { name: 'apiserver_watch_events_sizes', help: 'Sizes of events sent to watchers, in bytes.', labels },
      SIZES,
    );
    this.lists = registry.histogram(
      {
        name: 'apiserver_watch_list_duration_seconds',
        help: 'Time until a watch has sent the state that it begins with, in seconds.',
        labels: { ...labels, scope: SCOPES },
      },
      LIST_SECONDS,
    );
  }

  /** Drops the series of resources that are served no more. Ends with the catalog. */
  follow(catalog: ResourceCatalog): void {
    catalog.onChange(({ removed }) => {
      for (const definition of removed) {
        const { group, version, plural } = definition;
        this.gone.add(definition);
        if (catalog.find(group, version, plural) !== undefined) continue;
        for (const family of [this.events, this.sizes, this.lists]) family.drop({ group, version, resource: plural });
      }
    });
  }

  of(entry: ResourceEntry): EventCounts {
    if (this.gone.has(entry.definition)) return UNCOUNTED;
    let found = this.counts.get(entry);
    if (!found) {
      const { group, version, plural } = entry.definition;
      const total = this.events.cell(group, version, plural);
      const sizes = this.sizes.cell(group, version, plural);
      found = {
        count: (bytes) => {
          total.value += 1;
          sizes.observe(bytes);
        },
      };
      this.counts.set(entry, found);
    }
    return found;
  }

  list({ definition }: ResourceEntry, route: Route): Pick<Distribution, 'observe'> {
    if (this.gone.has(definition)) return UNOBSERVED;
    const { group, version, plural } = definition;
    return this.lists.cell(group, version, plural, scopeOf(route));
  }
}
