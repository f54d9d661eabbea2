import { BoundObjectMissing } from './service-account-claims.js';
import { goStrings } from './token-signature.js';

/** What the kinds of tokens of ServiceAccounts have in common. */

/** Audiences that a token and its asker share. Throws when there are none. */
export function sharedAudiences(own: readonly string[], asked: readonly string[]): string[] {
  const shared = own.filter((audience) => asked.includes(audience));
  if (shared.length === 0) {
    throw new Error(`token audiences ${goStrings(own)} is invalid for the target audiences ${goStrings(asked)}`);
  }
  return shared;
}

/** An object that a token is bound to is missing only by the newest state: another replica may have written it. */
export async function checkByNewestState(check: () => void, readBarrier: () => Promise<unknown>): Promise<void> {
  try {
    check();
  } catch (error) {
    if (!(error instanceof BoundObjectMissing)) throw error;
    await readBarrier();
    check();
  }
}
