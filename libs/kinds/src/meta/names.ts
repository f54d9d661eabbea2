import {
  bare,
  checkNamePrefix,
  type FormatCheck,
  isDNS1035Label,
  isDNS1123Label,
  isDNS1123Subdomain,
  isPathSegmentName,
  isPathSegmentPrefix,
  maxLengthMessage,
} from '#apimachinery';
import type { NameCheck } from '../contract/kind-module.js';

/** Formats of metadata.name. */

/** The kind checks its names elsewhere, or takes any. */
export const anyName: NameCheck = () => [];

export const subdomainName = nameFormat(isDNS1123Subdomain);

export const pathSegmentName: NameCheck = (name, prefix) =>
  prefix ? isPathSegmentPrefix(name) : isPathSegmentName(name);

export function limitedName(check: NameCheck, max: number): NameCheck {
  return (name, prefix) => [...check(name, prefix), ...(name.length > max ? [maxLengthMessage(max)] : [])];
}

function nameFormat(check: FormatCheck): NameCheck {
  return (name, prefix) => (prefix ? checkNamePrefix(check, name) : check(name));
}

const formats = bare<NameCheck>({
  dns1123Label: nameFormat(isDNS1123Label),
  dns1123Subdomain: subdomainName,
  dns1035Label: nameFormat(isDNS1035Label),
  pathSegment: pathSegmentName,
});

/** The format that the facts name; a remark may stand behind it. Most kinds have a subdomain. */
export function nameFormatOf(facts = ''): NameCheck {
  return formats[facts.split(' ')[0] ?? ''] ?? subdomainName;
}
