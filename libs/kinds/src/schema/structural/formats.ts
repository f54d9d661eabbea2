import { isIPv6 } from 'node:net';
import { bare, ownValue, parseDuration } from '#apimachinery';
import { isSloppyIp, sloppyCidr } from '../../validation/ip.js';

/** Formats of texts that schemas of custom resources may name, by name without dashes: kube-openapi's strfmt. */

type Format = (text: string) => boolean;

const matches = (pattern: RegExp): Format => {
  return (text) => pattern.test(text);
};

const uuid = (third: string, fourth: string): Format =>
  matches(new RegExp(`^[0-9a-f]{8}-?[0-9a-f]{4}-?${third}-?${fourth}-?[0-9a-f]{12}$`, 'i'));

const shortName = '[a-z0-9](?:[-a-z0-9]*[a-z0-9])?';
const isShortName = matches(new RegExp(`^${shortName}$`));
const isShortNames = matches(new RegExp(`^${shortName}(?:\\.${shortName})*$`));

const formats = bare<Format>({
  bsonobjectid: matches(/^[0-9a-fA-F]{24}$/),
  byte: matches(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$/),
  cidr: (text) => sloppyCidr(text) !== undefined,
  creditcard: isCreditCard,
  date: isDate,
  datetime: isDateTime,
  duration: isDuration,
  email: isEmail,
  hexcolor: matches(/^#?(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/),
  hostname: isHostname,
  ipv4: (text) => isSloppyIp(text) && text.includes('.'),
  ipv6: (text) => isIPv6(text) && !text.includes('%'),
  isbn: (text) => isIsbn10(text) || isIsbn13(text),
  isbn10: isIsbn10,
  isbn13: isIsbn13,
  k8slongname: (text) => text.length <= 253 && isShortNames(text),
  k8sshortname: (text) => text.length <= 63 && isShortName(text),
  mac: isMac,
  password: () => true,
  rgbcolor: matches(/^rgb\((?:\s*(?:0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*(?:,(?!\))|(?=\)))){3}\)$/),
  ssn: (text) => text.length === 11 && /^\d{3}[- ]?\d{2}[- ]?\d{4}$/.test(text),
  uri: isRequestUri,
  uuid: uuid('[0-9a-f]{4}', '[0-9a-f]{4}'),
  uuid3: uuid('3[0-9a-f]{3}', '[0-9a-f]{4}'),
  uuid4: uuid('4[0-9a-f]{3}', '[89ab][0-9a-f]{3}'),
  uuid5: uuid('5[0-9a-f]{3}', '[89ab][0-9a-f]{3}'),
});

/** The check of a format; undefined for one that the reference passes over. */
export function textFormat(name: string): Format | undefined {
  return ownValue(formats, name.replaceAll('-', ''));
}

function isDate(text: string): boolean {
  const [, year, month, day] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text) ?? [];
  if (year === undefined) return false;
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.getUTCMonth() + 1 === Number(month) && date.getUTCDate() === Number(day);
}

/** Hours, minutes and seconds are compared as text, and what stands before the fraction may be anything. */
function isDateTime(text: string): boolean {
  const parts = text.toLowerCase().split('t');
  if (text.length < 4 || parts.length < 2 || !isDate(parts[0]!)) return false;
  const time = /^(\d\d):(\d\d):(\d\d)(?:.\d+)?(?:z|[+-]\d\d:\d\d)$/.exec(parts[1]!);
  return time !== null && time[1]! <= '23' && time[2]! <= '59' && time[3]! <= '59';
}

const durationUnits: readonly (readonly string[])[] = [
  ['ns', 'nano'],
  ['us', 'µs', 'micro'],
  ['ms', 'milli'],
  ['s', 'sec'],
  ['m', 'min'],
  ['h', 'hr', 'hour'],
  ['d', 'day'],
  ['w', 'wk', 'week'],
];

/** A duration of Go, or any text that has a number with a unit in words somewhere. */
/** No duration has more: the expression below takes quadratic time for digits without a unit. */
const LONGEST_DURATION = 256;

function isDuration(text: string): boolean {
  if (text.length > LONGEST_DURATION) return false;
  if (isGoDuration(text)) return true;
  let found = false;
  for (const [, digits, letters] of text.matchAll(/(\d+)\s*([A-Za-zµ]+)/g)) {
    if (BigInt(digits!) > 0x7fff_ffff_ffff_ffffn) return false;
    const unit = letters!.toLowerCase();
    // The last of the names may have an ending: days, seconds.
    found ||= durationUnits.some((names) => names.includes(unit) || unit.startsWith(names.at(-1)!));
  }
  return found;
}

function isGoDuration(text: string): boolean {
  try {
    parseDuration(text);
    return true;
  } catch {
    return false;
  }
}

const mailAtom = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~\\u0080-\\uffff-]+";
const mailQuoted = '"(?:[^"\\\\\\r\\n]|\\\\.)*"';
const mailAddress = `(?:${mailAtom}(?:\\.${mailAtom})*|${mailQuoted})@(?:${mailAtom}(?:\\.${mailAtom})*|\\[[^\\[\\]\\\\\\s]+\\])`;
const mailName = `(?:(?:${mailAtom}|${mailQuoted})[ \\t]+)*(?:${mailAtom}|${mailQuoted})?`;
const bareAddress = new RegExp(`^${mailAddress}$`);
const namedAddress = new RegExp(`^${mailName}[ \\t]*<${mailAddress}>$`);

/** One address as mail has it, with a name or without: the common part of RFC 5322. */
function isEmail(text: string): boolean {
  if (text.length > 1000) return false;
  const trimmed = text.trim();
  return bareAddress.test(trimmed) || namedAddress.test(trimmed);
}

const hostLabel = /^[a-zA-Z0-9\p{S}\p{L}](?:[a-zA-Z0-9\-\p{S}\p{L}]{0,61}[a-zA-Z0-9\p{S}\p{L}])?$/u;
const hostAlone = /^[a-zA-Z0-9\p{S}\p{L}](?:-?[a-zA-Z0-9\p{S}\p{L}]{0,62})?$/u;

/** One label with at most one dash behind its first letter, or several whose last has letters alone. */
function isHostname(text: string): boolean {
  const labels = text.split('.');
  if (Buffer.byteLength(text) > 255 || labels.some((label) => Buffer.byteLength(label) > 63)) return false;
  if (labels.length === 1) return hostAlone.test(text);
  const last = labels.pop()!;
  return /^[a-zA-Z\p{L}]{2,63}$/u.test(last) && labels.every((label) => hostLabel.test(label));
}

/** Six, eight or twenty bytes: in pairs with colons or dashes, in fours with dots, or with nothing between them. */
function isMac(text: string): boolean {
  const pairs = /^[0-9a-fA-F]{2}(?:(:|-)[0-9a-fA-F]{2})(?:\1[0-9a-fA-F]{2})*$/;
  const fours = /^[0-9a-fA-F]{4}(?:\.[0-9a-fA-F]{4})+$/;
  if (text.length > 60 || !(pairs.test(text) || fours.test(text) || /^[0-9a-fA-F]*$/.test(text))) return false;
  return [12, 16, 40].includes(text.replace(/[^0-9a-fA-F]/g, '').length);
}

function isIsbn10(text: string): boolean {
  const digits = text.replace(/[\s-]+/g, '');
  if (!/^(?:\d{9}X|\d{10})$/.test(digits)) return false;
  const sum = [...digits].reduce((total, digit, i) => total + (i + 1) * (digit === 'X' ? 10 : Number(digit)), 0);
  return sum % 11 === 0;
}

function isIsbn13(text: string): boolean {
  const digits = text.replace(/[\s-]+/g, '');
  if (!/^\d{13}$/.test(digits)) return false;
  const sum = [...digits.slice(0, 12)].reduce((total, digit, i) => total + (i % 2 === 0 ? 1 : 3) * Number(digit), 0);
  return Number(digits[12]) === (10 - (sum % 10)) % 10;
}

const cardNumber =
  /^(?:4\d{12}(?:\d{3})?|5[1-5]\d{14}|6(?:011|5\d\d)\d{12}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}|(?:2131|1800|35\d{3})\d{11})$/;

function isCreditCard(text: string): boolean {
  const digits = text.replace(/\D+/g, '');
  if (!cardNumber.test(digits)) return false;
  let sum = 0;
  for (let i = digits.length - 1, doubled = false; i >= 0; i--, doubled = !doubled) {
    const digit = Number(digits[i]) * (doubled ? 2 : 1);
    sum += digit > 9 ? digit - 9 : digit;
  }
  return sum % 10 === 0;
}

/** What an HTTP request line may have: an absolute URI or an absolute path. */
function isRequestUri(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is refused
  if (text === '' || /[\x00-\x1f\x7f]/.test(text)) return false;
  if (text === '*') return true;
  const [, scheme, rest] = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(.*)$/s.exec(text)!;
  // Without a scheme a colon says nothing; with one, the rest may be opaque.
  if (scheme === undefined) return !text.startsWith(':') && text.startsWith('/') && isPathAndAuthority(text, false);
  return !rest!.startsWith('/') || isPathAndAuthority(rest!, true);
}

function isPathAndAuthority(text: string, hasScheme: boolean): boolean {
  const [beforeQuery] = text.split('?', 1);
  const hasAuthority = beforeQuery!.startsWith('//') && (hasScheme || !beforeQuery!.startsWith('///'));
  if (!hasAuthority) return isEscaped(beforeQuery!);
  const slash = beforeQuery!.indexOf('/', 2);
  const authority = beforeQuery!.slice(2, slash < 0 ? undefined : slash);
  return isAuthority(authority) && isEscaped(slash < 0 ? '' : beforeQuery!.slice(slash));
}

function isEscaped(text: string): boolean {
  return !/%(?![0-9a-fA-F]{2})/.test(text);
}

function isAuthority(authority: string): boolean {
  const at = authority.lastIndexOf('@');
  const user = at < 0 ? '' : authority.slice(0, at);
  const host = authority.slice(at + 1);
  if (!/^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/.test(user) || !isEscaped(user)) return false;
  const bracketed = /^\[[^\]]*\](?::\d*)?$/;
  if (host.startsWith('[')) return bracketed.test(host);
  const colon = host.lastIndexOf(':');
  if (colon >= 0 && !/^\d*$/.test(host.slice(colon + 1))) return false;
  const name = colon < 0 ? host : host.slice(0, colon);
  return !/[\s"#%/<>?@[\\\]^`{|}]/.test(name.replace(/%[89a-fA-F][0-9a-fA-F]/g, ''));
}
