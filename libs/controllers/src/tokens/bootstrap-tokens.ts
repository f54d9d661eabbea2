import { createHmac } from 'node:crypto';
import { ownValue } from '#apimachinery';
import type { Informer, SharedInformers } from '#client';
import { gvr, type Secret } from '#kinds';

/** Bootstrap tokens: Secrets of a type of their own in kube-system, and what they sign. */

const NAME = /^bootstrap-token-([a-z0-9]{6})$/;
const SIGNATURE = 'jws-kubeconfig-';

export function bootstrapTokens(informers: SharedInformers): Informer<Secret> {
  const fieldSelector = 'type=bootstrap.kubernetes.io/token';
  return informers.for<Secret>(gvr.secrets, { namespace: 'kube-system', fieldSelector });
}

/** When the token ends, in milliseconds since the epoch; undefined when it does not. A time that cannot be read has passed. */
export function tokenExpiry(secret: Secret): number | undefined {
  const expiration = dataOf(secret, 'expiration');
  if (expiration === '') return undefined;
  const time = /^\d{4}-\d{2}-\d{2}T/.test(expiration) ? Date.parse(expiration) : Number.NaN;
  return Number.isNaN(time) ? 0 : time;
}

/** The data of `cluster-info` with a signature of each token that may sign; undefined when it has those already. */
export function signedData(
  data: Record<string, string> | undefined,
  tokens: readonly Secret[],
  now: number,
): Record<string, string> | undefined {
  const content = ownValue(data, 'kubeconfig');
  if (typeof content !== 'string') return undefined;
  const signatures = tokens.flatMap((secret) => {
    const id = signingId(secret, now);
    return id === undefined ? [] : [[SIGNATURE + id, signature(content, id, dataOf(secret, 'token-secret'))]];
  });
  const kept = Object.entries(data!).filter(([key]) => !key.startsWith(SIGNATURE));
  const signed = Object.fromEntries([...kept, ...signatures]);
  const entries = Object.entries(signed);
  const same = entries.length === Object.keys(data!).length;
  return same && entries.every(([key, value]) => ownValue(data, key) === value) ? undefined : signed;
}

/** Undefined when the token may not sign. */
function signingId(secret: Secret, now: number): string | undefined {
  const id = NAME.exec(secret.metadata.name!)?.[1];
  const expiry = tokenExpiry(secret);
  if (id === undefined || id !== dataOf(secret, 'token-id') || (expiry !== undefined && expiry <= now))
    return undefined;
  const may = dataOf(secret, 'usage-bootstrap-signing') === 'true' && dataOf(secret, 'token-secret') !== '';
  return may ? id : undefined;
}

/** A JSON Web Signature with its content left out (RFC 7515, appendix F): who has the token knows that the content is true. */
function signature(content: string, id: string, secret: string): string {
  const header = Buffer.from(JSON.stringify({ alg: 'HS256', kid: id })).toString('base64url');
  const text = `${header}.${Buffer.from(content).toString('base64url')}`;
  return `${header}..${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

function dataOf(secret: Secret, key: string): string {
  const value = ownValue(secret.data ?? {}, key);
  return typeof value === 'string' ? Buffer.from(value, 'base64').toString('utf8') : '';
}
