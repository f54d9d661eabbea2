import type { Store } from '../storage/store.js';
import type { Cell, Distribution, MetricsRegistry } from './metrics-registry.js';
import type { RequestInfo } from './request-info.js';

/** Bounds of the reference's request duration histogram, in seconds. */
const DURATION_BUCKETS = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60,
];
const REQUEST_LABELS = ['verb', 'dry_run', 'group', 'version', 'resource', 'subresource', 'scope', 'component'];
const LONG_RUNNING = new Set(['log', 'exec', 'attach', 'portforward', 'proxy']);

interface Series {
  duration: Distribution;
  codes: Map<number, Cell>;
}

/** Counts requests as the reference names and labels them. */
export class RequestMetrics {
  private readonly series = new Map<string, Series>();
  private readonly total;
  private readonly duration;
  private readonly longRunning;
  readonly inflightReads: Cell;
  readonly inflightWrites: Cell;

  constructor(registry: MetricsRegistry) {
    this.total = registry.counter('apiserver_request_total', 'Requests by verb, resource and response code.', [
      ...REQUEST_LABELS,
      'code',
    ]);
    this.duration = registry.histogram(
      'apiserver_request_duration_seconds',
      'Time to answer, in seconds.',
      REQUEST_LABELS,
      DURATION_BUCKETS,
    );
    this.longRunning = registry.gauge('apiserver_longrunning_requests', 'Long-running requests that are open now.', [
      'verb',
      'group',
      'version',
      'resource',
      'subresource',
      'scope',
      'component',
    ]);
    const inflight = registry.gauge('apiserver_current_inflight_requests', 'Requests being worked on now, by kind.', [
      'request_kind',
    ]);
    this.inflightReads = inflight.cell('readOnly');
    this.inflightWrites = inflight.cell('mutating');
  }

  observe(info: RequestInfo, code: number, seconds: number): void {
    const dryRun = info.query.size > 0 ? (info.query.get('dryRun') ?? '') : '';
    const key = `${info.verb}|${info.group}/${info.version}/${info.resource}/${info.subresource}|${scopeOf(info)}|${dryRun}`;
    let series = this.series.get(key);
    if (!series) {
      if (this.series.size > 5000) return;
      series = { duration: this.duration.cell(...labelsOf(info, dryRun)), codes: new Map() };
      this.series.set(key, series);
    }
    let cell = series.codes.get(code);
    if (!cell) {
      cell = this.total.cell(...labelsOf(info, dryRun), String(code));
      series.codes.set(code, cell);
    }
    cell.value += 1;
    if (!isLongRunning(info)) series.duration.observe(seconds);
  }

  /** The gauge cell of a long-running request; undefined for others. */
  longRunningCell(info: RequestInfo): Cell | undefined {
    if (!isLongRunning(info)) return undefined;
    const { verb, group, version, resource, subresource } = info;
    return this.longRunning.cell(verb.toUpperCase(), group, version, resource, subresource, scopeOf(info), 'apiserver');
  }
}

export function isLongRunning(info: RequestInfo): boolean {
  return info.verb === 'watch' || info.verb === 'proxy' || LONG_RUNNING.has(info.subresource);
}

function labelsOf(info: RequestInfo, dryRun: string): string[] {
  const { verb, group, version, resource, subresource } = info;
  return [verb.toUpperCase(), dryRun, group, version, resource, subresource, scopeOf(info), 'apiserver'];
}

function scopeOf(info: RequestInfo): string {
  if (!info.isResourceRequest) return '';
  if (info.name !== '' && info.verb !== 'list' && info.verb !== 'watch') return 'resource';
  return info.namespace !== '' ? 'namespace' : info.verb === 'create' ? 'resource' : 'cluster';
}

/** What is stored, and what the process itself uses. */
export function registerProcessMetrics(
  registry: MetricsRegistry,
  store: Pick<Store, 'cache'>,
  storageResources: readonly string[],
): void {
  const objects = registry.gauge('apiserver_storage_objects', 'Stored objects by resource.', ['resource']);
  const cpu = registry.counter('process_cpu_seconds_total', 'CPU time spent, user and system, in seconds.', []).cell();
  const memory = registry.gauge('process_resident_memory_bytes', 'Resident memory in bytes.', []).cell();
  registry.gauge('process_start_time_seconds', 'Start of the process, seconds since the epoch.', []).cell().value =
    Math.round(Date.now() / 1000 - process.uptime());
  registry.onCollect(() => {
    for (const resource of storageResources) objects.cell(dotted(resource)).value = store.cache(resource).size;
    const { user, system } = process.cpuUsage();
    cpu.value = (user + system) / 1e6;
    memory.value = process.memoryUsage.rss();
  });
}

/** `deployments.apps`, as the metric names resources. */
function dotted(storageResource: string): string {
  const slash = storageResource.indexOf('/');
  return slash < 0 ? storageResource : `${storageResource.slice(slash + 1)}.${storageResource.slice(0, slash)}`;
}
