import { describeRules } from '../../../testing/rule-table.js';
import { horizontalPodAutoscalerValidator } from './horizontal-pod-autoscaler.validation.js';

describeRules({
  path: 'autoscaling/v1/horizontalpodautoscalers',
  validator: horizontalPodAutoscalerValidator,
  valid: { spec: { maxReplicas: 5, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' } } },
  rows: {
    'what it is stored as, an autoscaling/v2 HorizontalPodAutoscaler, is valid': [
      {
        create: ({ spec }) => Object.assign(spec, { maxReplicas: 0, targetCPUUtilizationPercentage: 0 }),
        errors: [
          'spec.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`',
          'spec.metrics[0].resource.target.averageUtilization: Invalid value: 0: must be greater than 0',
          'spec.maxReplicas: Required value',
        ],
      },
      {
        update: ({ spec }) => (spec.scaleTargetRef.name = ''),
        errors: ['spec.scaleTargetRef.name: Required value'],
      },
    ],
  },
});
