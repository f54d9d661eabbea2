import type { KindValidator } from '../../../contract/kind-module.js';
import type { ValidatingWebhookConfiguration } from '../../../generated/types.js';
import { createErrors, webhookErrors, webhookRules } from '../webhook.validation.js';

export const validatingWebhookConfigurationValidator: KindValidator = {
  rules: webhookRules,
  validateCreate: (configuration: ValidatingWebhookConfiguration) => createErrors(configuration),
  validateUpdate: ({ webhooks = [] }: ValidatingWebhookConfiguration, old: ValidatingWebhookConfiguration) =>
    webhookErrors(webhooks, old.webhooks ?? []),
};
