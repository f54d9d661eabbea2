import { Quantity } from '#apimachinery';
import type {
  HorizontalPodAutoscaler,
  MetricIdentifier,
  MetricSpec,
  MetricStatus,
  MetricTarget,
  MetricValueStatus,
  Pod,
} from '#kinds';
import { selectorText } from '../workload/selector-text.js';
import type { MetricsClient } from './metrics-client.js';
import {
  type CalculatorSettings,
  type Proposal,
  replicasByAverage,
  replicasByShare,
  replicasByUtilization,
  replicasByValue,
  sumOfValues,
  type Tolerances,
} from './replica-calculator.js';

/** What a metric says about the number of replicas. */
export interface MetricProposal {
  replicas: number;
  /** The metric, as reasons of a change name it. */
  name: string;
  status: MetricStatus;
}

/** Why a metric says nothing. */
export class MetricFailure extends Error {
  constructor(
    /** Of the condition, and of the event. */
    readonly reason: string,
    /** What the condition and the event say. */
    readonly why: string,
    /** With what it is about. */
    message: string,
    /** The autoscaler asks for what there is not. */
    readonly isSpecError = false,
  ) {
    super(message);
  }
}

/** One look at an autoscaler's target. */
export interface Target {
  specReplicas: number;
  statusReplicas: number;
  /** As the scale says it. */
  selector: string;
  pods: readonly Pod[];
}

export interface ProposalContext {
  metrics: MetricsClient;
  autoscaler: HorizontalPodAutoscaler;
  target: Target;
  tolerances: Tolerances;
  settings: CalculatorSettings;
}

/** Rejects with MetricFailure when the metric says nothing. */
export async function propose(context: ProposalContext, spec: MetricSpec): Promise<MetricProposal> {
  switch (spec.type) {
    case 'Object':
      return told('FailedGetObjectMetric', 'failed to get object metric value', () => byObject(context, spec.object!));
    case 'Pods':
      return told('FailedGetPodsMetric', 'failed to get pods metric value', () => byPods(context, spec.pods!));
    case 'Resource': {
      const { name, target } = spec.resource!;
      return told('FailedGetResourceMetric', `failed to get ${name} resource metric value`, async () => {
        const { current, ...proposal } = await byResource(context, name, '', target, 'resource');
        return { ...proposal, status: { type: 'Resource', resource: { name, current } } };
      });
    }
    case 'ContainerResource': {
      const { name, container, target } = spec.containerResource!;
      return told('FailedGetContainerResourceMetric', `failed to get ${container} container metric value`, async () => {
        const { current, ...proposal } = await byResource(context, name, container, target, 'container resource');
        return { ...proposal, status: { type: 'ContainerResource', containerResource: { name, container, current } } };
      });
    }
    case 'External': {
      const { metric, target } = spec.external!;
      return told('FailedGetExternalMetric', `failed to get ${metric.name} external metric value`, () =>
        byExternal(context, metric, target),
      );
    }
    default: {
      const message = `unknown metric source type "${spec.type}"`;
      throw new MetricFailure('InvalidMetricSourceType', message, message, true);
    }
  }
}

async function told(reason: string, about: string, work: () => Promise<MetricProposal>): Promise<MetricProposal> {
  try {
    return await work();
  } catch (error) {
    const why = error instanceof Narrower ? error.why : (error as Error).message;
    throw new MetricFailure(reason, why, `${about}: ${(error as Error).message}`);
  }
}

/** A failure of which conditions and events say less than the whole message. */
class Narrower extends Error {
  constructor(
    readonly why: string,
    about: string,
  ) {
    super(`${about}: ${why}`);
  }
}

async function narrower<T>(about: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new Narrower((error as Error).message, about);
  }
}

async function wrapped<T>(about: string, work: () => Promise<T> | T): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new Error(`${about}: ${(error as Error).message}`);
  }
}

interface ResourceProposal {
  replicas: number;
  name: string;
  current: MetricValueStatus;
}

async function byResource(
  { metrics, autoscaler, target, tolerances, settings }: ProposalContext,
  resource: string,
  container: string,
  wanted: MetricTarget,
  what: string,
): Promise<ResourceProposal> {
  const { specReplicas, selector, pods } = target;
  const used = () =>
    wrapped(`unable to get metrics for resource ${resource}`, () =>
      metrics.resource(resource, autoscaler.metadata.namespace!, selector, container),
    );
  // BinarySI: as the API of these metrics shows memory.
  const shown = (usage: number) => quantity(usage, resource === 'memory' ? 'BinarySI' : 'DecimalSI');
  const { averageValue, averageUtilization } = wanted;
  if (averageValue !== undefined) {
    const { replicas, usage } = await wrapped(`failed to get ${resource} usage`, async () =>
      replicasByAverage(specReplicas, milliOf(averageValue), resource, pods, await used(), tolerances, settings),
    );
    return { replicas, name: `${resource} resource`, current: { averageValue: shown(usage) } };
  }
  if (averageUtilization === undefined) {
    throw new Error(
      'invalid resource metric source: neither an average utilization target nor an average value (usage) target was set',
    );
  }
  const { replicas, usage, utilization } = await wrapped(`failed to get ${resource} utilization`, async () =>
    replicasByUtilization(
      specReplicas,
      averageUtilization,
      resource,
      container,
      pods,
      await used(),
      tolerances,
      settings,
    ),
  );
  return {
    replicas,
    name: `${resource} ${what} utilization (percentage of request)`,
    current: { averageUtilization: utilization, averageValue: shown(usage) },
  };
}

async function byPods(
  { metrics, autoscaler, target, tolerances, settings }: ProposalContext,
  { metric, target: wanted }: NonNullable<MetricSpec['pods']>,
): Promise<MetricProposal> {
  const values = await wrapped(`unable to get metric ${metric.name}`, () =>
    metrics.pods(metric, autoscaler.metadata.namespace!, target.selector),
  );
  const average = milliOf(wanted.averageValue ?? '0');
  const { replicas, usage } = replicasByAverage(
    target.specReplicas,
    average,
    '',
    target.pods,
    values,
    tolerances,
    settings,
  );
  const status = { type: 'Pods', pods: { metric: identified(metric), current: { averageValue: quantity(usage) } } };
  return { replicas, name: `pods metric ${metric.name}`, status };
}

async function byObject(
  { metrics, autoscaler, target, tolerances }: ProposalContext,
  { metric, describedObject, target: wanted }: NonNullable<MetricSpec['object']>,
): Promise<MetricProposal> {
  const namespace = autoscaler.metadata.namespace!;
  const { kind, name } = describedObject;
  const value = () =>
    wrapped(`unable to get metric ${metric.name} on ${kind} ${namespace}/${name}`, () =>
      metrics.object(metric, namespace, describedObject),
    );
  const told = (current: MetricValueStatus): MetricStatus => ({
    type: 'Object',
    object: { describedObject, metric: identified(metric), current },
  });
  if (wanted.type === 'Value' && wanted.value !== undefined) {
    const { replicas, usage } = replicasByValue(
      target.specReplicas,
      await value(),
      milliOf(wanted.value),
      target.pods,
      tolerances,
    );
    return { replicas, name: `${kind} metric ${metric.name}`, status: told({ value: quantity(usage) }) };
  }
  if (wanted.type === 'AverageValue' && wanted.averageValue !== undefined) {
    const found = await narrower(`failed to get ${metric.name} object metric`, value);
    const { replicas, usage } = replicasByShare(target.statusReplicas, found, milliOf(wanted.averageValue), tolerances);
    return { replicas, name: externalName(metric), status: told({ averageValue: quantity(usage) }) };
  }
  throw new Error('invalid object metric source: neither a value target nor an average value target was set');
}

async function byExternal(
  { metrics, autoscaler, target, tolerances }: ProposalContext,
  metric: MetricIdentifier,
  wanted: MetricTarget,
): Promise<MetricProposal> {
  const namespace = autoscaler.metadata.namespace!;
  const value = async () => {
    const about = `unable to get external metric ${namespace}/${metric.name}/${selectorText(metric.selector)}`;
    return sumOfValues(await wrapped(about, () => metrics.external(metric, namespace)));
  };
  const proposal = ({ replicas }: Proposal, current: MetricValueStatus): MetricProposal => ({
    replicas,
    name: externalName(metric),
    status: { type: 'External', external: { metric: identified(metric), current } },
  });
  const { averageValue, value: whole } = wanted;
  if (averageValue !== undefined) {
    const found = await narrower(`failed to get ${metric.name} external metric`, value);
    const share = replicasByShare(target.statusReplicas, found, milliOf(averageValue), tolerances);
    return proposal(share, { averageValue: quantity(share.usage) });
  }
  if (whole !== undefined) {
    const found = await narrower(`failed to get external metric ${metric.name}`, async () =>
      replicasByValue(target.specReplicas, await value(), milliOf(whole), target.pods, tolerances),
    );
    return proposal(found, { value: quantity(found.usage) });
  }
  throw new Error('invalid external metric source: neither a value target nor an average value target was set');
}

function identified({ name, selector }: MetricIdentifier): MetricIdentifier {
  return selector === undefined ? { name } : { name, selector };
}

function externalName({ name, selector }: MetricIdentifier): string {
  return `external metric ${name}(${selectorText(selector)})`;
}

function milliOf(text: string | number): number {
  return Quantity.parse(text).milliValue();
}

const MOST_MILLIS = 2n ** 63n - 1n;

function quantity(millis: number, format: 'DecimalSI' | 'BinarySI' = 'DecimalSI'): string {
  return Quantity.ofMillis(millis >= Number(MOST_MILLIS) ? MOST_MILLIS : millis, format).toString();
}
