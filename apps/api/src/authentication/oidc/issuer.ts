import { quote } from '#apimachinery';
import { type Clock, delay, type Logger } from '#client';
import { goStrings } from '../token-signature.js';
import type { IssuerConfiguration } from './authentication-configuration.js';
import { IssuerConnection } from './issuer-connection.js';
import { IssuerKeys, type KeyFetchRecord } from './issuer-keys.js';
import { headerOf, issuerIn, issuerOf } from './jwt-parts.js';

/** The asymmetric algorithms of RFC 7518; nobody can allow another. */
export const SIGNING_ALGORITHMS = [
  ...['ES256', 'ES384', 'ES512'],
  ...['PS256', 'PS384', 'PS512'],
  ...['RS256', 'RS384', 'RS512'],
] as const;

const WELL_KNOWN = '/.well-known/openid-configuration';
const RETRY_MS = 10_000;
/** How far the clock of an issuer may be ahead of this machine's. */
const NOT_BEFORE_LEEWAY_SECONDS = 60;
const YEAR_ONE = '0001-01-01 00:00:00 +0000 UTC';

export interface IssuerOptions {
  /** Ends all that it does. */
  signal: AbortSignal;
  clock: Clock;
  logger: Logger;
  algorithms: readonly string[];
  keyFetches: KeyFetchRecord;
  retryMs?: number;
  timeoutMs?: number;
}

/** An OpenID Connect issuer: where its keys are, which its discovery document says, and whether a token is one of its. */
export class Issuer {
  readonly url: string;
  private keys: IssuerKeys | undefined;
  private failure: string;

  constructor(
    private readonly configuration: IssuerConfiguration,
    private readonly options: IssuerOptions,
  ) {
    this.url = configuration.url;
    this.failure = `oidc: authenticator for issuer ${quote(this.url)} is not initialized`;
  }

  /** Why tokens of this issuer cannot be verified yet; undefined when they can. */
  get problem(): string | undefined {
    if (this.keys !== undefined) return undefined;
    return `oidc: authenticator for issuer ${quote(this.url)} is not healthy: ${this.failure}`;
  }

  /** Reads the discovery document, and tries again until it has it: an issuer may run in this cluster. Never rejects. */
  async discover(): Promise<void> {
    const { signal, timeoutMs, clock, logger, retryMs = RETRY_MS } = this.options;
    const connection = new IssuerConnection(this.configuration.certificateAuthority, signal, timeoutMs);
    while (!signal.aborted && this.keys === undefined) {
      try {
        const url = await this.keysUrl(connection);
        this.keys = new IssuerKeys(url, connection, this.options.keyFetches, () => clock.now());
      } catch (error) {
        if (signal.aborted) return;
        this.failure = (error as Error).message;
        logger.error('an issuer of tokens cannot be used', { issuer: this.url, error: this.failure });
        await delay(clock, retryMs, signal);
      }
    }
  }

  /** Whether a token says that it is from this issuer. */
  claims(token: string): boolean {
    return issuerOf(token) === this.url;
  }

  /** The claims of a token that says that it is from this issuer. Rejects when it is not good. */
  async verify(token: string): Promise<Readonly<Record<string, unknown>>> {
    if (this.keys === undefined) throw new Error('oidc: authenticator not initialized');
    try {
      const claims = await this.signedClaims(this.keys, token);
      this.check(claims);
      return claims;
    } catch (error) {
      throw new Error(`oidc: verify token: ${(error as Error).message}`);
    }
  }

  private async keysUrl(connection: IssuerConnection): Promise<string> {
    const { discoveryURL } = this.configuration;
    const { value } = await connection.readObject(discoveryURL || `${this.url.replace(/\/$/, '')}${WELL_KNOWN}`);
    const { issuer, jwks_uri: keys } = value;
    if (issuer !== this.url) {
      const got = quote(typeof issuer === 'string' ? issuer : '');
      throw new Error(
        `oidc: issuer did not match the issuer returned by provider, expected ${quote(this.url)} got ${got}`,
      );
    }
    if (typeof keys !== 'string' || keys === '') throw new Error('provider did not return JWKS URL');
    if (!URL.canParse(keys) || new URL(keys).protocol !== 'https:') {
      throw new Error(`the JWKS URL of the provider is no HTTPS address: ${quote(keys)}`);
    }
    return keys;
  }

  private async signedClaims(keys: IssuerKeys, token: string): Promise<Readonly<Record<string, unknown>>> {
    const { algorithms } = this.options;
    const header = headerOf(token);
    if (header === undefined) throw new Error('oidc: malformed jwt');
    const { alg, kid = '', crit } = header;
    if (typeof alg !== 'string' || !algorithms.includes(alg)) {
      const got = quote(String(alg));
      throw new Error(`oidc: id token signed with unsupported algorithm, expected ${goStrings(algorithms)} got ${got}`);
    }
    // No extension of the format is understood here, and a critical one may not be passed over (RFC 7515, 4.1.11).
    if (crit !== undefined || typeof kid !== 'string') throw new Error('oidc: malformed jwt');
    let payload: Uint8Array;
    try {
      payload = await keys.verify(token, alg, kid);
    } catch (error) {
      throw new Error(`failed to verify signature: ${(error as Error).message}`);
    }
    const claims: unknown = JSON.parse(Buffer.from(payload).toString('utf8'));
    if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) {
      throw new Error('oidc: failed to unmarshal claims');
    }
    return claims as Record<string, unknown>;
  }

  private check(claims: Readonly<Record<string, unknown>>): void {
    const { iss, aud, exp, nbf } = claims;
    const { audiences: wanted } = this.configuration;
    const own =
      typeof aud === 'string' ? [aud] : Array.isArray(aud) ? aud.filter((one) => typeof one === 'string') : [];
    if (issuerIn(claims) !== this.url) {
      throw new Error(
        `oidc: id token issued by a different provider, expected ${quote(this.url)} got ${quote(String(iss))}`,
      );
    }
    if (!own.some((audience) => wanted.includes(audience))) {
      const expected = wanted.length === 1 ? quote(wanted[0]!) : `in ${goStrings([...wanted].sort())}`;
      throw new Error(`oidc: expected audience ${expected} got ${goStrings(own)}`);
    }
    const now = this.options.clock.now() / 1000;
    if (typeof exp !== 'number' || exp < now) {
      throw new Error(`oidc: token is expired (Token Expiry: ${typeof exp === 'number' ? goTime(exp) : YEAR_ONE})`);
    }
    if (nbf === undefined || nbf === null) return;
    if (typeof nbf !== 'number') throw new Error('oidc: failed to unmarshal claims: nbf must be a number');
    if (now + NOT_BEFORE_LEEWAY_SECONDS < nbf) {
      throw new Error(`oidc: current time ${goTime(now)} before the nbf (not before) time: ${goTime(nbf)}`);
    }
  }
}

/** As Go prints a time. */
function goTime(seconds: number): string {
  const date = new Date(Math.trunc(seconds) * 1000);
  if (Number.isNaN(date.getTime())) return String(seconds);
  return `${date.toISOString().slice(0, 19).replace('T', ' ')} +0000 UTC`;
}
