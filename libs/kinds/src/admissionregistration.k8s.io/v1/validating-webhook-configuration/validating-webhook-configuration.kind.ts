import type { KindModule } from '../../../contract/kind-module.js';
import { webhookCells } from '../admissionregistration.columns.js';
import { validatingWebhookConfigurationValidator } from './validating-webhook-configuration.validation.js';

export const validatingWebhookConfigurationKind: KindModule = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'ValidatingWebhookConfiguration',
  strategy: { generationOf: ['webhooks'] },
  validator: validatingWebhookConfigurationValidator,
  cells: webhookCells,
};
