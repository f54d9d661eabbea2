import type { MetricsRegistry } from '#telemetry';
import { hashLabel, serverId } from '../../configuration/reload-metrics.js';
import type { KeyFetchRecord } from './issuer-keys.js';

const BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** A configuration has 64 issuers, and the one before it may end later. */
const MOST_ISSUERS = 128;

/** Upstream's metrics of JWT authenticators. Issuers are shown as hashes. */
export class JwtMetrics {
  private readonly id = hashLabel(serverId());
  private readonly latency;
  private readonly fetchedAt;
  private readonly keySets;

  constructor(metrics: MetricsRegistry) {
    this.latency = metrics.histogram(
      {
        name: 'apiserver_authentication_jwt_authenticator_latency_seconds',
        help: 'Time to verify a token that no cache had.',
        labels: { result: ['success', 'failure'], jwt_issuer_hash: MOST_ISSUERS },
      },
      BUCKETS,
    );
    this.fetchedAt = metrics.gauge({
      name: 'apiserver_authentication_jwt_authenticator_jwks_fetch_last_timestamp_seconds',
      help: 'When the keys of an issuer were last fetched.',
      labels: { result: ['success', 'failure'], jwt_issuer_hash: MOST_ISSUERS, apiserver_id_hash: [this.id] },
    });
    this.keySets = metrics.gauge({
      name: 'apiserver_authentication_jwt_authenticator_jwks_fetch_last_key_set_info',
      help: 'The keys of an issuer, by the hash of their set.',
      labels: { jwt_issuer_hash: MOST_ISSUERS, apiserver_id_hash: [this.id], hash: 2 * MOST_ISSUERS },
    });
  }

  verified(issuer: string, result: 'success' | 'failure', millis: number): void {
    this.latency.cell(result, hashLabel(issuer)).observe(millis / 1000);
  }

  keyFetches(url: string): KeyFetchRecord {
    const issuer = hashLabel(url);
    const at = (result: string) => {
      this.fetchedAt.cell(result, issuer, this.id).value = Date.now() / 1000;
    };
    return {
      fetched: (text) => {
        this.keySets.drop({ jwt_issuer_hash: issuer });
        this.keySets.cell(issuer, this.id, hashLabel(text)).value = 1;
        at('success');
      },
      failed: () => at('failure'),
    };
  }

  /** An issuer that is configured no more. */
  forget(url: string): void {
    const issuer = { jwt_issuer_hash: hashLabel(url) };
    this.fetchedAt.drop(issuer);
    this.keySets.drop(issuer);
  }
}
