import type { KindModule } from '../../../contract/kind-module.js';
import { horizontalPodAutoscalerCells } from './horizontal-pod-autoscaler.columns.js';
import { horizontalPodAutoscalerValidator } from './horizontal-pod-autoscaler.validation.js';

const scaleUpRules = () => ({
  stabilizationWindowSeconds: 0,
  selectPolicy: 'Max',
  policies: [
    { type: 'Pods', value: 4, periodSeconds: 15 },
    { type: 'Percent', value: 100, periodSeconds: 15 },
  ],
});

const scaleDownRules = () => ({
  selectPolicy: 'Max',
  policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
});

export const horizontalPodAutoscalerKind: KindModule = {
  group: 'autoscaling',
  version: 'v2',
  kind: 'HorizontalPodAutoscaler',
  validator: horizontalPodAutoscalerValidator,
  defaults: {
    'spec.metrics': ({ spec }) => {
      if ((spec.metrics?.length ?? 0) > 0) return;
      const target = { type: 'Utilization', averageUtilization: 80 };
      spec.metrics = [{ type: 'Resource', resource: { name: 'cpu', target } }];
    },
    'spec.behavior.scaleUp': ({ spec }) => {
      if (spec.behavior !== undefined) spec.behavior.scaleUp = { ...scaleUpRules(), ...spec.behavior.scaleUp };
    },
    'spec.behavior.scaleDown': ({ spec }) => {
      if (spec.behavior !== undefined) spec.behavior.scaleDown = { ...scaleDownRules(), ...spec.behavior.scaleDown };
    },
  },
  cells: horizontalPodAutoscalerCells,
};
