import type { KindModule } from '../../../contract/kind-module.js';
import { webhookCells } from '../admissionregistration.columns.js';

export const validatingWebhookConfigurationKind: KindModule = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'ValidatingWebhookConfiguration',
  strategy: { generationOf: ['webhooks'] },
  cells: webhookCells,
};
