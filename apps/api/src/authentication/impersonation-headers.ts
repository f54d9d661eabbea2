import { badRequest, quote, type UserInfo } from '#apimachinery';
import { extraFrom, type Headers, headerValues } from './request-header-authenticator.js';

const EXTRA_PREFIX = 'impersonate-extra-';

/** Whom the headers ask to act as, exactly as they say it. */
export interface WantedUser {
  name: string;
  uid: string;
  groups: readonly string[];
  extra: NonNullable<UserInfo['extra']>;
}

/** Undefined when nobody is to be impersonated. Throws 400 for parts without a user name. */
export function readWantedUser(headers: Headers): WantedUser | undefined {
  const first = (name: string) => headerValues(headers, name)[0] ?? '';
  const wanted: WantedUser = {
    name: first('impersonate-user'),
    uid: first('impersonate-uid'),
    groups: headerValues(headers, 'impersonate-group'),
    extra: extraFrom(headers, [EXTRA_PREFIX]),
  };
  if (wanted.name !== '') return wanted;
  if (onlyNameWanted(wanted)) return undefined;
  throw badRequest(`requested ${goText(wanted)} without impersonating a user name`);
}

export function onlyNameWanted({ uid, groups, extra }: WantedUser): boolean {
  return uid === '' && groups.length === 0 && Object.keys(extra).length === 0;
}

/** As Go's %#v prints it: the reference's answer. */
function goText({ name, uid, groups, extra }: WantedUser): string {
  const list = (items: readonly string[]) => `[]string{${items.map(quote).join(', ')}}`;
  const entries = Object.entries(extra).sort(([x], [y]) => (x < y ? -1 : 1));
  const extraText =
    entries.length > 0 ? `{${entries.map(([key, values]) => `${quote(key)}:${list(values)}`).join(', ')}}` : '(nil)';
  const groupsText = groups.length > 0 ? list(groups) : '[]string(nil)';
  return `&user.DefaultInfo{Name:${quote(name)}, UID:${quote(uid)}, Groups:${groupsText}, Extra:map[string][]string${extraText}}`;
}
