import type { KindModule } from '../../../contract/kind-module.js';
import { webhookCells } from '../admissionregistration.columns.js';
import { mutatingWebhookConfigurationValidator } from './mutating-webhook-configuration.validation.js';

export const mutatingWebhookConfigurationKind: KindModule = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'MutatingWebhookConfiguration',
  strategy: { generationOf: ['webhooks'] },
  defaults: {
    'webhooks[*]': ({ webhooks }) => {
      for (const webhook of webhooks ?? []) {
        webhook.failurePolicy ??= 'Fail';
        webhook.matchPolicy ??= 'Equivalent';
        webhook.namespaceSelector ??= {};
        webhook.objectSelector ??= {};
        webhook.timeoutSeconds ??= 10;
      }
    },
  },
  validator: mutatingWebhookConfigurationValidator,
  cells: webhookCells,
};
