import { randomBytes, randomUUID } from 'node:crypto';

/**
 * Formats of names, labels, keys and ports. Each check gives the messages of what is wrong, in Kubernetes' words, and
 * an empty list when the value is good. Lengths are bytes; every format but the empty ones is ASCII.
 */
export type FormatCheck = (value: string) => string[];

const GOOD: string[] = Object.freeze([]) as unknown as string[];

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`;
const LABEL_1035 = '[a-z]([-a-z0-9]*[a-z0-9])?';
const NAME_PART = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const LABEL_VALUE = `(${NAME_PART})?`;

const LABEL_RE = anchored(LABEL);
const SUBDOMAIN_RE = anchored(SUBDOMAIN);
const SUBDOMAIN_CASELESS_RE = new RegExp(`^(?:${SUBDOMAIN})$`, 'i');
const WILDCARD_RE = anchored(`\\*\\.${SUBDOMAIN}`);
const LABEL_1035_RE = anchored(LABEL_1035);
const NAME_PART_RE = anchored(NAME_PART);

function anchored(pattern: string): RegExp {
  return new RegExp(`^(?:${pattern})$`);
}

export const DNS_LABEL_MAX_LENGTH = 63;
export const DNS_SUBDOMAIN_MAX_LENGTH = 253;

export function maxLengthMessage(length: number): string {
  return `must be no more than ${length} characters`;
}

export function maxBytesMessage(length: number): string {
  return `must be no more than ${length} bytes`;
}

export function rangeMessage(low: number, high: number): string {
  return `must be between ${low} and ${high}, inclusive`;
}

const EMPTY_MESSAGE = 'must be non-empty';

export function patternMessage(text: string, pattern: string, ...examples: string[]): string {
  if (examples.length === 0) return `${text} (regex used for validation is '${pattern}')`;
  const shown = examples.map((example) => `'${example}', `).join(' or ');
  return `${text} (e.g. ${shown}regex used for validation is '${pattern}')`;
}

const LABEL_MESSAGE = patternMessage(
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
  LABEL,
  'my-name',
  '123-abc',
);

export function isDNS1123Label(value: string): string[] {
  const good = LABEL_RE.test(value);
  if (good && value.length <= DNS_LABEL_MAX_LENGTH) return GOOD;
  const messages: string[] = [];
  if (byteLength(value) > DNS_LABEL_MAX_LENGTH) messages.push(maxLengthMessage(DNS_LABEL_MAX_LENGTH));
  if (!good) messages.push(SUBDOMAIN_RE.test(value) ? 'must not contain dots' : LABEL_MESSAGE);
  return messages;
}

const SUBDOMAIN_MESSAGE = patternMessage(
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
  SUBDOMAIN,
  'example.com',
);

export function isDNS1123Subdomain(value: string): string[] {
  return check(value, SUBDOMAIN_RE, DNS_SUBDOMAIN_MAX_LENGTH, SUBDOMAIN_MESSAGE);
}

const SUBDOMAIN_CASELESS_MESSAGE = patternMessage(
  "an RFC 1123 subdomain must consist of alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
  SUBDOMAIN,
  'Example.com',
);

export function isDNS1123SubdomainCaseless(value: string): string[] {
  return check(value, SUBDOMAIN_CASELESS_RE, DNS_SUBDOMAIN_MAX_LENGTH, SUBDOMAIN_CASELESS_MESSAGE, true);
}

const WILDCARD_MESSAGE = patternMessage(
  "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
  `\\*\\.${SUBDOMAIN}`,
  '*.example.com',
);

export function isWildcardDNS1123Subdomain(value: string): string[] {
  return check(value, WILDCARD_RE, DNS_SUBDOMAIN_MAX_LENGTH, WILDCARD_MESSAGE);
}

const LABEL_1035_MESSAGE = patternMessage(
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
  LABEL_1035,
  'my-name',
  'abc-123',
);

export function isDNS1035Label(value: string): string[] {
  return check(value, LABEL_1035_RE, DNS_LABEL_MAX_LENGTH, LABEL_1035_MESSAGE);
}

const NAME_PART_MESSAGE = patternMessage(
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  NAME_PART,
  'MyName',
  'my.name',
  '123-abc',
);

/** Keys of labels and annotations, finalizers, resource names: `[prefix/]name`. */
export function isQualifiedName(value: string): string[] {
  const slash = value.indexOf('/');
  if (slash < 0 && value.length <= 63 && NAME_PART_RE.test(value)) return GOOD;
  const messages: string[] = [];
  let name = value;
  if (slash >= 0) {
    if (value.indexOf('/', slash + 1) >= 0) {
      return [
        `a valid label key ${NAME_PART_MESSAGE} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
      ];
    }
    const prefix = value.slice(0, slash);
    name = value.slice(slash + 1);
    if (prefix === '') messages.push(`prefix part ${EMPTY_MESSAGE}`);
    else {
      if (byteLength(prefix) > DNS_SUBDOMAIN_MAX_LENGTH) {
        messages.push(`prefix part ${maxBytesMessage(DNS_SUBDOMAIN_MAX_LENGTH)}`);
      }
      if (!SUBDOMAIN_RE.test(prefix)) messages.push(`prefix part ${SUBDOMAIN_MESSAGE}`);
    }
  }
  if (name === '') messages.push(`name part ${EMPTY_MESSAGE}`);
  else if (byteLength(name) > 63) messages.push(`name part ${maxBytesMessage(63)}`);
  if (!NAME_PART_RE.test(name)) messages.push(`name part ${NAME_PART_MESSAGE}`);
  return messages;
}

const LABEL_VALUE_MESSAGE = patternMessage(
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  LABEL_VALUE,
  'MyValue',
  'my_value',
  '12345',
);

export function isLabelValue(value: string): string[] {
  const good = value === '' || NAME_PART_RE.test(value);
  if (good && value.length <= 63) return GOOD;
  const messages: string[] = [];
  if (byteLength(value) > 63) messages.push(maxBytesMessage(63));
  if (!good) messages.push(LABEL_VALUE_MESSAGE);
  return messages;
}

/** Names that go into paths as they are (RBAC): anything but `.`, `..`, and what contains / or %. */
export function isPathSegmentName(value: string): string[] {
  if (value === '.' || value === '..') return [`may not be '${value}'`];
  return isPathSegmentPrefix(value);
}

export function isPathSegmentPrefix(value: string): string[] {
  return ['/', '%'].filter((part) => value.includes(part)).map((part) => `may not contain '${part}'`);
}

/** Names of container and service ports (an IANA service name). */
export function isPortName(value: string): string[] {
  const messages: string[] = [];
  if (byteLength(value) > 15) messages.push(maxLengthMessage(15));
  if (!/^[-a-z0-9]+$/.test(value)) {
    messages.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  }
  if (!/[a-z]/.test(value)) messages.push('must contain at least one letter (a-z)');
  if (value.includes('--')) messages.push('must not contain consecutive hyphens');
  if (value.startsWith('-') || value.endsWith('-')) messages.push('must not begin or end with a hyphen');
  return messages;
}

export function isPortNumber(value: number): string[] {
  return isInRange(value, 1, 65535);
}

export function isInRange(value: number, low: number, high: number): string[] {
  return value >= low && value <= high ? GOOD : [rangeMessage(low, high)];
}

/** Names of environment variables, as 1.37 has them: any printable ASCII but `=`. */
export function isEnvVarName(value: string): string[] {
  if (value === '') return [`environment variable name ${EMPTY_MESSAGE}`];
  if (/^[\x20-\x3c\x3e-\x7e]+$/.test(value)) return GOOD;
  return ["a valid environment variable name must consist only of printable ASCII characters other than '='"];
}

const CONFIG_KEY = '[-._a-zA-Z0-9]+';
const CONFIG_KEY_RE = anchored(CONFIG_KEY);
const CONFIG_KEY_MESSAGE = patternMessage(
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
  CONFIG_KEY,
  'key.name',
  'KEY_NAME',
  'key-name',
);

/** Keys of ConfigMaps and Secrets. */
export function isConfigMapKey(value: string): string[] {
  const messages = [...check(value, CONFIG_KEY_RE, DNS_SUBDOMAIN_MAX_LENGTH, CONFIG_KEY_MESSAGE)];
  if (value === '.') messages.push("must not be '.'");
  else if (value === '..') messages.push("must not be '..'");
  else if (value.startsWith('..')) messages.push("must not start with '..'");
  return messages;
}

const C_IDENTIFIER = '[A-Za-z_][A-Za-z0-9_]*';
const C_IDENTIFIER_RE = anchored(C_IDENTIFIER);
const C_IDENTIFIER_MESSAGE = patternMessage(
  "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_'",
  C_IDENTIFIER,
  'my_name',
  'MY_NAME',
  'MyName',
);

export function isCIdentifier(value: string): string[] {
  return C_IDENTIFIER_RE.test(value) ? GOOD : [C_IDENTIFIER_MESSAGE];
}

export function isHttpHeaderName(value: string): string[] {
  if (/^[-A-Za-z0-9]+$/.test(value)) return GOOD;
  const text = "a valid HTTP header must consist of alphanumeric characters or '-'";
  return [patternMessage(text, '[-A-Za-z0-9]+', 'X-Header-Name')];
}

export function isPercent(value: string): string[] {
  if (/^[0-9]+%$/.test(value)) return GOOD;
  const text = "a valid percent string must be a numeric string followed by an ending '%'";
  return [patternMessage(text, '[0-9]+%', '1%', '93%')];
}

function check(value: string, pattern: RegExp, max: number, message: string, bytes = false): string[] {
  const good = pattern.test(value);
  if (good && value.length <= max) return GOOD;
  const messages: string[] = [];
  if (byteLength(value) > max) messages.push(bytes ? maxBytesMessage(max) : maxLengthMessage(max));
  if (!good) messages.push(message);
  return messages;
}

function byteLength(value: string): number {
  return Buffer.byteLength(value);
}

/** A generateName is checked as the start of a name: a dash at its end is fine, since more will follow. */
export function checkNamePrefix(check: FormatCheck, prefix: string): string[] {
  return check(prefix.length > 1 && prefix.endsWith('-') ? `${prefix.slice(0, -2)}a` : prefix);
}

/** Letters and digits of random suffixes: no vowels, and nothing that is easily mistaken. */
const SUFFIX_ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';
const SUFFIX_LENGTH = 5;
const GENERATED_NAME_MAX_LENGTH = 63;

let entropy = Buffer.alloc(0);
let entropyUsed = 0;

function randomByte(): number {
  if (entropyUsed >= entropy.length) {
    entropy = randomBytes(1024);
    entropyUsed = 0;
  }
  return entropy[entropyUsed++]!;
}

/** Random characters of the alphabet of names. */
export function randomSuffix(length: number = SUFFIX_LENGTH): string {
  let suffix = '';
  while (suffix.length < length) {
    const index = randomByte() & 31;
    if (index < SUFFIX_ALPHABET.length) suffix += SUFFIX_ALPHABET[index];
  }
  return suffix;
}

/** A name for metadata.generateName; the base is cut so that the name has 63 characters at most. */
export function generateName(base: string): string {
  return base.slice(0, GENERATED_NAME_MAX_LENGTH - SUFFIX_LENGTH) + randomSuffix();
}

/** Text made of the alphabet of names, for suffixes that come from a hash (`pod-template-hash`). */
export function safeEncode(text: string): string {
  let out = '';
  for (const char of text) out += SUFFIX_ALPHABET[char.codePointAt(0)! % SUFFIX_ALPHABET.length];
  return out;
}

export function newUid(): string {
  return randomUUID();
}

const PATH = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";
const PATH_RE = new RegExp(`^${PATH}$`);
const PATH_MESSAGE = patternMessage('Invalid path', PATH);

/** What is wrong with a path below a domain, such as `acme.io/foo`; each with the part of it that is wrong. */
export function domainPrefixedPathProblems(value: string): { value: string; message: string }[] {
  const slash = value.indexOf('/');
  const [host, path] = [value.slice(0, slash), value.slice(slash + 1)];
  if (slash <= 0 || path === '') return [{ value, message: 'must be a domain-prefixed path (such as "acme.io/foo")' }];
  const problems = isDNS1123Subdomain(host).map((message) => ({ value: host, message }));
  if (!PATH_RE.test(path)) problems.push({ value: path, message: PATH_MESSAGE });
  return problems;
}
