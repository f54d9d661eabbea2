import { isJsonObject, ownValue, type UserInfo } from '#apimachinery';
import { type Logger, loadKubeconfig } from '#client';
import { withAuthenticatedGroup } from '../identity/users.js';
import { ReviewClient, reviewStatus } from '../webhook-client/review-client.js';
import type { TokenAuthenticator, TokenIdentity } from './token-authenticator.js';
import { CachedTokenAuthenticator, type TokenCacheMetrics } from './token-cache.js';

const GROUP = 'authentication.k8s.io';
const TIMEOUT_MS = 30_000;

export interface TokenWebhookOptions {
  /** A kubeconfig. */
  configFile: string;
  version: 'v1' | 'v1beta1';
  /** How long an answer is remembered, in milliseconds; 0: not at all. */
  cacheMs: number;
  /** What this server is called in `aud`, for webhooks that know no audiences. */
  audiences: readonly string[];
  clock: () => number;
  logger: Logger;
  signal: AbortSignal;
  cacheMetrics?: TokenCacheMetrics;
  /** Before the second attempt, in milliseconds. */
  firstPauseMs?: number;
  timeoutMs?: number;
}

/** Asks a webhook whose a token is, by TokenReview, and remembers what it says. Throws when the kubeconfig cannot be used. */
export function webhookTokenAuthenticator(options: TokenWebhookOptions): TokenAuthenticator {
  const { cacheMs, clock, cacheMetrics: metrics } = options;
  const times = { successMs: cacheMs, failureMs: cacheMs, keepsErrors: false, clock, metrics };
  return new CachedTokenAuthenticator(new WebhookTokenAuthenticator(options), times);
}

class WebhookTokenAuthenticator implements TokenAuthenticator {
  private readonly client: ReviewClient;

  constructor(private readonly options: TokenWebhookOptions) {
    const { configFile, signal, firstPauseMs, timeoutMs = TIMEOUT_MS } = options;
    this.client = new ReviewClient(loadKubeconfig(configFile), { timeoutMs, signal, firstPauseMs });
    signal.addEventListener('abort', () => this.client.close(), { once: true });
  }

  async authenticateToken(token: string, asked: readonly string[]): Promise<TokenIdentity | undefined> {
    const status = await this.statusOf(token, asked);
    // A webhook that knows no audiences vouches for those of this server.
    const given = textsOf(ownValue(status, 'audiences'));
    const own = given.length > 0 ? given : this.options.audiences;
    const audiences = asked.filter((audience) => own.includes(audience));
    if (audiences.length === 0) return undefined;
    if (ownValue(status, 'authenticated') !== true) {
      const error = ownValue(status, 'error');
      if (typeof error === 'string' && error !== '') throw new Error(error);
      return undefined;
    }
    return { user: withAuthenticatedGroup(userOf(ownValue(status, 'user'))), audiences };
  }

  private async statusOf(token: string, audiences: readonly string[]): Promise<Record<string, unknown>> {
    const { version, logger } = this.options;
    const kind = { apiVersion: `${GROUP}/${version}`, kind: 'TokenReview' };
    try {
      const review = { ...kind, metadata: {}, spec: { token, audiences }, status: { user: {} } };
      const answer = await this.client.review(review);
      return reviewStatus(answer, kind);
    } catch (error) {
      const { message } = error as Error;
      logger.error('Failed to make webhook authenticator request', { error: message });
      throw error;
    }
  }
}

/** Throws where the answer names nobody: what is wrong in it lets nobody in. */
function userOf(value: unknown): UserInfo {
  const user = isJsonObject(value) ? (value as Record<string, unknown>) : {};
  const name = ownValue(user, 'username');
  if (typeof name !== 'string' || name === '') throw new Error('the webhook authenticated a user without a name');
  const uid = ownValue(user, 'uid');
  const extra = ownValue(user, 'extra');
  const more = isJsonObject(extra) ? Object.entries(extra).map(([key, values]) => [key, textsOf(values)]) : [];
  return {
    name,
    groups: textsOf(ownValue(user, 'groups')),
    ...(typeof uid === 'string' && uid !== '' ? { uid } : undefined),
    ...(more.length > 0 ? { extra: Object.fromEntries(more) } : undefined),
  };
}

/** Throws where a list has something else than texts. */
function textsOf(value: unknown): string[] {
  const list = value ?? [];
  if (Array.isArray(list) && list.every((item): item is string => typeof item === 'string')) return list;
  throw new Error('the webhook answered with what is no list of strings');
}
