import { Injectable, Module, type OnApplicationShutdown } from '@nestjs/common';
import { createAuthorizer } from '../authorization/authorizer-chain.js';
import { nodeRules } from '../bootstrap/rbac.bootstrap.js';
import { provide } from '../injection/provide.js';
import { StorageModule } from './storage.module.js';
import { AUTHORIZER, STORE } from './tokens.js';

/** Ends what follows the caches. */
@Injectable()
class CacheFollowing implements OnApplicationShutdown {
  private readonly stop = new AbortController();
  readonly signal = this.stop.signal;

  onApplicationShutdown(): void {
    this.stop.abort();
  }
}

/** Who may do what: Node and RBAC, from the caches. */
@Module({
  imports: [StorageModule],
  providers: [
    CacheFollowing,
    provide(AUTHORIZER, [STORE, CacheFollowing], (store, { signal }) =>
      createAuthorizer({ store, nodeRules: nodeRules(), signal }),
    ),
  ],
  exports: [AUTHORIZER],
})
export class AuthorizationModule {}
