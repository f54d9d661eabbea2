/**
 * Go's way to print values, where Kubernetes puts them into messages that clients and tests compare.
 */

const SIMPLE_STRING = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

/** strconv.Quote: what %q prints. */
export function quote(text: string): string {
  if (SIMPLE_STRING.test(text)) return `"${text}"`;
  let out = '"';
  for (const char of text) out += quoteChar(char);
  return `${out}"`;
}

function quoteChar(char: string): string {
  switch (char) {
    case '"':
      return '\\"';
    case '\\':
      return '\\\\';
    case '\x07':
      return '\\a';
    case '\b':
      return '\\b';
    case '\f':
      return '\\f';
    case '\n':
      return '\\n';
    case '\r':
      return '\\r';
    case '\t':
      return '\\t';
    case '\v':
      return '\\v';
  }
  const code = char.codePointAt(0)!;
  if (code < 0x20 || code === 0x7f) return `\\x${code.toString(16).padStart(2, '0')}`;
  // Letters, marks, numbers, punctuation, symbols and the plain space are what Go calls printable.
  if (code < 0x7f || /[\p{L}\p{M}\p{N}\p{P}\p{S}]/u.test(char)) return char;
  if (code >= 0xd800 && code <= 0xdfff) return '\\ufffd';
  return code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
}

/**
 * json.Marshal of a value: keys sorted as Go sorts map keys, and <, >, & escaped. A Map stands for a Go struct, whose
 * fields keep their order.
 */
export function goJson(value: unknown): string {
  const text = JSON.stringify(value, (_key, item) => ordered(item)) ?? 'null';
  return text.replace(/[<>&\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function ordered(item: unknown): unknown {
  if (item instanceof Map) return Object.fromEntries(item);
  return isPlainObject(item) ? sorted(item) : item;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function sorted(object: Record<string, unknown>): Record<string, unknown> {
  if (isInOrder(object)) return object;
  return Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

function isInOrder(object: Record<string, unknown>): boolean {
  let previous = '';
  for (const key in object) {
    if (key < previous) return false;
    previous = key;
  }
  return true;
}

/** %v of a plain JSON value. */
export function goValue(value: unknown): string {
  if (value === null || value === undefined) return '<nil>';
  if (Array.isArray(value)) return `[${value.map(goValue).join(' ')}]`;
  if (isPlainObject(value)) {
    return `map[${Object.entries(sorted(value))
      .map(([key, item]) => `${key}:${goValue(item)}`)
      .join(' ')}]`;
  }
  return String(value);
}
