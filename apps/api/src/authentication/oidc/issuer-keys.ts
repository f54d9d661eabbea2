import type { CryptoKey, JWK, KeyObject } from 'jose';
import type { IssuerConnection } from './issuer-connection.js';

/** Clients can name keys that no issuer has: an issuer is asked for its keys no more often than this. */
const FETCH_PAUSE_MS = 2000;
/** Keys that are older are fetched anew behind the requests that use them: a key that its issuer gave up ends. */
const REFRESH_MS = 10 * 60_000;
/** No issuer has more; verification tries the keys of one name in turn. */
const MOST_KEYS = 256;

/** Of a key set that was fetched, or could not be. */
export interface KeyFetchRecord {
  fetched(text: string): void;
  failed(): void;
}

interface PublicKey {
  readonly jwk: JWK;
  /** By algorithm; undefined: the key is not for it. */
  readonly imported: Map<string, CryptoKey | KeyObject | Uint8Array | undefined>;
}

/** The public keys of one issuer. They are fetched when they are first needed, and when a token names a key that is not known. */
export class IssuerKeys {
  private keys: readonly PublicKey[] = [];
  private fetchedAt = Number.NEGATIVE_INFINITY;
  private askedAt = Number.NEGATIVE_INFINITY;
  private fetching: Promise<void> | undefined;

  constructor(
    private readonly url: string,
    private readonly connection: IssuerConnection,
    private readonly record: KeyFetchRecord,
    private readonly clock: () => number,
  ) {}

  /** The payload of a compact JWS. `algorithm` is one that the caller allows, and `kid` '' where the token names no key. Rejects. */
  async verify(token: string, algorithm: string, kid: string): Promise<Uint8Array> {
    const now = this.clock();
    const known = await this.payloadOf(token, algorithm, kid);
    if (known) {
      if (now - this.fetchedAt > REFRESH_MS && now - this.askedAt > FETCH_PAUSE_MS) this.fetch().catch(() => {});
      return known;
    }
    if (this.fetching === undefined && now - this.askedAt <= FETCH_PAUSE_MS) {
      throw new Error('failed to verify id token signature');
    }
    try {
      await this.fetch();
    } catch (error) {
      throw new Error(`fetching keys ${(error as Error).message}`);
    }
    const payload = await this.payloadOf(token, algorithm, kid);
    if (!payload) throw new Error('failed to verify id token signature');
    return payload;
  }

  private async payloadOf(token: string, algorithm: string, kid: string): Promise<Uint8Array | undefined> {
    const { compactVerify } = await import('jose');
    for (const key of this.keys) {
      if (kid !== '' && key.jwk.kid !== kid) continue;
      const imported = await importedFor(key, algorithm);
      if (imported === undefined) continue;
      try {
        return (await compactVerify(token, imported, { algorithms: [algorithm] })).payload;
      } catch {
        // Another key may have signed it.
      }
    }
    return undefined;
  }

  /** One fetch at a time; all who need it wait for the same. */
  private fetch(): Promise<void> {
    this.fetching ??= this.read().finally(() => {
      this.fetching = undefined;
    });
    return this.fetching;
  }

  private async read(): Promise<void> {
    this.askedAt = this.clock();
    try {
      const { value, text } = await this.connection.readObject(this.url);
      this.keys = keysOf(value['keys']);
      this.fetchedAt = this.clock();
      this.record.fetched(text);
    } catch (error) {
      this.record.failed();
      throw new Error(`oidc: get keys failed ${(error as Error).message}`);
    }
  }
}

function keysOf(list: unknown): PublicKey[] {
  if (!Array.isArray(list)) throw new Error('oidc: failed to decode keys: keys must be a list');
  const objects = list.filter((item): item is JWK => typeof item === 'object' && item !== null);
  return objects.slice(0, MOST_KEYS).map((jwk) => ({ jwk, imported: new Map() }));
}

/** A key decides by its type for which algorithms it can be used: what a token says of itself cannot make an RSA key a secret. */
async function importedFor({ jwk, imported }: PublicKey, algorithm: string): Promise<PublicKeyValue> {
  if (imported.has(algorithm)) return imported.get(algorithm);
  const isRsa = algorithm.startsWith('RS') || algorithm.startsWith('PS');
  let key: PublicKeyValue;
  if (jwk.kty === (isRsa ? 'RSA' : 'EC') && (jwk.alg === undefined || jwk.alg === algorithm)) {
    const { importJWK } = await import('jose');
    // Only the public part: an issuer that shows its private key must not make this server sign anything.
    const { kty, n, e, crv, x, y } = jwk;
    key = await importJWK({ kty, n, e, crv, x, y } as JWK, algorithm).catch(() => undefined);
  }
  imported.set(algorithm, key);
  return key;
}

type PublicKeyValue = CryptoKey | KeyObject | Uint8Array | undefined;
