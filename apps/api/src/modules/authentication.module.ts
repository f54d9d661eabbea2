import { Injectable, Module, type OnApplicationShutdown } from '@nestjs/common';
import type { Clock } from '#client';
import { MetricsRegistry } from '#telemetry';
import { accountTokenMetrics } from '../authentication/account-token-metrics.js';
import { ConfiguredAuthentication } from '../authentication/oidc/configured-authentication.js';
import { JwtMetrics } from '../authentication/oidc/jwt-metrics.js';
import { createAuthenticator } from '../authentication/request-authenticator.js';
import { ServiceAccountTokenIssuer } from '../authentication/service-account-tokens.js';
import type { TokenAuthenticator } from '../authentication/token-authenticator.js';
import { TokenCacheMetrics } from '../authentication/token-cache.js';
import { webhookTokenAuthenticator } from '../authentication/webhook-token-authenticator.js';
import { reloadMetrics } from '../configuration/reload-metrics.js';
import { provide } from '../injection/provide.js';
import { AuthorizationModule } from './authorization.module.js';
import type { ControlPlaneOptions } from './control-plane-options.js';
import { PkiModule } from './pki.module.js';
import { StorageModule } from './storage.module.js';
import { AUTHENTICATOR, AUTHORIZER, CLOCK, ISSUER_URL, LISTER, OPTIONS, PKI, STORE } from './tokens.js';

/** Those who know tokens of others than this cluster. */
@Injectable()
class OtherTokens implements OnApplicationShutdown {
  constructor(
    readonly configured: ConfiguredAuthentication,
    /** In the order in which they are asked. */
    readonly all: readonly TokenAuthenticator[],
    private readonly stop: AbortController,
  ) {}

  /** Rejects when the configuration cannot be used. */
  static async open(
    { authentication, logger }: ControlPlaneOptions,
    issuerUrl: string,
    clock: Clock,
    metrics: MetricsRegistry,
  ): Promise<OtherTokens> {
    const stop = new AbortController();
    const jwt = new JwtMetrics(metrics);
    const cacheMetrics = new TokenCacheMetrics(metrics);
    const audiences = [issuerUrl];
    const configured = await ConfiguredAuthentication.open({
      file: authentication.configFile,
      oidc: authentication.oidc,
      anonymous: authentication.anonymous,
      anonymousByDefault: authentication.anonymousByDefault,
      ownIssuers: [issuerUrl],
      jwt: { audiences, clock, logger, metrics: { jwt, cache: cacheMetrics } },
      reloads: reloadMetrics(metrics, 'authentication'),
      onForgotten: (url) => jwt.forget(url),
      logger,
      signal: stop.signal,
    });
    const { webhook } = authentication;
    const { signal } = stop;
    const shared = { audiences, clock: () => clock.now(), logger, signal, cacheMetrics };
    const asked = webhook ? [webhookTokenAuthenticator({ ...webhook, ...shared })] : [];
    return new OtherTokens(configured, [configured, ...asked], stop);
  }

  onApplicationShutdown(): void {
    this.stop.abort();
  }
}

/** Who sends a request, and the tokens of ServiceAccounts. */
@Module({
  imports: [StorageModule, PkiModule, AuthorizationModule],
  providers: [
    provide(ISSUER_URL, [OPTIONS], ({ clusterDomain }) => `https://kubernetes.default.svc.${clusterDomain}`),
    provide(OtherTokens, [OPTIONS, ISSUER_URL, CLOCK, MetricsRegistry], OtherTokens.open),
    provide(
      AUTHENTICATOR,
      [PKI, ISSUER_URL, LISTER, STORE, AUTHORIZER, OtherTokens, MetricsRegistry],
      (pki, issuerUrl, lister, store, authorizer, { configured, all }, metrics) => {
        const authentication = createAuthenticator({
          clientCa: pki.ca.certificate,
          frontProxyCa: pki.frontProxyCa.certificate,
          serviceAccountPublicKeys: [pki.serviceAccount.publicKey],
          issuers: [issuerUrl],
          lister,
          readBarrier: () => store.readBarrier(),
          otherTokens: all,
          anonymous: configured.anonymous,
          authorizer,
        });
        authentication.accountTokens.onUse = accountTokenMetrics(metrics);
        return authentication;
      },
    ),
    provide(
      ServiceAccountTokenIssuer,
      [PKI, ISSUER_URL],
      ({ serviceAccount }, issuerUrl) => new ServiceAccountTokenIssuer(serviceAccount.privateKey, issuerUrl),
    ),
  ],
  exports: [ISSUER_URL, AUTHENTICATOR, ServiceAccountTokenIssuer],
})
export class AuthenticationModule {}
