import assert from 'node:assert/strict';
import { MetricsRegistry } from '#telemetry';
import type { TokenIdentity } from './token-authenticator.js';
import { CachedTokenAuthenticator, TokenCacheMetrics, type TokenCacheOptions } from './token-cache.js';

const AUDIENCES = ['a'];
const JANE: TokenIdentity = { user: { name: 'jane', groups: [] }, audiences: AUDIENCES };

describe('a cache of tokens', () => {
  let now: number;
  let asked: string[];
  beforeEach(() => {
    now = 1000;
    asked = [];
  });

  const cache = (answer: () => TokenIdentity | undefined, more: Partial<TokenCacheOptions> = {}) =>
    new CachedTokenAuthenticator(
      {
        authenticateToken: async (token) => {
          asked.push(token);
          return answer();
        },
      },
      { successMs: 10_000, failureMs: 5000, keepsErrors: false, clock: () => now, ...more },
    );
  const fail = () => {
    throw new Error('down');
  };

  it('remembers what is known, and what is not known, for a time each', async () => {
    for (const [answer, millis] of [
      [() => JANE, 10_000],
      [() => undefined, 5000],
    ] as const) {
      asked.length = 0;
      const own = cache(answer);
      const first = await own.authenticateToken('t', AUDIENCES);
      now += millis - 1;
      assert.equal(await own.authenticateToken('t', AUDIENCES), first);
      assert.equal(asked.length, 1);
      now += 1;
      await own.authenticateToken('t', AUDIENCES);
      assert.equal(asked.length, 2);
    }
  });

  it('remembers nobody beyond the end of their token', async () => {
    const own = cache(() => ({ ...JANE, expires: now + 2000 }));
    await own.authenticateToken('t', AUDIENCES);
    now += 2000;
    await own.authenticateToken('t', AUDIENCES);
    assert.equal(asked.length, 2);
  });

  it('remembers errors only where that is wanted', async () => {
    for (const keepsErrors of [true, false]) {
      asked.length = 0;
      const own = cache(fail, { keepsErrors });
      for (let i = 0; i < 2; i += 1) await assert.rejects(own.authenticateToken('t', AUDIENCES), /down/);
      assert.equal(asked.length, keepsErrors ? 1 : 2);
    }
  });

  it('asks once for all that ask at a time, and tells tokens and audiences apart', async () => {
    const own = cache(() => JANE);
    await Promise.all([
      own.authenticateToken('t', AUDIENCES),
      own.authenticateToken('t', AUDIENCES),
      own.authenticateToken('t', ['b']),
      own.authenticateToken('t1:a', []),
      own.authenticateToken('u', AUDIENCES),
    ]);
    assert.deepEqual(asked, ['t', 't', 't1:a', 'u']);
  });

  it('forgets the oldest of very many', async () => {
    const own = cache(() => JANE);
    for (let i = 0; i <= 32 * 1024; i += 1) await own.authenticateToken(`${i}`, AUDIENCES);
    asked.length = 0;
    await own.authenticateToken('32768', AUDIENCES);
    await own.authenticateToken('0', AUDIENCES);
    assert.deepEqual(asked, ['0']);
  });

  it('counts', async () => {
    const registry = new MetricsRegistry();
    const own = cache(() => JANE, { metrics: new TokenCacheMetrics(registry) });
    await own.authenticateToken('t', AUDIENCES);
    await own.authenticateToken('t', AUDIENCES);
    const text = await registry.render();
    for (const line of [
      'authentication_token_cache_request_total{status="hit"} 1',
      'authentication_token_cache_request_total{status="miss"} 1',
      'authentication_token_cache_fetch_total{status="ok"} 1',
      'authentication_token_cache_active_fetch_count{status="in_flight"} 0',
      'authentication_token_cache_active_fetch_count{status="blocked"} 0',
    ]) {
      assert.ok(text.includes(line), line);
    }
  });
});
