import { Module } from '@nestjs/common';
import { MetricsRegistry } from '#telemetry';
import { createAdmission } from '../admission/admission-chain.js';
import { readAdmissionConfiguration } from '../admission/configuration/admission-configuration.js';
import { EscalationCheck } from '../admission/plugins/escalation-check.js';
import { PodSecurityMetrics } from '../admission/pod-security/pod-security-metrics.js';
import { provide } from '../injection/provide.js';
import { AuthorizationModule } from './authorization.module.js';
import { StorageModule } from './storage.module.js';
import { ADMISSION, AUTHORIZER, LISTER, OPTIONS } from './tokens.js';

/** The plugins that change and refuse writes, in their order. */
@Module({
  imports: [StorageModule, AuthorizationModule],
  providers: [
    provide(ADMISSION, [OPTIONS, LISTER, AUTHORIZER, MetricsRegistry], async (options, lister, authorizer, metrics) =>
      createAdmission({
        lister,
        authorizer,
        enabled: options.admissionPlugins,
        configuration: await readAdmissionConfiguration(options.admissionControlConfigFile),
        podSecurityMetrics: new PodSecurityMetrics(metrics),
        escalationCheck: new EscalationCheck(authorizer),
        refuseUnenforced: options.refuseUnenforced,
      }),
    ),
  ],
  exports: [ADMISSION],
})
export class AdmissionModule {}
