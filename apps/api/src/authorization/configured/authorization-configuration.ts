import { ConfigurationObject } from '../../configuration/configuration-object.js';
import { parseConfiguration } from '../../configuration/configuration-text.js';

/** AuthorizationConfiguration of apiserver.config.k8s.io, with its defaults; '' for a text that is absent. Times are in milliseconds. */
export interface AuthorizationConfiguration {
  authorizers: readonly AuthorizerConfiguration[];
}

export interface AuthorizerConfiguration {
  type: string;
  name: string;
  webhook?: AuthorizationWebhook;
}

export interface AuthorizationWebhook {
  authorizedTtlMs: number;
  cacheAuthorizedRequests: boolean;
  unauthorizedTtlMs: number;
  cacheUnauthorizedRequests: boolean;
  timeoutMs: number;
  subjectAccessReviewVersion: string;
  matchConditionSubjectAccessReviewVersion: string;
  failurePolicy: string;
  connectionInfo: { type: string; kubeConfigFile?: string };
  matchConditions: readonly string[];
}

/** --authorization-mode and --authorization-webhook-*. */
export interface AuthorizationModes {
  modes: readonly string[];
  webhook: { configFile: string; version: 'v1' | 'v1beta1'; authorizedTtlMs: number; unauthorizedTtlMs: number };
}

/** The reference's; times of cached answers are not 0, which the fields of their own say. */
const AUTHORIZED_TTL_MS = 5 * 60_000;
const UNAUTHORIZED_TTL_MS = 30_000;
const WEBHOOK_TIMEOUT_MS = 30_000;

const VERSIONS = ['v1', 'v1beta1', 'v1alpha1'].map((version) => `apiserver.config.k8s.io/${version}`);
const WEBHOOK = [
  ...['authorizedTTL', 'cacheAuthorizedRequests', 'unauthorizedTTL', 'cacheUnauthorizedRequests', 'timeout'],
  ...['subjectAccessReviewVersion', 'matchConditionSubjectAccessReviewVersion', 'failurePolicy'],
  ...['connectionInfo', 'matchConditions'],
];

/** Reads the text of --authorization-config. `path` is how messages begin. Rejects with ConfigurationError. */
export async function readAuthorizationConfiguration(path: string, text: string): Promise<AuthorizationConfiguration> {
  const value = await parseConfiguration(path, text);
  const file = ConfigurationObject.ofKind(path, value, VERSIONS, 'AuthorizationConfiguration', ['authorizers']);
  return {
    authorizers: file.objects('authorizers', ['type', 'name', 'webhook']).map((item) => {
      const webhook = item.object('webhook', WEBHOOK);
      return {
        type: item.text('type') ?? '',
        name: item.text('name') ?? '',
        webhook: webhook && webhookOf(webhook),
      };
    }),
  };
}

function webhookOf(webhook: ConfigurationObject): AuthorizationWebhook {
  const connection = webhook.object('connectionInfo', ['type', 'kubeConfigFile']);
  return {
    authorizedTtlMs: webhook.duration('authorizedTTL') || AUTHORIZED_TTL_MS,
    cacheAuthorizedRequests: webhook.truth('cacheAuthorizedRequests') ?? true,
    unauthorizedTtlMs: webhook.duration('unauthorizedTTL') || UNAUTHORIZED_TTL_MS,
    cacheUnauthorizedRequests: webhook.truth('cacheUnauthorizedRequests') ?? true,
    timeoutMs: webhook.duration('timeout'),
    subjectAccessReviewVersion: webhook.text('subjectAccessReviewVersion') ?? '',
    matchConditionSubjectAccessReviewVersion: webhook.text('matchConditionSubjectAccessReviewVersion') ?? '',
    failurePolicy: webhook.text('failurePolicy') ?? '',
    connectionInfo: { type: connection?.text('type') ?? '', kubeConfigFile: connection?.text('kubeConfigFile') },
    matchConditions: webhook
      .objects('matchConditions', ['expression'])
      .map((condition) => condition.text('expression') ?? ''),
  };
}

/** What the name of an authorizer that is no webhook has to be. */
export function nameOfMode(mode: string): string {
  return mode.toLowerCase();
}

/** The same as the flags say it. */
export function configurationOfModes({ modes, webhook }: AuthorizationModes): AuthorizationConfiguration {
  const { configFile, version, authorizedTtlMs, unauthorizedTtlMs } = webhook;
  return {
    authorizers: modes.map((mode) => {
      if (mode !== 'Webhook') return { type: mode, name: nameOfMode(mode) };
      const own: AuthorizationWebhook = {
        authorizedTtlMs,
        cacheAuthorizedRequests: authorizedTtlMs !== 0,
        unauthorizedTtlMs,
        cacheUnauthorizedRequests: unauthorizedTtlMs !== 0,
        timeoutMs: WEBHOOK_TIMEOUT_MS,
        subjectAccessReviewVersion: version,
        matchConditionSubjectAccessReviewVersion: '',
        failurePolicy: 'NoOpinion',
        connectionInfo: { type: 'KubeConfigFile', kubeConfigFile: configFile },
        matchConditions: [],
      };
      return { type: mode, name: 'default', webhook: own };
    }),
  };
}
