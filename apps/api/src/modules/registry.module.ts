import { Module } from '@nestjs/common';
import { ResourceCatalog } from '#kinds';
import { ServiceAccountTokenIssuer } from '../authentication/service-account-tokens.js';
import { provide } from '../injection/provide.js';
import { bindingResources } from '../kinds/pods/pod-binding.js';
import { evictionResource } from '../kinds/pods/pod-eviction.js';
import { accessReviewResources } from '../kinds/reviews/access-reviews.js';
import { selfSubjectReviewResource, tokenReviewResource } from '../kinds/reviews/identity-reviews.js';
import { tokenRequestResource } from '../kinds/service-accounts/token-request.js';
import { PortRange, parseServiceRanges } from '../kinds/services/ip-range.js';
import { ServiceAllocator } from '../kinds/services/service-allocator.js';
import { ServiceRanges } from '../kinds/services/service-ranges.js';
import { createRegistry } from '../registry/registry.js';
import { AdmissionModule } from './admission.module.js';
import { Audit, AuditModule } from './audit.module.js';
import { AuthenticationModule } from './authentication.module.js';
import { AuthorizationModule } from './authorization.module.js';
import { ComputedModule } from './computed.module.js';
import { LegacyTokenUses } from './legacy-token-uses.js';
import { ProcessClients } from './process-clients.js';
import { QuotaModule } from './quota.module.js';
import { StorageModule } from './storage.module.js';
import {
  ADMISSION,
  AUTHENTICATOR,
  AUTHORIZER,
  COMPUTED_RESOURCES,
  LISTER,
  NOW,
  OPTIONS,
  REGISTRY,
  STORE,
  VIRTUAL_RESOURCES,
  WRITE_METER,
  WRITE_PARTICIPANTS,
} from './tokens.js';

/** The object path. It is put together once: the container has no part in a request. */
@Module({
  imports: [
    StorageModule,
    AuditModule,
    AuthorizationModule,
    AuthenticationModule,
    AdmissionModule,
    ComputedModule,
    QuotaModule,
  ],
  providers: [
    provide(
      VIRTUAL_RESOURCES,
      [AUTHORIZER, AUTHENTICATOR, ServiceAccountTokenIssuer, LISTER, STORE],
      (authorizer, { tokens, audiences }, issuer, lister, store) => [
        ...bindingResources(),
        evictionResource(),
        ...accessReviewResources(authorizer),
        tokenReviewResource(tokens, audiences),
        selfSubjectReviewResource(),
        tokenRequestResource({ issuer, audiences, lister, readBarrier: () => store.readBarrier() }),
      ],
    ),
    provide(WRITE_PARTICIPANTS, [OPTIONS, STORE, NOW], (options, store, now) => [
      new ServiceAllocator(
        store,
        new ServiceRanges(store, parseServiceRanges(options.serviceClusterIpRange)),
        new PortRange(options.serviceNodePortRange),
        now,
      ),
    ]),
    provide(
      REGISTRY,
      [
        OPTIONS,
        ResourceCatalog,
        STORE,
        AUTHORIZER,
        ADMISSION,
        VIRTUAL_RESOURCES,
        COMPUTED_RESOURCES,
        WRITE_PARTICIPANTS,
        WRITE_METER,
        NOW,
        Audit,
      ],
      (
        options,
        catalog,
        store,
        authorizer,
        admission,
        virtualResources,
        computedResources,
        participants,
        meter,
        now,
        { auditor },
      ) => {
        const { tracer } = options;
        const kinds = { virtualResources, computedResources, participants, meter };
        return createRegistry({ catalog, store, authorizer, admission, ...kinds, now, tracer, auditor });
      },
    ),
    ProcessClients,
    LegacyTokenUses,
  ],
  exports: [REGISTRY, ProcessClients],
})
export class RegistryModule {}
