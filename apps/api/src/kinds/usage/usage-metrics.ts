import { formatDuration, formatTime, type KubeObject, notFound, Quantity } from '#apimachinery';
import type { ComputedResource } from '../../registry/computed-resource.js';
import type { CachedObject, Store } from '../../storage/store.js';
import type { Usage, UsagePoints } from './usage-points.js';

const GROUP = 'metrics.k8s.io';
const VERSION = 'v1beta1';

/** What the answers are made of. */
export interface UsageSource {
  readonly points: UsagePoints;
  /** Resolves when the points are as new as they get. */
  current(): Promise<void>;
}

/** `nodes` and `pods` of metrics.k8s.io: what an agent measured, for objects that are there. */
export function usageMetrics(
  source: UsageSource,
  store: Pick<Store, 'cache' | 'readBarrier'>,
  now: () => Date,
): ComputedResource[] {
  const nodes = new UsageOf('nodes', 'nodemetrics', source, store, (item) => nodeMetrics(source.points, item, now()));
  const pods = new UsageOf('pods', 'podmetrics', source, store, (item) => podMetrics(source.points, item, now()));
  return [nodes, pods];
}

class UsageOf implements ComputedResource {
  readonly group = GROUP;
  readonly version = VERSION;

  constructor(
    readonly resource: 'nodes' | 'pods',
    /** What is not found when the object is there, and its usage is not. */
    private readonly computedName: string,
    private readonly source: UsageSource,
    private readonly store: Pick<Store, 'cache' | 'readBarrier'>,
    private readonly compute: (item: CachedObject) => KubeObject | undefined,
  ) {}

  async get(namespace: string, name: string): Promise<KubeObject> {
    await this.store.readBarrier();
    const item = this.store.cache(this.resource).get(namespace, name);
    if (!item) throw notFound({ group: '', resource: this.resource }, name);
    await this.source.current();
    const metrics = this.compute(item);
    if (metrics) return metrics;
    throw notFound({ group: GROUP, resource: this.computedName }, namespace === '' ? name : `${namespace}/${name}`);
  }

  async list({ namespace, filter }: Parameters<ComputedResource['list']>[0]): Promise<KubeObject[]> {
    await this.source.current();
    const { items } = this.store.cache(this.resource).list({ namespace, filter })!;
    return items.flatMap((item) => this.compute(item) ?? []);
  }
}

function nodeMetrics(points: UsagePoints, item: CachedObject, now: Date): KubeObject | undefined {
  const usage = points.node(item.name);
  return usage && { ...header('NodeMetrics', item, now), ...measured(usage), usage: quantities(usage) };
}

function podMetrics(points: UsagePoints, item: CachedObject, now: Date): KubeObject | undefined {
  const { spec, status } = item.parse() as KubeObject;
  if (status?.phase !== 'Running' || !spec?.nodeName) return undefined;
  const containers = points.pod(spec.nodeName, `${item.namespace}/${item.name}`);
  if (!containers?.length) return undefined;
  const oldest = containers.reduce((first, container) => (container.time < first.time ? container : first));
  return {
    ...header('PodMetrics', item, now),
    ...measured(oldest),
    containers: containers.map((usage) => ({ name: usage.name, usage: quantities(usage) })),
  };
}

function header(kind: string, { namespace, name, labels }: CachedObject, now: Date): KubeObject {
  return {
    kind,
    apiVersion: `${GROUP}/${VERSION}`,
    metadata: {
      name,
      ...(namespace === '' ? undefined : { namespace }),
      creationTimestamp: formatTime(now),
      ...(labels && { labels: { ...labels } }),
    },
  };
}

function measured({ time, window }: Usage): { timestamp: string; window: string } {
  return { timestamp: formatTime(new Date(time)), window: formatDuration(window) };
}

function quantities({ nanoCores, memory }: Usage): { cpu: string; memory: string } {
  return {
    cpu: Quantity.of(nanoCores, 'DecimalSI', -9).toString(),
    memory: Quantity.of(memory, 'BinarySI').toString(),
  };
}
