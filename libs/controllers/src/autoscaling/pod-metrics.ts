import { type KubeObject, parseDuration, parseTime, Quantity } from '#apimachinery';

/** What one pod says of one metric. Values are in thousandths; times in milliseconds. */
export interface PodMetric {
  value: number;
  /** Since the epoch. */
  time: number;
  window: number;
}

/** By name of the pod. */
export type PodMetrics = Map<string, PodMetric>;

/** `PodMetrics` of metrics.k8s.io. */
export interface PodUsage extends KubeObject {
  timestamp: string;
  window: string;
  containers?: { name: string; usage: Record<string, string> }[];
}

/** What the pods use of a resource; a pod of which a container does not say it is left out. */
export function usageOfPods(items: readonly PodUsage[], resource: string): PodMetrics {
  const metrics: PodMetrics = new Map();
  for (const item of items) {
    const containers = item.containers ?? [];
    const values = containers.map(({ usage }) => milliOf(usage, resource));
    if (values.length === 0 || values.includes(undefined)) continue;
    metrics.set(item.metadata.name!, {
      ...measured(item),
      value: values.reduce((sum: number, value) => sum + value!, 0),
    });
  }
  return metrics;
}

/** What one container of each pod uses of a resource. */
export function usageOfContainers(items: readonly PodUsage[], resource: string, container: string): PodMetrics {
  const metrics: PodMetrics = new Map();
  for (const item of items) {
    const found = item.containers?.find(({ name }) => name === container);
    const value = found && milliOf(found.usage, resource);
    if (value !== undefined) metrics.set(item.metadata.name!, { ...measured(item), value });
  }
  return metrics;
}

function measured({ timestamp, window }: PodUsage): Pick<PodMetric, 'time' | 'window'> {
  return { time: parseTime(timestamp) ?? 0, window: parseDuration(window) };
}

function milliOf(usage: Readonly<Record<string, string>>, resource: string): number | undefined {
  return Object.hasOwn(usage, resource) ? Quantity.parse(usage[resource]!).milliValue() : undefined;
}

/**
 * The sum of what the pods use in percent of the sum of what they request, over the target: above 1 more pods are needed.
 * Throws when no pod has both.
 */
export function utilizationRatio(
  metrics: PodMetrics,
  requests: ReadonlyMap<string, number>,
  target: number,
): { ratio: number; utilization: number; average: number } {
  let used = 0;
  let requested = 0;
  let pods = 0;
  for (const [name, { value }] of metrics) {
    const request = requests.get(name);
    if (request === undefined) continue;
    used += value;
    requested += request;
    pods += 1;
  }
  if (requested === 0) throw new Error('no metrics returned matched known pods');
  const utilization = Math.trunc((used * 100) / requested);
  return { ratio: utilization / target, utilization, average: Math.trunc(used / pods) };
}

/** The average over the target. `metrics` is not empty. */
export function usageRatio(metrics: PodMetrics, target: number): { ratio: number; average: number } {
  let used = 0;
  for (const { value } of metrics.values()) used += value;
  const average = Math.trunc(used / metrics.size);
  return { ratio: average / target, average };
}
