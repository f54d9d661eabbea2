import { parseDuration } from '#apimachinery';
import { SettingError, type Settings, splitList } from '#settings';
import type { OidcFlags } from './authentication/oidc/oidc-flags.js';
import type { AuthorizationModes } from './authorization/configured/authorization-configuration.js';
import { AUTHORIZER_TYPES, NO_ABAC } from './authorization/configured/authorization-configuration.validation.js';

/** What the flags say of authentication. */
export interface AuthenticationFlags {
  /** Path of an AuthenticationConfiguration; '': none. */
  configFile: string;
  /** Undefined: not given. */
  anonymous?: boolean;
  /** What counts where neither the flag nor the file says it. Default true. */
  anonymousByDefault?: boolean;
  oidc?: OidcFlags;
  webhook?: TokenWebhookFlags;
}

/** What the flags say of authorization. */
export interface AuthorizationFlags extends AuthorizationModes {
  /** Path of an AuthorizationConfiguration, which takes the place of the modes; '': none. */
  configFile: string;
}

export interface TokenWebhookFlags {
  /** A kubeconfig. */
  configFile: string;
  version: 'v1' | 'v1beta1';
  cacheMs: number;
}

/** Throws SettingError. */
export function authenticationFlags(settings: Settings): AuthenticationFlags {
  const { authenticationConfig: configFile, authenticationTokenWebhookConfigFile: webhook } = settings;
  const oidc = oidcFlags(settings);
  if (configFile !== '' && oidc) {
    throw new SettingError('authentication-config file and oidc-* flags are mutually exclusive');
  }
  return {
    configFile,
    anonymous: settings.anonymousAuth,
    // Whoever may do anything should have shown who they are.
    anonymousByDefault: !splitList(settings.authorizationMode).includes('AlwaysAllow'),
    oidc,
    webhook:
      webhook === ''
        ? undefined
        : {
            configFile: webhook,
            version: settings.authenticationTokenWebhookVersion,
            cacheMs: parseDuration(settings.authenticationTokenWebhookCacheTtl),
          },
  };
}

/** Undefined when none of the flags is given. */
function oidcFlags(settings: Settings): OidcFlags | undefined {
  const { oidcIssuerUrl: issuerUrl, oidcClientId: clientId, oidcCaFile, oidcUsernameClaim } = settings;
  const { oidcUsernamePrefix, oidcGroupsClaim, oidcGroupsPrefix, oidcSigningAlgs, oidcRequiredClaim } = settings;
  const given = [
    ...[issuerUrl, clientId, oidcCaFile, oidcUsernameClaim, oidcUsernamePrefix],
    ...[oidcGroupsClaim, oidcGroupsPrefix, oidcSigningAlgs, oidcRequiredClaim],
  ];
  if (given.every((value) => value === '')) return undefined;
  if (settings.authenticationConfig === '' && (issuerUrl === '' || clientId === '')) {
    throw new SettingError(
      'oidc-issuer-url and oidc-client-id must be specified together when any oidc-* flags are set',
    );
  }
  return {
    issuerUrl,
    clientId,
    caFile: oidcCaFile,
    usernameClaim: oidcUsernameClaim || 'sub',
    usernamePrefix: oidcUsernamePrefix,
    groupsClaim: oidcGroupsClaim,
    groupsPrefix: oidcGroupsPrefix,
    signingAlgorithms: splitList(oidcSigningAlgs || 'RS256'),
    requiredClaims: splitList(oidcRequiredClaim).map((item) => {
      const at = item.indexOf('=');
      return [item.slice(0, at), item.slice(at + 1)] as const;
    }),
  };
}

const DEFAULT_MODES = ['Node', 'RBAC'];

/** Throws SettingError. */
export function authorizationFlags(settings: Settings): AuthorizationFlags {
  const { authorizationConfig: configFile, authorizationMode, authorizationWebhookConfigFile: webhook } = settings;
  const { authorizationWebhookVersion: version } = settings;
  const { authorizationWebhookCacheAuthorizedTtl: authorized, authorizationWebhookCacheUnauthorizedTtl } = settings;
  const given = [authorizationMode, webhook, version, authorized, authorizationWebhookCacheUnauthorizedTtl];
  if (configFile !== '' && given.some((value) => value !== '')) {
    throw new SettingError(
      '--authorization-config can not be specified when --authorization-mode or --authorization-webhook-* flags are defined',
    );
  }
  const modes = authorizationMode === '' ? DEFAULT_MODES : splitList(authorizationMode);
  checkModes(modes, webhook);
  return {
    configFile,
    modes,
    webhook: {
      configFile: webhook,
      version: version || 'v1beta1',
      authorizedTtlMs: parseDuration(authorized || '5m'),
      unauthorizedTtlMs: parseDuration(authorizationWebhookCacheUnauthorizedTtl || '30s'),
    },
  };
}

function checkModes(modes: readonly string[], webhook: string): void {
  for (const mode of modes) {
    if (mode === 'ABAC') throw new SettingError(`--authorization-mode: ${NO_ABAC}`);
    if (!(AUTHORIZER_TYPES as readonly string[]).includes(mode)) {
      throw new SettingError(`authorization-mode ${JSON.stringify(mode)} is not a valid mode`);
    }
  }
  if (modes.includes('Webhook') && webhook === '') {
    throw new SettingError("authorization-mode Webhook's authorization config file not passed");
  }
  if (webhook !== '' && !modes.includes('Webhook')) {
    throw new SettingError('cannot specify --authorization-webhook-config-file without mode Webhook');
  }
  if (new Set(modes).size !== modes.length) {
    const shown = modes.map((mode) => JSON.stringify(mode)).join(' ');
    throw new SettingError(`authorization-mode [${shown}] has mode specified more than once`);
  }
}
