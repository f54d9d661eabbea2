const SIMPLE = new Map([
  ['a', 7],
  ['b', 8],
  ['f', 12],
  ['n', 10],
  ['r', 13],
  ['t', 9],
  ['v', 11],
]);

/** The text of a string literal. Throws an Error for an escape that is no character. */
export function unescapeString(literal: string): string {
  const { body, raw } = bodyOf(literal);
  if (raw || !body.includes('\\')) return body;
  return body.replace(/\\([xX][0-9a-fA-F]{2}|u.{4}|U.{8}|[0-3][0-7]{2}|[\s\S])/g, (_, code: string) => {
    return String.fromCodePoint(codePoint(code));
  });
}

/** The bytes of a bytes literal: \x and octal escapes are bytes, all else is UTF-8. */
export function unescapeBytes(literal: string): Uint8Array {
  const { body, raw } = bodyOf(literal.slice(1));
  if (raw || !body.includes('\\')) return Buffer.from(body, 'utf8');
  const parts: Buffer[] = [];
  const pattern = /\\(?:([xX][0-9a-fA-F]{2}|[0-3][0-7]{2})|([uU])|([\s\S]))|[^\\]+/g;
  for (const [text, byte, unicode, simple] of body.matchAll(pattern)) {
    if (unicode !== undefined) throw new Error(`unable to unescape string`);
    if (byte !== undefined) parts.push(Buffer.of(codePoint(byte)));
    else if (simple !== undefined) parts.push(Buffer.from(String.fromCodePoint(codePoint(simple)), 'utf8'));
    else parts.push(Buffer.from(text, 'utf8'));
  }
  return Buffer.concat(parts);
}

function bodyOf(literal: string): { body: string; raw: boolean } {
  const text = literal.replace(/\r\n?/g, '\n');
  const raw = /^[rR]/.test(text);
  const start = raw ? 1 : 0;
  const quote = /^(?:"""|''')/.test(text.slice(start)) ? 3 : 1;
  return { body: text.slice(start + quote, text.length - quote), raw };
}

function codePoint(code: string): number {
  const first = code[0]!;
  if (code.length === 1) return SIMPLE.get(first) ?? first.codePointAt(0)!;
  if (/[0-3]/.test(first)) return Number.parseInt(code, 8);
  const value = Number.parseInt(code.slice(1), 16);
  if (value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) throw new Error('invalid unicode code point');
  return value;
}
