import type { UserInfo } from '#apimachinery';

export interface TokenIdentity {
  user: UserInfo;
  /** Audiences that the token and the asker share. */
  audiences: readonly string[];
  /** When the token ends, in milliseconds since the epoch, where it says so: nobody may remember the identity for longer. */
  expires?: number;
}

/** One kind of bearer token. Undefined: not of this kind; a thrown Error: of this kind and no good (its message goes into TokenReviews). */
export interface TokenAuthenticator {
  authenticateToken(
    token: string,
    audiences: readonly string[],
  ): Promise<TokenIdentity | undefined> | TokenIdentity | undefined;
}

/** Tries each kind in turn. An error is kept until nobody has accepted the token. */
export function tokenChain(authenticators: readonly TokenAuthenticator[]): TokenAuthenticator {
  return {
    async authenticateToken(token, audiences) {
      const errors: string[] = [];
      for (const authenticator of authenticators) {
        try {
          const identity = await authenticator.authenticateToken(token, audiences);
          if (identity) return identity;
        } catch (error) {
          errors.push((error as Error).message);
        }
      }
      if (errors.length > 0) throw new Error(errors.length === 1 ? errors[0] : `[${errors.join(', ')}]`);
      return undefined;
    },
  };
}
