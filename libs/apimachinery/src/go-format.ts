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
  return jsonText(value).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** By hand, since a list in an error may have tens of thousands of objects, and to put each in order takes longer. */
function jsonText(value: unknown): string {
  if (typeof value === 'string') return SIMPLE_STRING.test(value) ? `"${value}"` : JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(jsonText).join(',')}]`;
  if (value instanceof Map) return membersText([...value]);
  if (!isPlainObject(value) || value instanceof Date) return JSON.stringify(value) ?? 'null';
  // own-lookup: the key is one of its own
  return membersText(
    Object.keys(value)
      .sort()
      .map((key) => [key, value[key]]),
  );
}

function membersText(members: readonly (readonly [string, unknown])[]): string {
  const texts: string[] = [];
  for (const [key, value] of members) if (value !== undefined) texts.push(`${jsonText(key)}:${jsonText(value)}`);
  return `{${texts.join(',')}}`;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function sorted(object: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

/** %v of a number as Go reads it from JSON: an integer in digits, any other as float64. */
export function goNumber(value: number): string {
  return Number.isInteger(value) && value >= -(2 ** 63) && value < 2 ** 63 ? BigInt(value).toString() : goFloat(value);
}

/** %v of a float64: with an exponent, of at least two digits, from 1e6 on and below 1e-4. */
export function goFloat(value: number): string {
  const exponent = value === 0 ? 0 : Number(value.toExponential().split('e')[1]);
  if (exponent >= -4 && exponent < 6) return String(value);
  return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');
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
  return typeof value === 'number' ? goNumber(value) : String(value);
}

/** %T of a plain JSON value, as Go reads it. */
export function goTypeName(value: unknown): string {
  if (value === null || value === undefined) return '<nil>';
  if (Array.isArray(value)) return '[]interface {}';
  switch (typeof value) {
    case 'string':
      return 'string';
    case 'boolean':
      return 'bool';
    case 'number':
      return Number.isInteger(value) ? 'int64' : 'float64';
    default:
      return 'map[string]interface {}';
  }
}
