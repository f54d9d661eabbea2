import { Module } from '@nestjs/common';
import { ResourceCatalog } from '#kinds';
import { MetricsRegistry } from '#telemetry';
import { createAdmission } from '../admission/admission-chain.js';
import { EscalationCheck } from '../admission/plugins/escalation-check.js';
import { createPolicyPlugins } from '../admission/policies/policy-plugins.js';
import { createWebhookPlugins } from '../admission/webhooks/webhook-plugins.js';
import { provide } from '../injection/provide.js';
import { WebhookClient } from '../webhook-client/webhook-client.js';
import { AuthorizationModule } from './authorization.module.js';
import { StorageModule } from './storage.module.js';
import { ADMISSION, ADMISSION_POLICIES, ADMISSION_WEBHOOKS, AUTHORIZER, LISTER, OPTIONS, STORE } from './tokens.js';
import { WebhookCalls, WebhookModule } from './webhook.module.js';

/** The plugins that change and refuse writes, in their order. */
@Module({
  imports: [StorageModule, AuthorizationModule, WebhookModule],
  providers: [
    provide(
      ADMISSION_WEBHOOKS,
      [OPTIONS, STORE, LISTER, AUTHORIZER, ResourceCatalog, MetricsRegistry, WebhookClient, WebhookCalls],
      ({ logger: log }, store, lister, authorizer, catalog, metrics, client, { signal }) =>
        createWebhookPlugins({ store, lister, authorizer, catalog, metrics, client, log, signal }),
    ),
    provide(
      ADMISSION_POLICIES,
      [STORE, LISTER, AUTHORIZER, ResourceCatalog, WebhookCalls],
      (store, lister, authorizer, catalog, { signal }) =>
        createPolicyPlugins({ store, lister, authorizer, catalog, signal }),
    ),
    provide(
      ADMISSION,
      [OPTIONS, LISTER, AUTHORIZER, ADMISSION_POLICIES, ADMISSION_WEBHOOKS],
      ({ refuseUnenforced }, lister, authorizer, policies, webhooks) =>
        createAdmission({
          ...{ lister, authorizer, escalationCheck: new EscalationCheck(authorizer) },
          ...{ policies, webhooks, refuseUnenforced },
        }),
    ),
  ],
  exports: [ADMISSION],
})
export class AdmissionModule {}
