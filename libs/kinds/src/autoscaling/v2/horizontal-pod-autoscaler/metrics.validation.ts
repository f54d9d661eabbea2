import { isDNS1123Label, isPathSegmentName, Quantity } from '#apimachinery';
import { checkContainerResource } from '../../../core/v1/resource-names.js';
import type {
  ContainerResourceMetricSource,
  ExternalMetricSource,
  MetricIdentifier,
  MetricSpec,
  MetricTarget,
  ObjectMetricSource,
  PodsMetricSource,
  ResourceMetricSource,
} from '../../../generated/types.js';
import type { FieldCursor } from '../../../validation/field-cursor.js';
import { checkReferencedObject } from './object-reference.validation.js';

/** What an autoscaler looks at. */

const metricTypes = ['ContainerResource', 'External', 'Object', 'Pods', 'Resource'];
const targetTypes = ['Utilization', 'Value', 'AverageValue'];
export interface MetricContext {
  minReplicas: number | undefined;
  /** An update keeps an apiVersion that an older release accepted. */
  anyApiVersion: boolean;
}

export function checkMetrics(at: FieldCursor, metrics: readonly MetricSpec[], context: MetricContext): void {
  at.each('metrics', metrics, (metric) => checkMetric(at, metric, context));
  const scalesFromZero = metrics.some(({ type }) => type === 'Object' || type === 'External');
  if (context.minReplicas === 0 && !scalesFromZero) {
    at.forbidden('metrics', 'must specify at least one Object or External metric to support scaling to zero replicas');
  }
}

function checkMetric(at: FieldCursor, metric: MetricSpec, context: MetricContext): void {
  const type = metric.type ?? '';
  if (type === '') at.required('type', 'must specify a metric source type');
  if (!metricTypes.includes(type)) at.notSupported('type', type, metricTypes);
  const present = blocks.filter(({ name }) => metric[name] !== undefined);
  const first = present[0];
  if (first !== undefined) at.within(first.name, () => first.check(at, metric, context));
  const wanted = blocks.find((block) => block.type === type)?.name;
  if (wanted === undefined) at.notSupported('type', type, metricTypes);
  else if (metric[wanted] === undefined) {
    at.required(wanted, 'must populate information for the given metric source');
  }
  if (present.length === 1) return;
  for (const { name } of present) {
    if (name !== wanted) at.forbidden(name, 'must populate the given metric source only');
  }
}

interface Block {
  name: 'object' | 'external' | 'pods' | 'resource' | 'containerResource';
  type: string;
  check(at: FieldCursor, metric: MetricSpec, context: MetricContext): void;
}

/** The block of each type, in the order in which they are looked at. */
const blocks: readonly Block[] = [
  { name: 'object', type: 'Object', check: (at, metric, context) => checkObject(at, metric.object!, context) },
  { name: 'external', type: 'External', check: (at, metric) => checkExternal(at, metric.external!) },
  { name: 'pods', type: 'Pods', check: (at, metric) => checkPods(at, metric.pods!) },
  { name: 'resource', type: 'Resource', check: (at, metric) => checkResource(at, metric.resource!) },
  {
    name: 'containerResource',
    type: 'ContainerResource',
    check: (at, metric) => checkContainer(at, metric.containerResource!),
  },
];

function checkObject(at: FieldCursor, source: ObjectMetricSource, { anyApiVersion }: MetricContext): void {
  const { describedObject, metric, target } = source;
  at.within('describedObject', () => checkReferencedObject(at, describedObject, { anyApiVersion, mayBeCore: true }));
  checkIdentifier(at, metric);
  checkTarget(at, target);
  if (target.value === undefined && target.averageValue === undefined) {
    at.required('target.averageValue', 'must set either a target value or averageValue');
  }
}

function checkExternal(at: FieldCursor, { metric, target }: ExternalMetricSource): void {
  checkIdentifier(at, metric);
  checkTarget(at, target);
  if (target.value === undefined && target.averageValue === undefined) {
    at.required('target.averageValue', 'must set either a target value for metric or a per-pod target');
  }
  if (target.value !== undefined && target.averageValue !== undefined) {
    at.forbidden('target.value', 'may not set both a target value for metric and a per-pod target');
  }
}

function checkPods(at: FieldCursor, { metric, target }: PodsMetricSource): void {
  checkIdentifier(at, metric);
  checkTarget(at, target);
  if (target.averageValue === undefined) {
    at.required('target.averageValue', 'must specify a positive target averageValue');
  }
}

function checkResource(at: FieldCursor, { name, target }: ResourceMetricSource): void {
  if (!name) at.required('name', 'must specify a resource name');
  checkResourceTarget(at, target);
}

function checkContainer(at: FieldCursor, { name, container, target }: ContainerResourceMetricSource): void {
  if (name) at.within('name', () => checkContainerResource(at, name));
  else at.required('name', 'must specify a resource name');
  if (container) at.format('container', container, isDNS1123Label);
  else at.required('container', 'must specify a container');
  checkResourceTarget(at, target);
}

function checkResourceTarget(at: FieldCursor, target: MetricTarget): void {
  checkTarget(at, target);
  const { averageUtilization, averageValue } = target;
  if (averageUtilization === undefined && averageValue === undefined) {
    at.required('target.averageUtilization', 'must set either a target raw value or a target utilization');
  }
  if (averageUtilization !== undefined && averageValue !== undefined) {
    at.forbidden('target.averageValue', 'may not set both a target raw value and a target utilization');
  }
}

function checkIdentifier(at: FieldCursor, { name }: MetricIdentifier): void {
  if (name) at.format('metric.name', name, isPathSegmentName);
  else at.required('metric.name', 'must specify a metric name');
}

function checkTarget(at: FieldCursor, { type = '', value, averageValue, averageUtilization }: MetricTarget): void {
  at.within('target', () => {
    if (type === '') at.required('type', 'must specify a metric target type');
    if (!targetTypes.includes(type)) at.invalid('type', type, 'must be either Utilization, Value, or AverageValue');
    for (const [name, given] of Object.entries({ value, averageValue })) {
      if (given === undefined) continue;
      const amount = Quantity.parse(given);
      if (amount.sign() <= 0) at.invalid(name, amount.toString(), 'must be positive');
    }
    if (averageUtilization !== undefined && averageUtilization < 1) {
      at.invalid('averageUtilization', averageUtilization, 'must be greater than 0');
    }
  });
}
