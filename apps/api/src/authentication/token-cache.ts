import { createHmac, randomBytes } from 'node:crypto';
import type { Distribution, MetricsRegistry } from '#telemetry';
import { AnswerCache } from '../webhook-client/answer-cache.js';
import type { TokenAuthenticator, TokenIdentity } from './token-authenticator.js';

/** The reference's: 32 stripes of 1024 entries. */
const CAPACITY = 32 * 1024;

/** What an authenticator said of a token: an identity, none, or an error. */
type Outcome = { identity: TokenIdentity | undefined } | { error: Error };

export interface TokenCacheOptions {
  /** How long an identity is remembered, in milliseconds; 0: not at all. It ends with its token all the same. */
  successMs: number;
  /** The same of a token that nobody knew. */
  failureMs: number;
  /** Remember errors as failures; otherwise the next request tries again. */
  keepsErrors: boolean;
  clock: () => number;
  metrics?: TokenCacheMetrics;
}

/** Remembers what an authenticator outside of this process said. Requests with one token ask it once; tokens are kept as hashes alone. */
export class CachedTokenAuthenticator implements TokenAuthenticator {
  private readonly secret = randomBytes(32);
  private readonly known: AnswerCache<Outcome>;
  private readonly asking = new Map<string, Promise<Outcome>>();

  constructor(
    private readonly authenticator: TokenAuthenticator,
    private readonly options: TokenCacheOptions,
  ) {
    this.known = new AnswerCache(CAPACITY, options.clock);
  }

  async authenticateToken(token: string, audiences: readonly string[]): Promise<TokenIdentity | undefined> {
    const { clock, metrics } = this.options;
    const startedAt = clock();
    const key = this.keyOf(token, audiences);
    const known = this.known.get(key);
    if (known) {
      metrics?.asked('hit', clock() - startedAt);
      return given(known);
    }
    let asked = this.asking.get(key);
    if (asked === undefined) {
      asked = this.ask(key, token, audiences).finally(() => this.asking.delete(key));
      this.asking.set(key, asked);
    }
    metrics?.blocked(1);
    const outcome = await asked;
    metrics?.blocked(-1);
    metrics?.asked('miss', clock() - startedAt);
    return given(outcome);
  }

  private async ask(key: string, token: string, audiences: readonly string[]): Promise<Outcome> {
    const { metrics, clock, keepsErrors, successMs, failureMs } = this.options;
    metrics?.fetching();
    let outcome: Outcome;
    try {
      outcome = { identity: await this.authenticator.authenticateToken(token, audiences) };
    } catch (error) {
      outcome = { error: error as Error };
    }
    const isError = 'error' in outcome;
    metrics?.fetched(!isError);
    const identity = 'identity' in outcome ? outcome.identity : undefined;
    const forMs = identity ? successMs : failureMs;
    if (forMs > 0 && (keepsErrors || !isError)) {
      this.known.set(key, outcome, Math.min(clock() + forMs, identity?.expires ?? Number.POSITIVE_INFINITY));
    }
    return outcome;
  }

  /** Parts have their lengths before them, so that no two questions have one key. */
  private keyOf(token: string, audiences: readonly string[]): string {
    const hash = createHmac('sha256', this.secret);
    for (const part of [token, ...audiences]) hash.update(`${part.length}:`).update(part);
    return hash.digest('base64');
  }
}

function given(outcome: Outcome): TokenIdentity | undefined {
  if ('error' in outcome) throw outcome.error;
  return outcome.identity;
}

/** Upstream's metrics of token caches, of all of them together. */
export class TokenCacheMetrics {
  private readonly active;
  private readonly fetches;
  private readonly requests;
  private readonly durations: Record<'hit' | 'miss', Distribution>;

  constructor(metrics: MetricsRegistry) {
    const labels = { status: ['hit', 'miss'] };
    const requests = metrics.counter({
      name: 'authentication_token_cache_request_total',
      help: 'Look-ups in caches of tokens.',
      labels,
    });
    const durations = metrics.histogram(
      {
        name: 'authentication_token_cache_request_duration_seconds',
        help: 'Time of look-ups in caches of tokens.',
        labels,
      },
      [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    );
    const fetches = metrics.counter({
      name: 'authentication_token_cache_fetch_total',
      help: 'Tokens that were verified because no cache had them.',
      labels: { status: ['ok', 'error'] },
    });
    const active = metrics.gauge({
      name: 'authentication_token_cache_active_fetch_count',
      help: 'Tokens that are being verified, and requests that wait for it.',
      labels: { status: ['in_flight', 'blocked'] },
    });
    this.active = { inFlight: active.cell('in_flight'), blocked: active.cell('blocked') };
    this.requests = { hit: requests.cell('hit'), miss: requests.cell('miss') };
    this.durations = { hit: durations.cell('hit'), miss: durations.cell('miss') };
    this.fetches = { ok: fetches.cell('ok'), error: fetches.cell('error') };
  }

  asked(status: 'hit' | 'miss', millis: number): void {
    this.requests[status].value += 1;
    this.durations[status].observe(millis / 1000);
  }

  blocked(change: 1 | -1): void {
    this.active.blocked.value += change;
  }

  fetching(): void {
    this.active.inFlight.value += 1;
  }

  fetched(isGood: boolean): void {
    this.active.inFlight.value -= 1;
    this.fetches[isGood ? 'ok' : 'error'].value += 1;
  }
}
