import { STATUS_CODES } from 'node:http';
import type { ResourceCatalog, ResourceDefinition } from '#kinds';
import { type Cell, type Distribution, exponentialBuckets, type MetricsRegistry } from '#telemetry';
import type { ResourceEntry } from '../../registry/resource-table.js';
import type { Route } from '../dispatch/route.js';
import { AccessMetrics } from './access-metrics.js';
import { entryOf, RESOURCES, SCOPES, scopeOf } from './request-labels.js';

/** Bounds of the reference's request duration histogram, in seconds. */
const DURATION_BUCKETS = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60,
];
/** Bytes, from a kilobyte to a gigabyte. */
const SIZE_BUCKETS = exponentialBuckets(1000, 10, 7);
/** Labels are these, or come from the table of resources: what clients write never becomes a series. */
const VERBS = new Set([
  ...['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'],
  ...['head', 'post', 'put', 'options'],
]);
const CODES = new Set(Object.keys(STATUS_CODES).map(Number));
const OTHER = 'other';
const WHAT_LABELS = { group: RESOURCES, version: RESOURCES, resource: RESOURCES, subresource: 100 };
const WHERE_LABELS = { scope: SCOPES, component: ['apiserver'] };
const VERB_LABEL = { verb: [...VERBS].map((verb) => verb.toUpperCase()) };
const REQUEST_LABELS = { ...VERB_LABEL, dry_run: ['', 'All'], ...WHAT_LABELS, ...WHERE_LABELS };

interface Series {
  duration: Distribution;
  /** Of reads. */
  sizes: Distribution | undefined;
  codes: Map<number, Cell>;
}

/** Counts requests as the reference names and labels them; those that were refused before they were served are not among them. */
export class RequestMetrics {
  /** Of what is served: the series of an entry that is taken out go with it. */
  private readonly series = new WeakMap<ResourceEntry, Map<string, Series>>();
  private readonly ofNothing = new Map<string, Series>();
  private readonly total;
  private readonly duration;
  private readonly longRunning;
  private readonly sizes;
  private readonly deprecated;
  readonly access: AccessMetrics;
  /** Definitions that are served no more. Requests for them that end now would make their series again. */
  private readonly gone = new WeakSet<ResourceDefinition>();
  readonly inflightReads: Cell;
  readonly inflightWrites: Cell;

  constructor(registry: MetricsRegistry) {
    this.access = new AccessMetrics(registry);
    this.total = registry.counter({
      name: 'apiserver_request_total',
      help: 'Requests by verb, resource and response code.',
      labels: { ...REQUEST_LABELS, code: [...CODES].map(String) },
    });
    this.duration = registry.histogram(
      { name: 'apiserver_request_duration_seconds', help: 'Time to answer, in seconds.', labels: REQUEST_LABELS },
      DURATION_BUCKETS,
    );
    this.longRunning = registry.gauge({
      name: 'apiserver_longrunning_requests',
      help: 'Long-running requests that are open now.',
      labels: { ...VERB_LABEL, ...WHAT_LABELS, ...WHERE_LABELS },
    });
    this.sizes = registry.histogram(
      {
        name: 'apiserver_response_sizes',
        help: 'Sizes of the answers to reads, in bytes.',
        labels: { ...VERB_LABEL, ...WHAT_LABELS, ...WHERE_LABELS },
      },
      SIZE_BUCKETS,
    );
    this.deprecated = registry.gauge({
      name: 'apiserver_requested_deprecated_apis',
      help: 'Deprecated APIs that somebody has asked for: 1.',
      labels: { ...WHAT_LABELS, removed_release: 10 },
    });
    const inflight = registry.gauge({
      name: 'apiserver_current_inflight_requests',
      help: 'Requests being worked on now, by kind.',
      labels: { request_kind: ['readOnly', 'mutating'] },
    });
    this.inflightReads = inflight.cell('readOnly');
    this.inflightWrites = inflight.cell('mutating');
  }

  /** Drops the series of resources that are served no more. Ends with the catalog. */
  follow(catalog: ResourceCatalog): void {
    catalog.onChange(({ removed }) => {
      for (const definition of removed) {
        const { group, version, plural } = definition;
        this.gone.add(definition);
        if (catalog.find(group, version, plural) !== undefined) continue;
        for (const family of [this.total, this.duration, this.longRunning, this.sizes, this.deprecated]) {
          family.drop({ group, version, resource: plural });
        }
      }
    });
  }

  /** @param bytes - of the answer's body. */
  observe(route: Route, code: number, seconds: number, bytes: number): void {
    const { verb, query, subresource } = route.info;
    const entry = entryOf(route);
    if (entry && this.gone.has(entry.definition)) return;
    const dryRun = query.size > 0 && query.get('dryRun') === 'All' ? 'All' : '';
    const scope = scopeOf(route);
    let ofEntry = entry ? this.series.get(entry) : this.ofNothing;
    if (!ofEntry) {
      ofEntry = new Map();
      this.series.set(entry!, ofEntry);
    }
    // A subresource that the route knows is the table's.
    const where = entry ? subresource : route.info.isResourceRequest ? OTHER : '';
    const key = `${VERBS.has(verb) ? verb : OTHER}|${where}|${scope}|${dryRun}`;
    let series = ofEntry.get(key);
    if (!series) {
      series = this.seriesOf(route, dryRun);
      ofEntry.set(key, series);
    }
    // What a pod answers through a proxy may be any number.
    const known = CODES.has(code) ? code : 0;
    let cell = series.codes.get(known);
    if (!cell) {
      cell = this.total.cell(...labelsOf(route, dryRun), known === 0 ? OTHER : String(known));
      series.codes.set(known, cell);
    }
    cell.value += 1;
    if (isLongRunning(route)) return;
    series.duration.observe(seconds);
    series.sizes?.observe(bytes);
  }

  private seriesOf(route: Route, dryRun: string): Series {
    const labels = labelsOf(route, dryRun);
    const [verb, , ...rest] = labels;
    const definition = entryOf(route)?.definition;
    if (definition?.deprecationWarning) {
      const { group, version, plural } = definition;
      // None that is served has a release in which it goes.
      this.deprecated.cell(group, version, plural, route.info.subresource, '').value = 1;
    }
    const isRead = verb === 'GET' || verb === 'LIST';
    return {
      duration: this.duration.cell(...labels),
      sizes: isRead ? this.sizes.cell(verb, ...rest) : undefined,
      codes: new Map(),
    };
  }

  /** The gauge cell of a long-running request. */
  longRunningCell(route: Route): Cell {
    const [verb, , ...labels] = labelsOf(route, '');
    return this.longRunning.cell(verb!, ...labels);
  }
}

/** Subresources of other API servers that stream: the reference's, whatever their resource is. */
const STREAMS = new Set(['proxy', 'log', 'exec', 'attach', 'portforward']);

/** Whether a request ends only when its client or the server wants it to. What is nowhere served is answered at once. */
export function isLongRunning(route: Route): boolean {
  const { verb, subresource } = route.info;
  if (route.kind === 'connect') return true;
  if (route.kind === 'objects') return verb === 'watch';
  return route.kind === 'aggregated' && (verb === 'watch' || STREAMS.has(subresource));
}

function labelsOf(route: Route, dryRun: string): string[] {
  const { verb, subresource, isResourceRequest } = route.info;
  const shown = VERBS.has(verb) ? verb.toUpperCase() : OTHER;
  const definition = entryOf(route)?.definition;
  const what = definition
    ? [definition.group, definition.version, definition.plural, subresource]
    : ['', '', isResourceRequest ? OTHER : '', ''];
  return [shown, dryRun, ...what, scopeOf(route), 'apiserver'];
}
