import { Module } from '@nestjs/common';
import { createAuthorizer } from '../authorization/authorizer-chain.js';
import { nodeRules } from '../bootstrap/rbac.bootstrap.js';
import { provide } from '../injection/provide.js';
import { StopSignal } from './stop-signal.js';
import { StorageModule } from './storage.module.js';
import { AUTHORIZER, STORE } from './tokens.js';

/** Who may do what: Node and RBAC, from the caches. */
@Module({
  imports: [StorageModule],
  providers: [
    StopSignal,
    provide(AUTHORIZER, [STORE, StopSignal], (store, { signal }) =>
      createAuthorizer({ store, nodeRules: nodeRules(), signal }),
    ),
  ],
  exports: [AUTHORIZER],
})
export class AuthorizationModule {}
