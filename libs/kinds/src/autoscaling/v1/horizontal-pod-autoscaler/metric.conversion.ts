/**
 * Metrics between autoscaling/v2 and the flat form of the first version, which only lives on in annotations:
 * `targetAverageValue` and `metricName` in place of `target.averageValue` and `metric.name`.
 */

type Json = Record<string, any>;

/** Drops members that are undefined, so that the text has none of them. */
function given(object: Json): Json {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}

const zero = '0';

function targetOf(averageUtilization: unknown, averageValue: unknown, value?: unknown): Json {
  if (averageUtilization !== undefined) return { type: 'Utilization', averageUtilization };
  if (averageValue !== undefined) return { type: 'AverageValue', averageValue };
  return { type: 'Value', value: value ?? zero };
}

function metricOf(name: string, selector: unknown): Json {
  return given({ name, selector });
}

export function metricToV1(metric: Json): Json {
  const { type, object, pods, resource, containerResource, external } = metric;
  return given({
    type,
    object: object && {
      target: object.describedObject,
      ...given({
        metricName: object.metric.name,
        targetValue: object.target.value ?? zero,
        selector: object.metric.selector,
        averageValue: object.target.averageValue,
      }),
    },
    pods:
      pods &&
      given({
        metricName: pods.metric.name,
        targetAverageValue: pods.target.averageValue,
        selector: pods.metric.selector,
      }),
    resource: resource && flatResource(resource, resource.target),
    containerResource: containerResource && {
      ...flatResource(containerResource, containerResource.target),
      container: containerResource.container,
    },
    external:
      external &&
      given({
        metricName: external.metric.name,
        metricSelector: external.metric.selector,
        targetValue: external.target.value,
        targetAverageValue: external.target.averageValue,
      }),
  });
}

function flatResource({ name }: Json, target: Json): Json {
  return given({
    name,
    targetAverageUtilization: target.averageUtilization,
    targetAverageValue: target.averageValue,
  });
}

export function metricFromV1(metric: Json): Json {
  const { type, object, pods, resource, containerResource, external } = metric;
  return given({
    type,
    object: object && {
      describedObject: object.target,
      target: targetOf(undefined, object.averageValue, object.targetValue),
      metric: metricOf(object.metricName, object.selector),
    },
    pods: pods && {
      metric: metricOf(pods.metricName, pods.selector),
      target: targetOf(undefined, pods.targetAverageValue),
    },
    resource: resource && {
      name: resource.name,
      target: targetOf(resource.targetAverageUtilization, resource.targetAverageValue),
    },
    containerResource: containerResource && {
      name: containerResource.name,
      target: targetOf(containerResource.targetAverageUtilization, containerResource.targetAverageValue),
      container: containerResource.container,
    },
    external: external && {
      metric: metricOf(external.metricName, external.metricSelector),
      target: targetOf(undefined, external.targetAverageValue, external.targetValue),
    },
  });
}

export function metricStatusToV1(status: Json): Json {
  const { type, object, pods, resource, containerResource, external } = status;
  return given({
    type,
    object: object && {
      target: object.describedObject,
      ...given({
        metricName: object.metric.name,
        currentValue: object.current.value ?? zero,
        selector: object.metric.selector,
        averageValue: object.current.averageValue,
      }),
    },
    pods:
      pods &&
      given({
        metricName: pods.metric.name,
        currentAverageValue: pods.current.averageValue ?? zero,
        selector: pods.metric.selector,
      }),
    resource: resource && flatCurrent(resource),
    containerResource: containerResource && {
      ...flatCurrent(containerResource),
      container: containerResource.container,
    },
    external:
      external &&
      given({
        metricName: external.metric.name,
        metricSelector: external.metric.selector,
        currentValue: external.current.value ?? zero,
        currentAverageValue: external.current.averageValue,
      }),
  });
}

function flatCurrent({ name, current }: Json): Json {
  return given({
    name,
    currentAverageUtilization: current.averageUtilization,
    currentAverageValue: current.averageValue ?? zero,
  });
}

export function metricStatusFromV1(status: Json): Json {
  const { type, object, pods, resource, containerResource, external } = status;
  return given({
    type,
    object: object && {
      describedObject: object.target,
      metric: metricOf(object.metricName, object.selector),
      current: given({ value: object.currentValue, averageValue: object.averageValue }),
    },
    pods: pods && {
      metric: metricOf(pods.metricName, pods.selector),
      current: { averageValue: pods.currentAverageValue },
    },
    resource: resource && { name: resource.name, current: nestedCurrent(resource) },
    containerResource: containerResource && {
      name: containerResource.name,
      container: containerResource.container,
      current: nestedCurrent(containerResource),
    },
    external: external && {
      metric: metricOf(external.metricName, external.metricSelector),
      current: given({ value: external.currentValue, averageValue: external.currentAverageValue }),
    },
  });
}

function nestedCurrent(flat: Json): Json {
  return given({ averageUtilization: flat.currentAverageUtilization, averageValue: flat.currentAverageValue });
}
