import { Module } from '@nestjs/common';
import { ResourceCatalog } from '#kinds';
import { MetricsRegistry } from '#telemetry';
import { createAdmission } from '../admission/admission-chain.js';
import { AdmissionMetrics } from '../admission/admission-metrics.js';
import { readAdmissionConfiguration } from '../admission/configuration/admission-configuration.js';
import { EscalationCheck } from '../admission/plugins/escalation-check.js';
import { PolicyParameterCheck } from '../admission/plugins/policy-parameter-check.js';
import { PodSecurityMetrics } from '../admission/pod-security/pod-security-metrics.js';
import { PolicyMetrics } from '../admission/policies/policy-metrics.js';
import { createPolicyPlugins } from '../admission/policies/policy-plugins.js';
import { createWebhookPlugins } from '../admission/webhooks/webhook-plugins.js';
import { provide } from '../injection/provide.js';
import { mergeApplied } from '../registry/verbs/apply-merge.js';
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
      [STORE, LISTER, AUTHORIZER, ResourceCatalog, WebhookCalls, MetricsRegistry],
      (store, lister, authorizer, catalog, { signal }, registry) =>
        createPolicyPlugins({
          ...{ store, lister, authorizer, catalog, merge: mergeApplied, signal },
          metrics: new PolicyMetrics(registry),
        }),
    ),
    provide(
      ADMISSION,
      [OPTIONS, LISTER, AUTHORIZER, ADMISSION_POLICIES, ADMISSION_WEBHOOKS, MetricsRegistry, ResourceCatalog],
      async (options, lister, authorizer, policies, webhooks, registry, catalog) =>
        createAdmission({
          ...{ lister, authorizer, policies, webhooks },
          enabled: options.admissionPlugins,
          configuration: await readAdmissionConfiguration(options.admissionControlConfigFile),
          metrics: new AdmissionMetrics(registry),
          podSecurityMetrics: new PodSecurityMetrics(registry),
          escalationCheck: new EscalationCheck(authorizer),
          parameterCheck: new PolicyParameterCheck(lister, authorizer, catalog),
        }),
    ),
  ],
  exports: [ADMISSION],
})
export class AdmissionModule {}
