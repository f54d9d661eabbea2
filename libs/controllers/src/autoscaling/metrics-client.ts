import {
  type GroupVersionResource,
  groupOf,
  isNotFound,
  type KubeList,
  type KubeObject,
  labelSelectorMatcher,
  parseDuration,
  parseTime,
  Quantity,
} from '#apimachinery';
import type { Client, ServedResources } from '#client';
import type { CrossVersionObjectReference, MetricIdentifier } from '#kinds';
import { type PodMetrics, type PodUsage, usageOfContainers, usageOfPods } from './pod-metrics.js';

const POD_USAGE = { group: 'metrics.k8s.io', version: 'v1beta1', resource: 'pods' };
const CUSTOM_METRICS = 'custom.metrics.k8s.io';
/** The newest first. */
const CUSTOM_VERSIONS = ['v1beta2', 'v1beta1'];
const EXTERNAL_METRICS = { group: 'external.metrics.k8s.io', version: 'v1beta1' };
/** Milliseconds that a custom metric was measured for when nobody says. */
const DEFAULT_WINDOW_MS = 60_000;
/** What a server says of a path that it does not serve. */
const NO_SUCH_PATH = 'the server could not find the requested resource';

/** `MetricValueList` of custom.metrics.k8s.io: an item for each object. */
interface CustomValue {
  describedObject: { name: string };
  timestamp: string;
  value: string;
  windowSeconds?: number;
  /** In v1beta1. */
  window?: string;
}

/** The three APIs of metrics, through the API server like any other client of theirs. Values are in thousandths. */
export class MetricsClient {
  constructor(
    private readonly client: Client,
    private readonly resources: ServedResources,
  ) {}

  /** What pods use of a resource; of one of their containers unless `container` is ''. */
  async resource(resource: string, namespace: string, selector: string, container: string): Promise<PodMetrics> {
    const from = 'resource metrics API';
    const { items } = await fetched(from, () =>
      this.client.list<PodUsage>(POD_USAGE, { namespace, labelSelector: selector }),
    );
    if (items.length === 0) throw new Error(`no metrics returned from ${from}`);
    return container === '' ? usageOfPods(items, resource) : usageOfContainers(items, resource, container);
  }

  /** A metric of the selected pods. */
  async pods({ name, selector }: MetricIdentifier, namespace: string, podSelector: string): Promise<PodMetrics> {
    const from = 'custom metrics API';
    const query = { labelSelector: podSelector, ...metricSelector(selector) };
    const values = await fetched(from, () => this.custom('pods', namespace, '*', name, query));
    if (values.length === 0) throw new Error(`no metrics returned from ${from}`);
    return new Map(
      values.map((item) => [
        item.describedObject.name,
        { value: milliOf(item.value), time: parseTime(item.timestamp) ?? 0, window: windowOf(item) },
      ]),
    );
  }

  /** A metric of one object; a namespace is that of the autoscaler, whatever its reference says. */
  async object(
    { name, selector }: MetricIdentifier,
    namespace: string,
    of: CrossVersionObjectReference,
  ): Promise<number> {
    const query = metricSelector(selector);
    const values = await fetched('custom metrics API', () => {
      const group = groupOf(of.apiVersion ?? '');
      if (of.kind === 'Namespace' && group === '') return this.custom('metrics', namespace, name, '', query);
      return this.custom(this.resourceOf(group, of.kind), namespace, of.name, name, query);
    });
    if (values.length !== 1) {
      const text = `the custom metrics API server returned ${values.length} results when we asked for exactly one`;
      throw new Error(`unable to fetch metrics from custom metrics API: ${text}`);
    }
    return milliOf(values[0]!.value);
  }

  /** All values of an external metric. */
  async external({ name, selector }: MetricIdentifier, namespace: string): Promise<number[]> {
    const from = 'external metrics API';
    const resource: GroupVersionResource = { ...EXTERNAL_METRICS, resource: name };
    const labelSelector = labelSelectorMatcher(selector ?? {}).toString();
    const { items } = await fetched(from, async () => {
      try {
        return await this.client.list<KubeObject>(resource, { namespace, labelSelector });
      } catch (error) {
        if (!isNoSuchPath(error)) throw error;
        // As clients of the reference name what they asked for.
        throw new Error(`${NO_SUCH_PATH} (get ${name}.${EXTERNAL_METRICS.group})`);
      }
    });
    if (items.length === 0) throw new Error(`no metrics returned from ${from}`);
    return items.map((item) => milliOf(item['value']));
  }

  private resourceOf(group: string, kind: string): string {
    const definition = this.resources.list().find((item) => item.group === group && item.kind === kind);
    if (!definition) {
      const text = group === '' ? kind : `${kind}.${group}`;
      const why = `no matches for kind "${kind}" in group "${group}"`;
      throw new Error(`unable to map kind ${text} to resource: ${why}`);
    }
    return group === '' ? definition.plural : `${definition.plural}.${group}`;
  }

  /** By the newest version that is served. */
  private async custom(
    resource: string,
    namespace: string,
    name: string,
    subresource: string,
    query: Record<string, string>,
  ): Promise<CustomValue[]> {
    for (const version of CUSTOM_VERSIONS) {
      const gvr = { group: CUSTOM_METRICS, version, resource };
      try {
        const list = (await this.client.get(gvr, namespace, name, subresource, query)) as unknown as KubeList;
        return (list.items ?? []) as unknown as CustomValue[];
      } catch (error) {
        if (!isNoSuchPath(error)) throw error;
      }
    }
    throw new Error(`no custom metrics API (${CUSTOM_METRICS}) registered`);
  }
}

function metricSelector(selector: MetricIdentifier['selector']): { metricLabelSelector?: string } {
  const text = labelSelectorMatcher(selector ?? {}).toString();
  return text === '' ? {} : { metricLabelSelector: text };
}

function milliOf(text: string): number {
  return Quantity.parse(text).milliValue();
}

function windowOf({ windowSeconds, window }: CustomValue): number {
  if (windowSeconds !== undefined) return windowSeconds * 1000;
  return window === undefined ? DEFAULT_WINDOW_MS : parseDuration(window);
}

function isNoSuchPath(error: unknown): boolean {
  return isNotFound(error) && (error as Error).message === NO_SUCH_PATH;
}

async function fetched<T>(from: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new Error(`unable to fetch metrics from ${from}: ${(error as Error).message}`, { cause: error });
  }
}
