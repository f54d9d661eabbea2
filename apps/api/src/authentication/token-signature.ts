import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { quote } from '#apimachinery';

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

/**
 * The payload of a token of one of the issuers, its signature verified. Undefined: no token of theirs. Throws on a bad signature.
 */
export function signedClaims(token: string, issuers: readonly string[], keys: readonly VerificationKey[]): unknown {
  const parts = token.split('.');
  const [header, payload, signature] = parts;
  if (parts.length !== 3 || !header || !payload || !signature) return undefined;
  const body = decodeJson(payload) as { iss?: unknown } | undefined;
  if (typeof body?.iss !== 'string' || !issuers.includes(body.iss)) return undefined;
  const head = decodeJson(header) as { alg?: unknown; kid?: unknown; crit?: unknown } | undefined;
  // No extension of the format is understood here, and a critical one may not be passed over (RFC 7515, 4.1.11).
  if (head?.crit !== undefined) throw new Error('go-jose/go-jose: unsupported critical header');
  const candidates = keys.filter((key) => head?.kid === undefined || head.kid === key.id);
  if (candidates.length === 0) throw new Error('invalid signature, no keys found');
  const data = Buffer.from(`${header}.${payload}`);
  const bytes = decodePart(signature);
  if (!bytes) return undefined;
  // The key says which algorithm is used; the token's own claim must agree and chooses nothing.
  const good = candidates.some(
    ({ algorithm, key }) => head?.alg === algorithm && verify('sha256', data, signingOptions(algorithm, key), bytes),
  );
  if (!good) throw new Error('go-jose/go-jose: error in cryptographic primitive');
  return body;
}

/** JOSE wants ECDSA signatures as r and s side by side. */
export function signingOptions(algorithm: 'RS256' | 'ES256', key: KeyObject) {
  return algorithm === 'ES256' ? { key, dsaEncoding: 'ieee-p1363' as const } : key;
}

export function encodePart(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** Undefined unless the part is written the one way that base64url writes these bytes: a token has one form. */
export function decodePart(part: string): Buffer | undefined {
  const bytes = Buffer.from(part, 'base64url');
  return bytes.toString('base64url') === part ? bytes : undefined;
}

/** Undefined unless the part is the JSON of something, in the one spelling of base64url. */
export function decodeJson(part: string): unknown {
  try {
    return JSON.parse(decodePart(part)?.toString('utf8') ?? '');
  } catch {
    return undefined;
  }
}

/** %q of a list of strings. */
export function goStrings(items: readonly string[]): string {
  return `[${items.map(quote).join(' ')}]`;
}
