import { convertEach } from '../../../contract/conversion.js';
import type { KindModule } from '../../../contract/kind-module.js';
import { horizontalPodAutoscalerCells } from '../../v2/horizontal-pod-autoscaler/horizontal-pod-autoscaler.columns.js';
import { hpaFromStorage, hpaToStorage } from './horizontal-pod-autoscaler.conversion.js';
import { horizontalPodAutoscalerValidator } from './horizontal-pod-autoscaler.validation.js';

/** The older view of the autoscalers that are stored as v2. */
export const horizontalPodAutoscalerKind: KindModule = {
  group: 'autoscaling',
  version: 'v1',
  kind: 'HorizontalPodAutoscaler',
  validator: horizontalPodAutoscalerValidator,
  cells: (hpa, now) => horizontalPodAutoscalerCells(hpaToStorage(hpa), now),
  stored: { group: 'autoscaling', version: 'v2', conversion: convertEach(hpaToStorage, hpaFromStorage) },
};
