import type { UserInfo } from '#apimachinery';
import type { AuthorizationAttributes, Authorizer, RequestAttributes } from '../authorization/authorizer.js';
import { allowedOrThrow, forbiddenError } from '../authorization/forbidden.js';
import { ALL_AUTHENTICATED, ALL_UNAUTHENTICATED, ANONYMOUS } from '../identity/users.js';
import type { IdentityRecord } from './authenticator.js';
import { BoundedCache } from './bounded-cache.js';
import { readWantedUser, type WantedUser } from './impersonation-headers.js';
import {
  checksOf,
  groupsIn,
  IMPERSONATION_MODES,
  type ImpersonationCheck,
  type ImpersonationMode,
} from './impersonation-modes.js';
import type { Headers } from './request-header-authenticator.js';

/** Requesters of whom is known which mode they use. */
const KNOWN_REQUESTERS = 10_000;

/**
 * Acting as somebody else. The constrained modes want leave for the wanted user and for doing this very request as such a
 * user; where none of them allows it, the verb `impersonate` does. A requester's last successful mode is tried first.
 * Leave itself is asked for each time: the authorizers are in this process, and what is revoked ends at once.
 */
export class Impersonation {
  private readonly lastModes = new BoundedCache<string, ImpersonationMode>(KNOWN_REQUESTERS);

  constructor(private readonly authorizer: Authorizer) {}

  /** The user that the headers ask to act as, or the requester when there are none. Throws 400 or 403. */
  async actAs(
    requester: UserInfo,
    headers: Headers,
    request: RequestAttributes,
    record?: Pick<IdentityRecord, 'impersonates'>,
  ): Promise<UserInfo> {
    const wanted = readWantedUser(headers);
    if (!wanted) return requester;
    const last = this.lastModes.get(requester.name);
    const modes = last ? [last, ...IMPERSONATION_MODES.filter((mode) => mode !== last)] : IMPERSONATION_MODES;
    let refusal: unknown;
    for (const mode of modes) {
      if (!mode.applies(wanted, requester)) continue;
      try {
        await this.check(mode, wanted, requester, request);
      } catch (error) {
        refusal ??= error;
        continue;
      }
      this.lastModes.set(requester.name, mode);
      const user = userOf(mode, wanted);
      record?.impersonates(user, mode.name === undefined ? undefined : `impersonate:${mode.name}`);
      return user;
    }
    throw refusal;
  }

  private async check(
    mode: ImpersonationMode,
    wanted: WantedUser,
    requester: UserInfo,
    request: RequestAttributes,
  ): Promise<void> {
    if (mode.name !== undefined) {
      const verb = `impersonate-on:${mode.name}:${request.verb}`;
      await allowedOrThrow(this.authorizer, { ...request, verb, user: requester });
    }
    const verb = mode.name === undefined ? 'impersonate' : `impersonate:${mode.name}`;
    const attributes = (check: ImpersonationCheck): AuthorizationAttributes => ({
      user: requester,
      verb,
      resourceRequest: true,
      subresource: '',
      namespace: '',
      path: '',
      ...check,
    });
    for (const { all, instead, refusal } of checksOf(mode, wanted)) {
      if (refusal) throw forbiddenError(attributes(refusal.check), refusal.reason);
      if (instead && (await this.allows(attributes(instead)))) continue;
      for (const check of all) await allowedOrThrow(this.authorizer, attributes(check));
    }
  }

  private async allows(attributes: AuthorizationAttributes): Promise<boolean> {
    return (await this.authorizer.authorize(attributes)).decision === 'Allow';
  }
}

function userOf(mode: ImpersonationMode, wanted: WantedUser): UserInfo {
  const { name, uid, extra } = wanted;
  const groups = [...groupsIn(mode, wanted)];
  const marks = name === ANONYMOUS ? [ALL_UNAUTHENTICATED] : [ALL_UNAUTHENTICATED, ALL_AUTHENTICATED];
  if (!marks.some((mark) => groups.includes(mark))) groups.push(marks.at(-1)!);
  return Object.freeze({ name, ...(uid ? { uid } : undefined), groups, extra });
}
