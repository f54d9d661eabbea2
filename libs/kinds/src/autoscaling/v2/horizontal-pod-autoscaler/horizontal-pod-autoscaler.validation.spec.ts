import { describeRules } from '../../../testing/rule-table.js';
import { horizontalPodAutoscalerValidator } from './horizontal-pod-autoscaler.validation.js';

const metric = 'spec.metrics[0]';
const utilization = () => ({ type: 'Utilization', averageUtilization: 50 });
const types = '"ContainerResource", "External", "Object", "Pods", "Resource"';

describeRules({
  path: 'autoscaling/v2/horizontalpodautoscalers',
  validator: horizontalPodAutoscalerValidator,
  valid: {
    spec: {
      minReplicas: 1,
      maxReplicas: 5,
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
      metrics: [{ type: 'Resource', resource: { name: 'cpu', target: utilization() } }],
      behavior: { scaleUp: { policies: [{ type: 'Pods', value: 1, periodSeconds: 60 }] } },
    },
  },
  rows: {
    'minReplicas is at least 0, maxReplicas at least 1 and not below minReplicas': [
      {
        create: ({ spec }) => Object.assign(spec, { minReplicas: -1, maxReplicas: -2 }),
        errors: [
          'spec.maxReplicas: Invalid value: -2: must be greater than or equal to `minReplicas`',
          'spec.minReplicas: Invalid value: -1: must be greater than or equal to 0',
          'spec.maxReplicas: Invalid value: -2: must be greater than or equal to 1',
        ],
      },
      {
        create: ({ spec }) => (spec.maxReplicas = 0),
        errors: [
          'spec.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`',
          'spec.maxReplicas: Required value',
        ],
      },
    ],
    'scaleTargetRef has kind, name and an apiVersion with a group; an update that keeps the kind keeps the apiVersion':
      [
        {
          create: ({ spec }) => (spec.scaleTargetRef = {}),
          errors: [
            'spec.scaleTargetRef.kind: Required value',
            'spec.scaleTargetRef.name: Required value',
            'spec.scaleTargetRef.apiVersion: Invalid value: "": apiVersion must specify API group',
          ],
        },
        {
          create: ({ spec }) => (spec.scaleTargetRef = { apiVersion: 'a/b/c', kind: 'a/b', name: '..' }),
          errors: [
            `spec.scaleTargetRef.kind: Invalid value: "a/b": may not contain '/'`,
            `spec.scaleTargetRef.name: Invalid value: "..": may not be '..'`,
            'spec.scaleTargetRef.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c',
          ],
        },
        {
          create: ({ spec }) => (spec.scaleTargetRef = { apiVersion: 'v1', kind: 'ReplicationController', name: 'a' }),
          errors: [],
        },
        {
          stored: ({ spec }) => (spec.scaleTargetRef.apiVersion = 'v1'),
          update: ({ spec }) => (spec.scaleTargetRef.name = 'other'),
          errors: [],
        },
        {
          update: ({ spec }) => (spec.scaleTargetRef.apiVersion = 'v1'),
          errors: ['spec.scaleTargetRef.apiVersion: Invalid value: "v1": apiVersion must specify API group'],
        },
      ],
    'minReplicas 0 needs an Object or External metric': [
      {
        create: ({ spec }) => (spec.minReplicas = 0),
        errors: [
          'spec.metrics: Forbidden: must specify at least one Object or External metric to support scaling to zero replicas',
        ],
      },
      {
        create: ({ spec }) => {
          spec.minReplicas = 0;
          const target = { type: 'Value', value: '1' };
          spec.metrics = [{ type: 'External', external: { metric: { name: 'queue' }, target } }];
        },
        errors: [],
      },
    ],
    'metrics.type is one of ContainerResource, External, Object, Pods, Resource': [
      {
        create: ({ spec }) => (spec.metrics[0] = {}),
        errors: [
          `${metric}.type: Required value: must specify a metric source type`,
          `${metric}.type: Unsupported value: "": supported values: ${types}`,
          `${metric}.type: Unsupported value: "": supported values: ${types}`,
        ],
      },
    ],
    'the block named by metrics.type is set, and no other': [
      {
        create: ({ spec }) => (spec.metrics[0].type = 'Pods'),
        errors: [`${metric}.pods: Required value: must populate information for the given metric source`],
      },
      {
        create: ({ spec }) =>
          (spec.metrics[0].pods = { metric: { name: 'a' }, target: { type: 'AverageValue', averageValue: '1' } }),
        errors: [`${metric}.pods: Forbidden: must populate the given metric source only`],
      },
    ],
    'a metric has a name, and a target of type Utilization, Value or AverageValue with an amount above 0': [
      {
        create: ({ spec }) => (spec.metrics[0].resource = { target: {} }),
        errors: [
          `${metric}.resource.name: Required value: must specify a resource name`,
          `${metric}.resource.target.type: Required value: must specify a metric target type`,
          `${metric}.resource.target.type: Invalid value: "": must be either Utilization, Value, or AverageValue`,
          `${metric}.resource.target.averageUtilization: Required value: must set either a target raw value or a target utilization`,
        ],
      },
      {
        create: ({ spec }) =>
          Object.assign(spec.metrics[0].resource.target, { averageUtilization: 0, averageValue: '0' }),
        errors: [
          `${metric}.resource.target.averageValue: Invalid value: "0": must be positive`,
          `${metric}.resource.target.averageUtilization: Invalid value: 0: must be greater than 0`,
          `${metric}.resource.target.averageValue: Forbidden: may not set both a target raw value and a target utilization`,
        ],
      },
      {
        create: ({ spec }) =>
          (spec.metrics[0] = {
            type: 'ContainerResource',
            containerResource: { name: 'gpu', container: 'A', target: utilization() },
          }),
        errors: [
          `${metric}.containerResource.name: Invalid value: "gpu": must be a standard resource type or fully qualified`,
          `${metric}.containerResource.name: Invalid value: "gpu": must be a standard resource for containers`,
          `${metric}.containerResource.container: Invalid value: "A": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')`,
        ],
      },
      {
        create: ({ spec }) =>
          (spec.metrics[0] = { type: 'Pods', pods: { metric: { name: 'a/b' }, target: { type: 'Value' } } }),
        errors: [
          `${metric}.pods.metric.name: Invalid value: "a/b": may not contain '/'`,
          `${metric}.pods.target.averageValue: Required value: must specify a positive target averageValue`,
        ],
      },
      {
        create: ({ spec }) => {
          const both = { type: 'Value', value: '1', averageValue: '1' };
          spec.metrics = [
            { type: 'External', external: { metric: {}, target: both } },
            { type: 'External', external: { metric: { name: 'a' }, target: { type: 'Value' } } },
          ];
        },
        errors: [
          `${metric}.external.metric.name: Required value: must specify a metric name`,
          `${metric}.external.target.value: Forbidden: may not set both a target value for metric and a per-pod target`,
          'spec.metrics[1].external.target.averageValue: Required value: must set either a target value for metric or a per-pod target',
        ],
      },
    ],
    'describedObject has kind, name and a readable apiVersion; an update keeps one that an older release accepted': [
      {
        create: ({ spec }) =>
          (spec.metrics[0] = {
            type: 'Object',
            object: { describedObject: { apiVersion: 'a/b/c' }, metric: { name: 'a' }, target: { type: 'Value' } },
          }),
        errors: [
          `${metric}.object.describedObject.kind: Required value`,
          `${metric}.object.describedObject.name: Required value`,
          `${metric}.object.describedObject.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c`,
          `${metric}.object.target.averageValue: Required value: must set either a target value or averageValue`,
        ],
      },
      {
        stored: ({ spec }) => {
          const describedObject = { apiVersion: 'a/b/c', kind: 'a', name: 'a' };
          const target = { type: 'Value', value: '1' };
          spec.metrics = [{ type: 'Object', object: { describedObject, metric: { name: 'a' }, target } }];
        },
        update: ({ spec }) => (spec.maxReplicas = 7),
        errors: [],
      },
    ],
    'selectPolicy is one of Disabled, Max, Min': [
      {
        create: ({ spec }) => (spec.behavior.scaleUp.selectPolicy = 'Mean'),
        errors: [
          'spec.behavior.scaleUp.selectPolicy: Unsupported value: "Mean": supported values: "Disabled", "Max", "Min"',
        ],
      },
    ],
    'behavior has at least one policy, of type Percent or Pods, with a value above 0': [
      {
        create: ({ spec }) => (spec.behavior.scaleUp.policies = [{ type: 'All', value: 0, periodSeconds: 1 }]),
        errors: [
          'spec.behavior.scaleUp.policies[0].type: Unsupported value: "All": supported values: "Percent", "Pods"',
          'spec.behavior.scaleUp.policies[0].value: Invalid value: 0: must be greater than zero',
        ],
      },
    ],
    'periodSeconds is 1 to 1800, stabilizationWindowSeconds 0 to 3600': [
      {
        create: ({ spec }) => (spec.behavior.scaleUp.policies[0].periodSeconds = 0),
        errors: ['spec.behavior.scaleUp.policies[0].periodSeconds: Invalid value: 0: must be greater than zero'],
      },
      {
        create: ({ spec }) => {
          spec.behavior.scaleUp.policies[0].periodSeconds = 1801;
          spec.behavior.scaleUp.stabilizationWindowSeconds = -1;
          spec.behavior.scaleDown = { stabilizationWindowSeconds: 3601 };
        },
        errors: [
          'spec.behavior.scaleUp.stabilizationWindowSeconds: Invalid value: -1: must be greater than or equal to zero',
          'spec.behavior.scaleUp.policies[0].periodSeconds: Invalid value: 1801: must be less than or equal to 1800',
          'spec.behavior.scaleDown.stabilizationWindowSeconds: Invalid value: 3601: must be less than or equal to 3600',
        ],
      },
    ],
    'tolerance is not negative': [
      {
        create: ({ spec }) => (spec.behavior.scaleUp.tolerance = '-0.5'),
        errors: ['spec.behavior.scaleUp.tolerance: Invalid value: "-500m": must be greater than or equal to 0'],
      },
    ],
    'status: numbers are not negative': [
      {
        endpoint: 'status',
        update: (scaler) =>
          (scaler.status = { currentReplicas: -1, desiredReplicas: -2, conditions: [{ observedGeneration: -3 }] }),
        errors: [
          'status.conditions[0].observedGeneration: Invalid value: -3: must be greater than or equal to 0',
          'status.currentReplicas: Invalid value: -1: must be greater than or equal to 0',
          'status.desiredReplicas: Invalid value: -2: must be greater than or equal to 0',
        ],
      },
    ],
  },
});
