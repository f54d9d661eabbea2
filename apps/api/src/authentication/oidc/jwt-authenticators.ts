import { aggregateMessages } from '#apimachinery';
import { type Clock, delay, type Logger } from '#client';
import type { TokenAuthenticator, TokenIdentity } from '../token-authenticator.js';
import { CachedTokenAuthenticator, type TokenCacheMetrics } from '../token-cache.js';
import type { JwtConfiguration } from './authentication-configuration.js';
import { Issuer } from './issuer.js';
import { JwtAuthenticator } from './jwt-authenticator.js';
import type { JwtMetrics } from './jwt-metrics.js';
import { issuerOf } from './jwt-parts.js';

/** The reference's: how long a token that was good once is not looked at again. */
const SUCCESS_MS = 10_000;
const HEALTH_MS = 50;

export interface JwtOptions {
  /** What this server is called in reviews of tokens. */
  audiences: readonly string[];
  algorithms: readonly string[];
  clock: Clock;
  logger: Logger;
  metrics?: { jwt: JwtMetrics; cache: TokenCacheMetrics };
  /** Between attempts to read a discovery document. */
  retryMs?: number;
  /** Of one request to an issuer. */
  timeoutMs?: number;
}

/** The issuers of one configuration. A configuration that replaces it has issuers, keys and a cache of its own. */
export class JwtAuthenticators implements TokenAuthenticator {
  private readonly ending = new AbortController();
  private readonly authenticators: readonly JwtAuthenticator[];
  private readonly cached: TokenAuthenticator;

  constructor(
    configurations: readonly JwtConfiguration[],
    private readonly options: JwtOptions,
  ) {
    const { audiences, clock, metrics } = options;
    this.authenticators = configurations.map((configuration) => {
      const { url } = configuration.issuer;
      const keyFetches = metrics?.jwt.keyFetches(url) ?? { fetched: () => {}, failed: () => {} };
      const issuer = new Issuer(configuration.issuer, { ...options, signal: this.ending.signal, keyFetches });
      return new JwtAuthenticator(configuration, issuer, audiences);
    });
    const times = { successMs: SUCCESS_MS, failureMs: 0, keepsErrors: false, clock: () => clock.now() };
    this.cached = new CachedTokenAuthenticator(
      { authenticateToken: (token, asked) => this.verify(token, asked) },
      { ...times, metrics: metrics?.cache },
    );
    for (const { issuer } of this.authenticators) void issuer.discover();
  }

  get issuers(): string[] {
    return this.authenticators.map(({ issuer }) => issuer.url);
  }

  authenticateToken(token: string, audiences: readonly string[]) {
    // What is from none of the issuers takes no place in the cache.
    if (!this.authenticatorOf(token)) return undefined;
    return this.cached.authenticateToken(token, audiences);
  }

  /** Resolves when all issuers can be used. Rejects with what is wrong after so many milliseconds. */
  async healthy(withinMs: number): Promise<void> {
    const { clock } = this.options;
    const end = clock.now() + withinMs;
    for (;;) {
      const problems = this.authenticators.flatMap(({ issuer }) => issuer.problem ?? []);
      if (problems.length === 0) return;
      if (this.ending.signal.aborted || clock.now() >= end) throw new Error(aggregateMessages(problems));
      await delay(clock, HEALTH_MS, this.ending.signal);
    }
  }

  close(): void {
    this.ending.abort();
  }

  /** Reads the token once, however many issuers there are: anybody can send one. */
  private authenticatorOf(token: string): JwtAuthenticator | undefined {
    const url = issuerOf(token);
    return url === undefined ? undefined : this.authenticators.find(({ issuer }) => issuer.url === url);
  }

  private async verify(token: string, asked: readonly string[]): Promise<TokenIdentity | undefined> {
    const found = this.authenticatorOf(token);
    if (!found) return undefined;
    const startedAt = performance.now();
    const done = (result: 'success' | 'failure') =>
      this.options.metrics?.jwt.verified(found.issuer.url, result, performance.now() - startedAt);
    try {
      const identity = await found.authenticateToken(token, asked);
      if (identity) done('success');
      return identity;
    } catch (error) {
      done('failure');
      throw error;
    }
  }
}
