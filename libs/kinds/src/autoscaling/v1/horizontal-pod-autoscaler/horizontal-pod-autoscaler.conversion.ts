import { isJsonObject, type KubeObject, ownValue, setOwn } from '#apimachinery';
import { metricFromV1, metricStatusFromV1, metricStatusToV1, metricToV1 } from './metric.conversion.js';

/**
 * autoscaling/v1 HorizontalPodAutoscaler over the stored v2 one. What v1 has no field for travels in annotations with
 * upstream's names and forms, so that a v1 client that writes back what it read loses nothing.
 */

const prefix = 'autoscaling.alpha.kubernetes.io/';
const annotation = {
  metrics: `${prefix}metrics`,
  behavior: `${prefix}behavior`,
  currentMetrics: `${prefix}current-metrics`,
  conditions: `${prefix}conditions`,
};
const annotationNames: readonly string[] = Object.values(annotation);

function isCpuUtilization(metric: any): boolean {
  return (
    metric.type === 'Resource' &&
    metric.resource?.name === 'cpu' &&
    metric.resource.target?.averageUtilization !== undefined
  );
}

function cpuUtilization(averageUtilization: number): object {
  return { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } } };
}

/** v1 as served to v2 as stored; an object that is v2 already is returned as it is. */
export function hpaToStorage(hpa: KubeObject): KubeObject {
  if (hpa.apiVersion !== 'autoscaling/v1') return hpa;
  const annotations = hpa.metadata.annotations ?? {};
  const { targetCPUUtilizationPercentage, ...spec } = hpa.spec ?? {};
  const metrics: object[] = listIn(ownValue(annotations, annotation.metrics)).map(metricFromV1);
  if (targetCPUUtilizationPercentage !== undefined) metrics.push(cpuUtilization(targetCPUUtilizationPercentage));
  const behavior = parsed(ownValue(annotations, annotation.behavior));
  spec.metrics = metrics.length > 0 ? metrics : [cpuUtilization(80)];
  if (isJsonObject(behavior) && Object.keys(behavior).length > 0) spec.behavior = withCase(behavior, lowerFirst);
  return {
    apiVersion: 'autoscaling/v2',
    kind: hpa.kind,
    metadata: withoutRoundTrip(hpa.metadata),
    spec,
    status: statusToStorage(hpa.status ?? {}, annotations),
  };
}

function statusToStorage(v1: any, annotations: Record<string, string>): object {
  const { currentCPUUtilizationPercentage, ...status } = v1;
  const currentMetrics = listIn(ownValue(annotations, annotation.currentMetrics)).map(metricStatusFromV1);
  if (currentMetrics.length > 0) status.currentMetrics = currentMetrics;
  else if (currentCPUUtilizationPercentage !== undefined) {
    const current = { averageUtilization: currentCPUUtilizationPercentage };
    status.currentMetrics = [{ type: 'Resource', resource: { name: 'cpu', current } }];
  }
  const conditions = listIn(ownValue(annotations, annotation.conditions));
  if (conditions.length > 0) status.conditions = conditions;
  return status;
}

/** v2 as stored to v1 as served. */
export function hpaFromStorage(hpa: KubeObject): KubeObject {
  const { metrics: givenMetrics, behavior, ...spec } = hpa.spec ?? {};
  const { currentMetrics: givenCurrent, conditions: givenConditions, ...status } = hpa.status ?? {};
  // A list that the type requires is null in an object that was not stored yet.
  const [metrics, currentMetrics, conditions] = [givenMetrics ?? [], givenCurrent ?? [], givenConditions ?? []];
  const cpu = metrics.find(isCpuUtilization);
  if (cpu !== undefined) spec.targetCPUUtilizationPercentage = cpu.resource.target.averageUtilization;
  const current = currentMetrics.findLast(
    (metric: any) =>
      metric.type === 'Resource' && metric.resource?.name === 'cpu' && metric.resource.current?.averageUtilization,
  );
  if (current !== undefined) status.currentCPUUtilizationPercentage = current.resource.current.averageUtilization;
  status.currentReplicas ??= 0;

  const metadata = withoutRoundTrip(hpa.metadata);
  const added: Record<string, string> = {};
  const others = metrics.filter((metric: any) => !isCpuUtilization(metric));
  if (others.length > 0) setOwn(added, annotation.metrics, JSON.stringify(others.map(metricToV1)));
  if (currentMetrics.length > 0)
    setOwn(added, annotation.currentMetrics, JSON.stringify(currentMetrics.map(metricStatusToV1)));
  if (behavior !== undefined) setOwn(added, annotation.behavior, JSON.stringify(withCase(behavior, upperFirst)));
  if (conditions.length > 0) setOwn(added, annotation.conditions, JSON.stringify(conditions));
  if (Object.keys(added).length > 0) metadata.annotations = { ...metadata.annotations, ...added };
  return { apiVersion: 'autoscaling/v1', kind: hpa.kind, metadata, spec, status };
}

function withoutRoundTrip(metadata: KubeObject['metadata']): KubeObject['metadata'] {
  const { annotations } = metadata;
  if (annotations === undefined || !annotationNames.some((name) => Object.hasOwn(annotations, name)))
    return { ...metadata };
  const kept = Object.entries(annotations).filter(([name]) => !annotationNames.includes(name));
  const { annotations: _, ...rest } = metadata;
  return kept.length > 0 ? { ...rest, annotations: Object.fromEntries(kept) } : rest;
}

function parsed(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // A damaged annotation is as good as none: upstream ignores it too.
  }
}

function listIn(text: string | undefined): any[] {
  const value = parsed(text);
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

/** The behavior annotation has Go's field names: the same keys, capitalized. Unset ones may read null. */
function withCase(value: unknown, rename: (key: string) => string): unknown {
  if (Array.isArray(value)) return value.map((item) => withCase(item, rename));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== null)
      .map(([key, item]) => [rename(key), withCase(item, rename)]),
  );
}

const upperFirst = (key: string): string => key.charAt(0).toUpperCase() + key.slice(1);
const lowerFirst = (key: string): string => key.charAt(0).toLowerCase() + key.slice(1);
