import { createHash, timingSafeEqual } from 'node:crypto';
import { type KubeObject, ownValue, type UserInfo } from '#apimachinery';
import type { SecretToken } from '#controllers';
import { INVALID_SINCE_LABEL } from '#kinds';
import { serviceAccountGroups, serviceAccountUser, withAuthenticatedGroup } from '../identity/users.js';
import type { Lister } from '../storage/lister.js';
import { checkByNewestState, sharedAudiences } from './account-token.js';
import { BoundedCache } from './bounded-cache.js';
import { LEGACY_ISSUER, readLegacyClaims } from './legacy-token-claims.js';
import { BoundObjectMissing } from './service-account-claims.js';
import type { TokenAuthenticator, TokenIdentity } from './token-authenticator.js';
import { signedClaims, type VerificationKey } from './token-signature.js';

/** `auto`: of a Secret that its account lists; `invalid`: of one that the cleaner has marked. */
export type LegacyTokenUse = 'auto' | 'manual' | 'invalid';

interface Verified {
  token: SecretToken;
  user: UserInfo;
}

/**
 * Tokens without end that Secrets of the type kubernetes.io/service-account-token hold. A good signature is remembered; that the
 * Secret still has the token, and its account is the same, is looked at on every request. They are refused only by the newest
 * state: the Secret may have been made a moment ago, through another replica.
 */
export class LegacyTokenAuthenticator implements TokenAuthenticator {
  /** Told of each use of a token; must not throw. */
  onUse: (secret: KubeObject, use: LegacyTokenUse) => void = () => {};
  private readonly verified = new BoundedCache<string, Verified>(8192);

  constructor(
    private readonly keys: readonly VerificationKey[],
    /** These tokens name no audience: they are for this server alone. */
    private readonly ownAudiences: readonly string[],
    private readonly lister: Lister,
    private readonly readBarrier: () => Promise<unknown>,
  ) {}

  async authenticateToken(text: string, audiences: readonly string[]): Promise<TokenIdentity | undefined> {
    const entry = this.verify(text);
    if (!entry) return undefined;
    const shared = sharedAudiences(this.ownAudiences, audiences);
    await checkByNewestState(() => this.check(entry.token, text), this.readBarrier);
    return { user: entry.user, audiences: shared };
  }

  private verify(text: string): Verified | undefined {
    const hash = createHash('sha256').update(text).digest('base64');
    const known = this.verified.get(hash);
    if (known) return known;
    const claims = signedClaims(text, [LEGACY_ISSUER], this.keys);
    if (claims === undefined) return undefined;
    const token = readLegacyClaims(claims);
    const entry = { token, user: userOf(token) };
    this.verified.set(hash, entry);
    return entry;
  }

  private check({ namespace, secret: name, account, accountUid }: SecretToken, text: string): void {
    const secret = this.lister.get('secrets', namespace, name);
    if (!secret || secret.metadata.deletionTimestamp) throw new BoundObjectMissing('Token has been invalidated');
    const kept = ownValue(secret['data'], 'token');
    if (!same(Buffer.from(typeof kept === 'string' ? kept : '', 'base64'), Buffer.from(text))) {
      throw new BoundObjectMissing("Token does not match server's copy");
    }
    const owner = this.lister.get('serviceaccounts', namespace, account);
    if (!owner) throw new BoundObjectMissing(`serviceaccounts "${account}" not found`);
    if (owner.metadata.deletionTimestamp) throw new Error(`ServiceAccount ${namespace}/${account} has been deleted`);
    if (owner.metadata.uid !== accountUid) {
      throw new BoundObjectMissing(`ServiceAccount UID (${owner.metadata.uid}) does not match claim (${accountUid})`);
    }
    this.checkMark(secret, owner);
  }

  private checkMark(secret: KubeObject, owner: KubeObject): void {
    const { namespace, name, labels } = secret.metadata;
    if (ownValue(labels, INVALID_SINCE_LABEL)) {
      this.onUse(secret, 'invalid');
      throw new Error(
        `the token in secret ${namespace}/${name} for service account ${namespace}/${owner.metadata.name} has been marked invalid. Use tokens from the TokenRequest API or manually created secret-based tokens, or remove the '${INVALID_SINCE_LABEL}' label from the secret to temporarily allow use of this token`,
      );
    }
    const listed = ((owner['secrets'] ?? []) as { name?: string }[]).some((reference) => reference.name === name);
    this.onUse(secret, listed ? 'auto' : 'manual');
  }
}

function userOf({ namespace, account, accountUid }: SecretToken): UserInfo {
  return withAuthenticatedGroup({
    name: serviceAccountUser(namespace, account),
    uid: accountUid,
    groups: serviceAccountGroups(namespace),
  });
}

function same(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
