import type { KindValidator } from '../../../contract/kind-module.js';
import type { MutatingWebhookConfiguration } from '../../../generated/types.js';
import { createErrors, webhookErrors, webhookRules } from '../webhook.validation.js';

export const mutatingWebhookConfigurationValidator: KindValidator = {
  rules: [...webhookRules, 'reinvocationPolicy is one of IfNeeded, Never'],
  validateCreate: (configuration: MutatingWebhookConfiguration) => createErrors(configuration),
  validateUpdate: ({ webhooks = [] }: MutatingWebhookConfiguration, old: MutatingWebhookConfiguration) =>
    webhookErrors(webhooks, old.webhooks ?? []),
};
