import {
  createHash,
  createPrivateKey,
  createPublicKey,
  type JsonWebKey,
  type KeyObject,
  randomUUID,
  sign,
  verify,
} from 'node:crypto';
import { quote, type UserInfo } from '#apimachinery';
import { EXTRA, serviceAccountGroups, serviceAccountUser, withAuthenticatedGroup } from '../identity/users.js';
import type { Lister } from '../storage/lister.js';
import { BoundedCache } from './bounded-cache.js';
import { BoundObjectMissing, checkClaims, readClaims, type ServiceAccountClaims } from './service-account-claims.js';
import type { TokenAuthenticator, TokenIdentity } from './token-authenticator.js';

/** A public key as tokens name it: base64url of the SHA-256 of its DER, as upstream derives it. */
export interface VerificationKey {
  id: string;
  algorithm: 'RS256' | 'ES256';
  key: KeyObject;
}

export function verificationKey(pem: string): VerificationKey {
  const key = createPublicKey(pem);
  const der = key.export({ type: 'spki', format: 'der' });
  return {
    id: createHash('sha256').update(der).digest('base64url'),
    algorithm: key.asymmetricKeyType === 'rsa' ? 'RS256' : 'ES256',
    key,
  };
}

/** JSON Web Key Set of the keys, for OIDC discovery. */
export function jsonWebKeys(keys: readonly VerificationKey[]): { keys: JsonWebKey[] } {
  return {
    keys: keys.map(({ id, algorithm, key }) => {
      const jwk = key.export({ format: 'jwk' });
      return { use: 'sig', kty: jwk.kty, kid: id, alg: algorithm, ...jwk };
    }),
  };
}

export class ServiceAccountTokenIssuer {
  private readonly key: KeyObject;
  private readonly header: string;
  private readonly algorithm: 'RS256' | 'ES256';

  constructor(
    privateKeyPem: string,
    readonly issuer: string,
  ) {
    this.key = createPrivateKey(privateKeyPem);
    const { id, algorithm } = verificationKey(privateKeyPem);
    this.algorithm = algorithm;
    this.header = encode({ alg: algorithm, kid: id });
  }

  issue(claims: Omit<ServiceAccountClaims, 'iss' | 'jti'>): string {
    // Keys in alphabetical order, as upstream's encoder leaves them.
    const full: ServiceAccountClaims = {
      aud: claims.aud,
      exp: claims.exp,
      iat: claims.iat,
      iss: this.issuer,
      jti: randomUUID(),
      'kubernetes.io': claims['kubernetes.io'],
      nbf: claims.nbf,
      sub: claims.sub,
    };
    const signed = `${this.header}.${encode(full)}`;
    const signature = sign('sha256', Buffer.from(signed), signingOptions(this.algorithm, this.key));
    return `${signed}.${signature.toString('base64url')}`;
  }
}

interface Verified {
  claims: ServiceAccountClaims;
  user: UserInfo;
}

/**
 * ServiceAccount tokens of this cluster. A good signature is remembered by the token's hash; times and the objects that
 * the token is bound to are looked at on every request, which the caches make cheap: deleting a pod ends its tokens at once.
 * A token is refused for such an object only by the newest state: it may have been made a moment ago, through another replica.
 */
export class ServiceAccountTokenAuthenticator implements TokenAuthenticator {
  private readonly verified = new BoundedCache<string, Verified>(8192);

  constructor(
    private readonly keys: readonly VerificationKey[],
    private readonly issuers: readonly string[],
    private readonly lister: Lister,
    private readonly readBarrier: () => Promise<unknown>,
    private readonly clock: () => number = Date.now,
  ) {}

  async authenticateToken(token: string, audiences: readonly string[]): Promise<TokenIdentity | undefined> {
    const hash = createHash('sha256').update(token).digest('base64');
    let entry = this.verified.get(hash);
    if (!entry) {
      const claims = this.verifySignature(token);
      if (!claims) return undefined;
      entry = { claims, user: userOf(claims) };
      this.verified.set(hash, entry);
    }
    const shared = entry.claims.aud.filter((audience) => audiences.includes(audience));
    if (shared.length === 0) {
      throw new Error(
        `token audiences ${goStrings(entry.claims.aud)} is invalid for the target audiences ${goStrings(audiences)}`,
      );
    }
    try {
      checkClaims(entry.claims, this.lister, this.clock());
    } catch (error) {
      if (!(error instanceof BoundObjectMissing)) throw error;
      await this.readBarrier();
      checkClaims(entry.claims, this.lister, this.clock());
    }
    return { user: entry.user, audiences: shared };
  }

  /** Undefined: no token of our issuer. Throws on a bad signature. */
  private verifySignature(token: string): ServiceAccountClaims | undefined {
    const parts = token.split('.');
    const [header, payload, signature] = parts;
    if (parts.length !== 3 || !header || !payload || !signature) return undefined;
    const body = decodeJson(payload) as { iss?: unknown } | undefined;
    if (typeof body?.iss !== 'string' || !this.issuers.includes(body.iss)) return undefined;
    const head = decodeJson(header) as { alg?: unknown; kid?: unknown; crit?: unknown } | undefined;
    // No extension of the format is understood here, and a critical one may not be passed over (RFC 7515, 4.1.11).
    if (head?.crit !== undefined) throw new Error('go-jose/go-jose: unsupported critical header');
    const candidates = this.keys.filter((key) => head?.kid === undefined || head.kid === key.id);
    if (candidates.length === 0) throw new Error('invalid signature, no keys found');
    const data = Buffer.from(`${header}.${payload}`);
    const bytes = decode(signature);
    if (!bytes) return undefined;
    // The key says which algorithm is used; the token's own claim must agree and chooses nothing.
    const good = candidates.some(
      ({ algorithm, key }) => head?.alg === algorithm && verify('sha256', data, signingOptions(algorithm, key), bytes),
    );
    if (!good) throw new Error('go-jose/go-jose: error in cryptographic primitive');
    const claims = readClaims(body);
    if (!claims)
      throw new Error('service account token claims could not be validated due to unexpected validation error');
    return claims;
  }
}

function userOf(claims: ServiceAccountClaims): UserInfo {
  const { namespace, serviceaccount, pod, node } = claims['kubernetes.io'];
  const extra: Record<string, string[]> = {};
  if (pod) {
    extra[EXTRA.podName] = [pod.name];
    extra[EXTRA.podUid] = [pod.uid];
  }
  if (claims.jti) extra[EXTRA.credentialId] = [`JTI=${claims.jti}`];
  if (node) {
    extra[EXTRA.nodeName] = [node.name];
    if (node.uid) extra[EXTRA.nodeUid] = [node.uid];
  }
  return withAuthenticatedGroup({
    name: serviceAccountUser(namespace, serviceaccount.name),
    uid: serviceaccount.uid,
    groups: serviceAccountGroups(namespace),
    ...(Object.keys(extra).length > 0 ? { extra } : undefined),
  });
}

/** JOSE wants ECDSA signatures as r and s side by side. */
function signingOptions(algorithm: 'RS256' | 'ES256', key: KeyObject) {
  return algorithm === 'ES256' ? { key, dsaEncoding: 'ieee-p1363' as const } : key;
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** Undefined unless the part is written the one way that base64url writes these bytes: a token has one form. */
function decode(part: string): Buffer | undefined {
  const bytes = Buffer.from(part, 'base64url');
  return bytes.toString('base64url') === part ? bytes : undefined;
}

function decodeJson(part: string): unknown {
  try {
    return JSON.parse(decode(part)?.toString('utf8') ?? '');
  } catch {
    return undefined;
  }
}

/** %q of a list of strings. */
function goStrings(items: readonly string[]): string {
  return `[${items.map(quote).join(' ')}]`;
}
