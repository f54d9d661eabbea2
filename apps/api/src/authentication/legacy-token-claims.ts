import { ownValue } from '#apimachinery';
import type { SecretToken } from '#controllers';
import { serviceAccountUser } from '../identity/users.js';

/** The claims of tokens that Secrets hold; names are those of k8s.io/kubernetes/pkg/serviceaccount. */

export const LEGACY_ISSUER = 'kubernetes/serviceaccount';

const PREFIX = 'kubernetes.io/serviceaccount';
export const LEGACY_CLAIMS = {
  namespace: `${PREFIX}/namespace`,
  secret: `${PREFIX}/secret.name`,
  account: `${PREFIX}/service-account.name`,
  accountUid: `${PREFIX}/service-account.uid`,
} as const;

/** Throws an Error when a claim is missing, or the subject is another one. */
export function readLegacyClaims(payload: unknown): SecretToken {
  const claims = payload as Record<string, unknown>;
  const text = (claim: string, name: string): string => {
    const value = ownValue(claims, claim);
    if (typeof value !== 'string' || value === '') throw new Error(`${name} claim is missing`);
    return value;
  };
  const subject = text('sub', 'sub');
  const token = {
    namespace: text(LEGACY_CLAIMS.namespace, 'namespace'),
    secret: text(LEGACY_CLAIMS.secret, 'secretName'),
    account: text(LEGACY_CLAIMS.account, 'serviceAccountName'),
    accountUid: text(LEGACY_CLAIMS.accountUid, 'serviceAccountUID'),
  };
  if (subject !== serviceAccountUser(token.namespace, token.account)) throw new Error('sub claim is invalid');
  return token;
}
