import { describeRules } from '../../../testing/rule-table.js';
import { validWebhooks, webhookRows } from '../testing/webhook-rows.js';
import { validatingWebhookConfigurationValidator } from './validating-webhook-configuration.validation.js';

describeRules({
  path: 'admissionregistration.k8s.io/v1/validatingwebhookconfigurations',
  validator: validatingWebhookConfigurationValidator,
  valid: validWebhooks(),
  rows: webhookRows,
});
