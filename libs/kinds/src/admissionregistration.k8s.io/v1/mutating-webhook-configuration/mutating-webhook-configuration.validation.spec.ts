import { describeRules } from '../../../testing/rule-table.js';
import { validWebhooks, webhookRows } from '../testing/webhook-rows.js';
import { mutatingWebhookConfigurationValidator } from './mutating-webhook-configuration.validation.js';

describeRules({
  path: 'admissionregistration.k8s.io/v1/mutatingwebhookconfigurations',
  validator: mutatingWebhookConfigurationValidator,
  valid: validWebhooks(),
  rows: {
    ...webhookRows,
    'reinvocationPolicy is one of IfNeeded, Never': [
      {
        create: ({ webhooks }) => (webhooks[0].reinvocationPolicy = 'Always'),
        errors: ['webhooks[0].reinvocationPolicy: Unsupported value: "Always": supported values: "IfNeeded", "Never"'],
      },
    ],
  },
});
