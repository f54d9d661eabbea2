import type { KindValidator } from '../../../contract/kind-module.js';
import { horizontalPodAutoscalerValidator as storedValidator } from '../../v2/horizontal-pod-autoscaler/horizontal-pod-autoscaler.validation.js';
import { hpaToStorage } from './horizontal-pod-autoscaler.conversion.js';

/** Checked as what is stored of it: errors name the fields of v2. */
export const horizontalPodAutoscalerValidator: KindValidator = {
  rules: ['what it is stored as, an autoscaling/v2 HorizontalPodAutoscaler, is valid'],
  validateCreate: (scaler, context) => storedValidator.validateCreate(hpaToStorage(scaler), context),
  validateUpdate: (scaler, old, context) =>
    storedValidator.validateUpdate(hpaToStorage(scaler), hpaToStorage(old), context),
};
