import { type UserInfo, unauthorized } from '#apimachinery';
import type { Authorizer } from '../authorization/authorizer.js';
import { ALL_UNAUTHENTICATED, ANONYMOUS, KUBELET_CLIENT } from '../identity/users.js';
import type { Lister } from '../storage/lister.js';
import type { Credentials, RequestAuthenticator } from './authenticator.js';
import { BootstrapTokenAuthenticator } from './bootstrap-token-authenticator.js';
import { Impersonation } from './impersonation.js';
import { LegacyTokenAuthenticator } from './legacy-token-authenticator.js';
import type { AnonymousConfiguration } from './oidc/authentication-configuration.js';
import { REQUEST_HEADERS, RequestHeaderAuthenticator } from './request-header-authenticator.js';
import { ServiceAccountTokenAuthenticator } from './service-account-tokens.js';
import { type TokenAuthenticator, tokenChain } from './token-authenticator.js';
import { verificationKey } from './token-signature.js';
import { X509Authenticator } from './x509-authenticator.js';

export interface AuthenticationOptions {
  /** PEM of the authorities of client certificates. */
  clientCa: string;
  /** PEM of the authorities of front proxies. */
  frontProxyCa?: string;
  /** PEM of the keys that verify ServiceAccount tokens; several while keys are rotated. */
  serviceAccountPublicKeys: readonly string[];
  /** `iss` of the tokens; the first is the one in use. */
  issuers: readonly string[];
  /** What this server is called in `aud`; by default the first issuer. */
  audiences?: readonly string[];
  lister: Lister;
  /** Brings the lister to the newest state. */
  readBarrier(): Promise<unknown>;
  /** Decides about impersonation. */
  authorizer: Authorizer;
  /** Whose tokens are good beside those of this cluster, in their order. They are asked after its own: most requests have one of these. */
  otherTokens?: readonly TokenAuthenticator[];
  /** Default enabled: without credentials one is system:anonymous, and RBAC says what that may do. */
  anonymous?: AnonymousConfiguration;
  clock?: () => number;
}

export interface Authentication extends RequestAuthenticator {
  /** The bearer token part alone, for TokenReview. */
  tokens: TokenAuthenticator;
  accountTokens: ServiceAccountTokenAuthenticator;
  legacyTokens: LegacyTokenAuthenticator;
  audiences: readonly string[];
}

const ANONYMOUS_USER: UserInfo = Object.freeze({ name: ANONYMOUS, groups: [ALL_UNAUTHENTICATED] });

/** The authenticators in upstream's order: front proxy, client certificate, bearer token, anonymous; then impersonation. */
export function createAuthenticator(options: AuthenticationOptions): Authentication {
  const clock = options.clock ?? Date.now;
  const audiences = options.audiences ?? options.issuers.slice(0, 1);
  const keys = options.serviceAccountPublicKeys.map(verificationKey);
  const legacyTokens = new LegacyTokenAuthenticator(keys, audiences, options.lister, options.readBarrier);
  const { issuers, lister, readBarrier } = options;
  const accountTokens = new ServiceAccountTokenAuthenticator(keys, issuers, lister, readBarrier, clock);
  const bootstrapTokens = new BootstrapTokenAuthenticator(options.lister, clock);
  const tokens = tokenChain([accountTokens, legacyTokens, bootstrapTokens, ...(options.otherTokens ?? [])]);
  const x509 = new X509Authenticator([options.clientCa], clock);
  const frontProxy = options.frontProxyCa
    ? new RequestHeaderAuthenticator({ ...REQUEST_HEADERS, authorities: [options.frontProxyCa] }, clock)
    : undefined;
  const impersonation = new Impersonation(options.authorizer);
  const anonymous = options.anonymous ?? { enabled: true, conditions: [] };

  const userOf = async (token: string): Promise<UserInfo> => {
    const identity = await tokens.authenticateToken(token, audiences);
    if (!identity) throw new Error('invalid bearer token');
    return identity.user;
  };

  /** Credentials that fail do not make their sender anonymous: they are answered 401, unless another kind succeeds. */
  const identify = async (credentials: Credentials): Promise<UserInfo> => {
    let failed = false;
    const attempt = async (what: () => Promise<UserInfo> | UserInfo | undefined): Promise<UserInfo | undefined> => {
      try {
        return await what();
      } catch {
        failed = true;
        return undefined;
      }
    };
    const token = bearerToken(credentials.authorization);
    const user =
      (frontProxy && (await attempt(() => frontProxy.authenticate(credentials)))) ??
      (credentials.clientCertificate && (await attempt(() => x509.authenticate(credentials)))) ??
      (token !== undefined ? await attempt(() => userOf(token)) : undefined);
    // What this server shows to nodes opens no door of its own: a request that comes with it was led back here.
    if (user?.name === KUBELET_CLIENT) throw unauthorized();
    if (user) return user;
    if (failed || !mayBeAnonymous(anonymous, credentials.path)) throw unauthorized();
    return ANONYMOUS_USER;
  };

  return {
    tokens,
    accountTokens,
    legacyTokens,
    audiences,
    anonymousByPath: anonymous.conditions.length > 0,
    async authenticate(credentials, record) {
      const user = await identify(credentials);
      if (record) await record.identified(user);
      const { headers, request } = credentials;
      return headers && request ? impersonation.actAs(user, headers, request, record) : user;
    },
  };
}

/** With conditions, only what asks for one of their paths. */
function mayBeAnonymous({ enabled, conditions }: AnonymousConfiguration, path: string | undefined): boolean {
  return enabled && (conditions.length === 0 || conditions.some((condition) => condition.path === path));
}

/** Undefined when the header is absent or of another scheme; an empty token counts as none. */
export function bearerToken(authorization: string | undefined): string | undefined {
  if (!authorization) return undefined;
  const parts = authorization.trim().split(' ');
  if (parts.length < 2 || parts[0]!.toLowerCase() !== 'bearer') return undefined;
  return parts[1] || undefined;
}
