import { Injectable, Module, type OnApplicationShutdown } from '@nestjs/common';
import { MetricsRegistry } from '#telemetry';
import { AuthorizationMetrics } from '../authorization/authorization-metrics.js';
import { configuredAuthorization } from '../authorization/configured/configured-authorization.js';
import { NodeAuthorizer } from '../authorization/node-authorizer.js';
import { nodeGraphOf } from '../authorization/node-graph.js';
import { RbacAuthorizer, rbacIndexOf } from '../authorization/rbac-authorizer.js';
import { nodeRules } from '../bootstrap/rbac.bootstrap.js';
import { reloadMetrics } from '../configuration/reload-metrics.js';
import { provide } from '../injection/provide.js';
import { StorageModule } from './storage.module.js';
import { AUTHORIZER, CLOCK, OPTIONS, STORE } from './tokens.js';

/** Ends what follows the caches and the configuration, and what webhooks are asked. */
@Injectable()
class Following implements OnApplicationShutdown {
  private readonly stopCaches = new AbortController();
  private readonly stopConfiguration = new AbortController();
  readonly caches = this.stopCaches.signal;
  readonly configuration = this.stopConfiguration.signal;

  onApplicationShutdown(): void {
    this.stopConfiguration.abort();
    this.stopCaches.abort();
  }
}

/** Who may do what: by default Node and RBAC, from the caches. Roles are followed, and nodes, whoever decides: they are cheap while idle. */
@Module({
  imports: [StorageModule],
  providers: [
    Following,
    provide(
      AUTHORIZER,
      [OPTIONS, STORE, CLOCK, MetricsRegistry, Following],
      ({ authorization, logger }, store, clock, metrics, { caches, configuration }) =>
        configuredAuthorization({
          file: authorization.configFile,
          modes: authorization,
          // The rules of ClusterRole system:node are taken from the code and not from the cluster: nobody edits what nodes may do.
          node: new NodeAuthorizer(nodeGraphOf(store, caches), nodeRules()),
          rbac: new RbacAuthorizer(rbacIndexOf(store, caches)),
          metrics: new AuthorizationMetrics(metrics),
          reloads: reloadMetrics(metrics, 'authorization'),
          clock: () => clock.now(),
          logger,
          signal: configuration,
        }),
    ),
  ],
  exports: [AUTHORIZER],
})
export class AuthorizationModule {}
