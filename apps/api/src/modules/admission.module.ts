import { Module } from '@nestjs/common';
import { createAdmission } from '../admission/admission-chain.js';
import { EscalationCheck } from '../admission/plugins/escalation-check.js';
import { provide } from '../injection/provide.js';
import { AuthorizationModule } from './authorization.module.js';
import { StorageModule } from './storage.module.js';
import { ADMISSION, AUTHORIZER, LISTER, OPTIONS } from './tokens.js';

/** The plugins that change and refuse writes, in their order. */
@Module({
  imports: [StorageModule, AuthorizationModule],
  providers: [
    provide(ADMISSION, [OPTIONS, LISTER, AUTHORIZER], ({ refuseUnenforced }, lister, authorizer) =>
      createAdmission({ lister, authorizer, escalationCheck: new EscalationCheck(authorizer), refuseUnenforced }),
    ),
  ],
  exports: [ADMISSION],
})
export class AdmissionModule {}
