import { decodeJson, decodePart } from '../token-signature.js';

/** A token is read, unverified, to see whose it is. None of a real issuer is longer. */
const LONGEST_TOKEN = 128 * 1024;

const GOOGLE = 'https://accounts.google.com';

function partsOf(token: string): [header: string, payload: string, signature: string] | undefined {
  if (token.length > LONGEST_TOKEN) return undefined;
  const parts = token.split('.', 4);
  return parts.length === 3 ? (parts as [string, string, string]) : undefined;
}

function objectIn(part: string): Readonly<Record<string, unknown>> | undefined {
  const value = decodeJson(part);
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

/** What a token says of its issuer; nobody has verified it. Undefined: it is no JWT. */
export function issuerOf(token: string): string | undefined {
  const parts = partsOf(token);
  return parts && issuerIn(objectIn(parts[1]));
}

/** Google leaves the scheme out in some tokens. */
export function issuerIn(claims: Readonly<Record<string, unknown>> | undefined): string | undefined {
  const issuer = claims?.['iss'];
  if (issuer === 'accounts.google.com') return GOOGLE;
  return typeof issuer === 'string' ? issuer : undefined;
}

/** Undefined: it is no JWT with a signature. */
export function headerOf(token: string): Readonly<Record<string, unknown>> | undefined {
  const parts = partsOf(token);
  return parts && decodePart(parts[2])?.length ? objectIn(parts[0]) : undefined;
}
