import { Module } from '@nestjs/common';
import { MetricsRegistry } from '#telemetry';
import { AuthorizationMetrics } from '../authorization/authorization-metrics.js';
import { configuredAuthorization } from '../authorization/configured/configured-authorization.js';
import { NodeAuthorizer } from '../authorization/node-authorizer.js';
import { nodeGraphOf } from '../authorization/node-graph.js';
import { RbacAuthorizer, rbacIndexOf } from '../authorization/rbac-authorizer.js';
import { nodeRules } from '../bootstrap/rbac.bootstrap.js';
import { reloadMetrics } from '../configuration/reload-metrics.js';
import { provide } from '../injection/provide.js';
import { StopSignal } from './stop-signal.js';
import { StorageModule } from './storage.module.js';
import { AUTHORIZER, CLOCK, OPTIONS, STORE } from './tokens.js';

/** Who may do what: by default Node and RBAC, from the caches. Roles are followed, and nodes, whoever decides: they are cheap while idle. */
@Module({
  imports: [StorageModule],
  providers: [
    StopSignal,
    provide(
      AUTHORIZER,
      [OPTIONS, STORE, CLOCK, MetricsRegistry, StopSignal],
      ({ authorization, logger }, store, clock, metrics, { signal }) =>
        configuredAuthorization({
          file: authorization.configFile,
          modes: authorization,
          // The rules of ClusterRole system:node are taken from the code and not from the cluster: nobody edits what nodes may do.
          node: new NodeAuthorizer(nodeGraphOf(store, signal), nodeRules()),
          rbac: new RbacAuthorizer(rbacIndexOf(store, signal)),
          metrics: new AuthorizationMetrics(metrics),
          reloads: reloadMetrics(metrics, 'authorization'),
          clock: () => clock.now(),
          logger,
          signal,
        }),
    ),
  ],
  exports: [AUTHORIZER],
})
export class AuthorizationModule {}
