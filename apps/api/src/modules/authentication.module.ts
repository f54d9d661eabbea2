import { Module } from '@nestjs/common';
import { MetricsRegistry } from '#telemetry';
import { accountTokenMetrics } from '../authentication/account-token-metrics.js';
import { createAuthenticator } from '../authentication/request-authenticator.js';
import { ServiceAccountTokenIssuer } from '../authentication/service-account-tokens.js';
import { provide } from '../injection/provide.js';
import { AuthorizationModule } from './authorization.module.js';
import { PkiModule } from './pki.module.js';
import { StorageModule } from './storage.module.js';
import { AUTHENTICATOR, AUTHORIZER, ISSUER_URL, LISTER, OPTIONS, PKI, STORE } from './tokens.js';

/** Who sends a request, and the tokens of ServiceAccounts. */
@Module({
  imports: [StorageModule, PkiModule, AuthorizationModule],
  providers: [
    provide(ISSUER_URL, [OPTIONS], ({ clusterDomain }) => `https://kubernetes.default.svc.${clusterDomain}`),
    provide(
      AUTHENTICATOR,
      [PKI, ISSUER_URL, LISTER, STORE, AUTHORIZER, MetricsRegistry],
      (pki, issuerUrl, lister, store, authorizer, metrics) => {
        const authentication = createAuthenticator({
          clientCa: pki.ca.certificate,
          frontProxyCa: pki.frontProxyCa.certificate,
          serviceAccountPublicKeys: [pki.serviceAccount.publicKey],
          issuers: [issuerUrl],
          lister,
          readBarrier: () => store.readBarrier(),
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
