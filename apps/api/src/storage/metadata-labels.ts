const METADATA = Buffer.from('"metadata":{');
const LABELS = Buffer.from('"labels"');
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/**
 * The labels of a serialized object, read from its metadata alone: an index over 50,000 objects would otherwise parse each of them
 * whole. The bytes are JSON without space between its parts, as the store keeps them. Undefined when there are no labels.
 */
export function readLabels(bytes: Buffer): Readonly<Record<string, string>> | undefined {
  const found = bytes.indexOf(METADATA);
  if (found < 0) return undefined;
  let at = found + METADATA.length;
  while (bytes[at] === QUOTE) {
    const key = at;
    const colon = skipString(bytes, at);
    if (bytes[colon] !== COLON) break;
    const value = colon + 1;
    at = skipValue(bytes, value);
    if (colon - key === LABELS.length && bytes.compare(LABELS, 0, LABELS.length, key, colon) === 0) {
      return Object.freeze(JSON.parse(bytes.toString('utf8', value, at))) ?? undefined;
    }
    if (bytes[at] === COMMA) at++;
  }
  return undefined;
}

/** The position behind a string that begins at `at`. */
function skipString(bytes: Buffer, at: number): number {
  for (;;) {
    const quote = bytes.indexOf(QUOTE, at + 1);
    if (quote < 0) return bytes.length;
    let before = quote - 1;
    while (bytes[before] === BACKSLASH) before--;
    at = quote;
    // An even number of backslashes escape each other.
    if ((quote - before) % 2 === 1) return quote + 1;
  }
}

/** The position behind the value that begins at `at`. */
function skipValue(bytes: Buffer, at: number): number {
  let depth = 0;
  while (at < bytes.length) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      at = skipString(bytes, at);
      if (depth === 0) return at;
      continue;
    }
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      // The end of the object around a number or a word.
      if (depth === 0) return at;
      if (--depth === 0) return at + 1;
    } else if (byte === COMMA && depth === 0) return at;
    at++;
  }
  return at;
}
