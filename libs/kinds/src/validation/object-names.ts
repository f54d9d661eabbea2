import { checkNamePrefix, isDNS1123Subdomain } from '#apimachinery';

/** Names of other objects, where a field refers to one. */

export const isName = isDNS1123Subdomain;

/** What could be the start of a name: some references are checked no further. */
export function isNamePrefix(value: string): string[] {
  return checkNamePrefix(isDNS1123Subdomain, value);
}
