import { parseInChunks } from './json-chunks.js';
import { badRequest, type StatusError } from './status.js';

/** What went wrong in a text that is no JSON, in the words of Go's decoder: clients show them to people. */
export class JsonSyntaxError extends Error {
  override readonly name = 'JsonSyntaxError';
}

export interface DecodedJson {
  value: unknown;
  /** `duplicate field "spec.replicas"`, each once, in the order of the text. */
  duplicates: string[];
}

/** As many strict errors as the reference reports. */
const MAX_STRICT_ERRORS = 100;

/** In a longer body unknown and repeated fields are told apart, not put into the order of the text. */
const MAX_ORDERED_BYTES = 16 * 1024;

/**
 * Parses a request body. Duplicate keys (the last one wins) are found by counting: a text has as many keys as it has
 * colons outside strings, so only when the parsed value has fewer is the text walked again for their paths.
 * Throws JsonSyntaxError.
 */
export function decodeJson(body: Buffer, detectDuplicates = true): DecodedJson {
  const text = body.toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new JsonSyntaxError(goSyntaxMessage(text));
  }
  if (!detectDuplicates || countColons(body) === countKeys(value)) return { value, duplicates: [] };
  return { value, duplicates: findDuplicates(text) };
}

/** Smaller bodies are read at once. */
const CHUNKED_BYTES = 64 * 1024;

/** As decodeJson, with pauses where the body is large. */
export function* decodeJsonSteps(body: Buffer, detectDuplicates = true): Generator<undefined, DecodedJson> {
  const parsed = body.length > CHUNKED_BYTES ? yield* parseInChunks(body) : undefined;
  if (!parsed) return decodeJson(body, detectDuplicates);
  const { value } = parsed;
  yield;
  if (!detectDuplicates || countColons(body) === countKeys(value)) return { value, duplicates: [] };
  yield;
  return { value, duplicates: findDuplicates(body.toString('utf8')) };
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;

function countColons(body: Buffer): number {
  let count = 0;
  for (let i = 0; i < body.length; i++) {
    const byte = body[i];
    if (byte === COLON) count++;
    else if (byte === QUOTE) {
      for (i++; body[i] !== QUOTE; i++) if (body[i] === BACKSLASH) i++;
    }
  }
  return count;
}

/** How deep the objects and arrays of a JSON text are in each other. */
export function nestingOf(body: Buffer): number {
  let depth = 0;
  let deepest = 0;
  for (let i = 0; i < body.length; i++) {
    const byte = body[i];
    if (byte === QUOTE) {
      for (i++; i < body.length && body[i] !== QUOTE; i++) if (body[i] === BACKSLASH) i++;
    } else if (byte === 0x7b || byte === 0x5b) deepest = Math.max(deepest, ++depth);
    else if (byte === 0x7d || byte === 0x5d) depth--;
  }
  return deepest;
}

function countKeys(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) {
    for (const item of value) count += countKeys(item);
    return count;
  }
  for (const key in value) count += 1 + countKeys((value as Record<string, unknown>)[key]);
  return count;
}

function findDuplicates(text: string): string[] {
  const found = new Set<string>();
  walkKeys(text, (path, repeated) => {
    if (repeated && found.size < MAX_STRICT_ERRORS) found.add(path);
  });
  return [...found].map(duplicateField);
}

function duplicateField(path: string): string {
  return `duplicate field ${JSON.stringify(path)}`;
}

/**
 * What strict decoding says of a body, in the order of its text as the reference's decoder meets it. A field that the
 * type does not have is passed over with all that is in it, so nothing below it counts as repeated.
 */
export function strictErrors(body: Buffer, duplicates: readonly string[], unknownFields: readonly string[]): string[] {
  return allStrictErrors(body, duplicates, unknownFields).slice(0, MAX_STRICT_ERRORS);
}

function allStrictErrors(body: Buffer, duplicates: readonly string[], unknownFields: readonly string[]): string[] {
  const unknownErrors = unknownFields.map((path) => `unknown field ${JSON.stringify(path)}`);
  if (duplicates.length === 0) return unknownErrors;
  if (unknownFields.length === 0 || body.length === 0 || body.length > MAX_ORDERED_BYTES) {
    return [...duplicates, ...unknownErrors];
  }
  const unknown = new Set(unknownFields);
  const repeatable = new Set(duplicates);
  const found = new Set<string>();
  let skipped: string | undefined;
  walkKeys(body.toString('utf8'), (path, repeated) => {
    if (skipped !== undefined && (path.startsWith(`${skipped}.`) || path.startsWith(`${skipped}[`))) return;
    skipped = unknown.has(path) ? path : undefined;
    if (skipped !== undefined) found.add(`unknown field ${JSON.stringify(path)}`);
    else if (repeated && repeatable.has(duplicateField(path))) found.add(duplicateField(path));
  });
  // Paths that the text does not have as they are: those of names with dots in them, at worst.
  for (const error of unknownErrors) found.add(error);
  return [...found];
}

/** Visits the keys of a text that is known to be valid JSON, in order. */
function walkKeys(text: string, visit: (path: string, repeated: boolean) => void): void {
  let at = 0;

  function skipSpace(): void {
    while (at < text.length && ' \t\r\n'.includes(text[at]!)) at++;
  }

  function readString(): string {
    const start = at++;
    while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
    at++;
    return JSON.parse(text.slice(start, at));
  }

  function walkObject(path: string): void {
    const seen = new Map<string, number>();
    at++;
    for (skipSpace(); text[at] !== '}'; skipSpace()) {
      const key = readString();
      const child = path === '' ? key : `${path}.${key}`;
      const count = seen.get(key) ?? 0;
      // Said once of each field.
      visit(child, count === 1);
      seen.set(key, count + 1);
      skipSpace();
      at++; // the colon
      walk(child);
      skipSpace();
      if (text[at] === ',') at++;
    }
    at++;
  }

  function walkArray(path: string): void {
    at++;
    let index = 0;
    for (skipSpace(); text[at] !== ']'; skipSpace()) {
      walk(`${path}[${index++}]`);
      skipSpace();
      if (text[at] === ',') at++;
    }
    at++;
  }

  function walk(path: string): void {
    skipSpace();
    if (text[at] === '{') walkObject(path);
    else if (text[at] === '[') walkArray(path);
    else if (text[at] === '"') readString();
    else while (at < text.length && !',]} \t\r\n'.includes(text[at]!)) at++;
  }

  walk('');
}

/** The message that encoding/json gives for a text that JSON.parse refused. */
export function goSyntaxMessage(text: string): string {
  let at = 0;

  class Stop extends Error {}
  const end = (): never => {
    throw new Stop('unexpected end of JSON input');
  };
  const bad = (context: string): never => {
    if (at >= text.length) return end();
    throw new Stop(`invalid character ${quoteChar(text, at)} ${context}`);
  };
  const skipSpace = (): void => {
    while (at < text.length && ' \t\r\n'.includes(text[at]!)) at++;
  };

  function value(): void {
    skipSpace();
    const char = text[at];
    if (char === undefined) end();
    else if (char === '{') object();
    else if (char === '[') array();
    else if (char === '"') string();
    else if (char === '-' || (char >= '0' && char <= '9')) number();
    else if (char === 't') literal('true');
    else if (char === 'f') literal('false');
    else if (char === 'n') literal('null');
    else bad('looking for beginning of value');
  }

  function object(): void {
    at++;
    skipSpace();
    if (text[at] === '}') {
      at++;
      return;
    }
    for (;;) {
      skipSpace();
      if (text[at] !== '"') bad('looking for beginning of object key string');
      string();
      skipSpace();
      if (text[at] !== ':') bad('after object key');
      at++;
      value();
      skipSpace();
      if (text[at] === '}') break;
      if (text[at] !== ',') bad('after object key:value pair');
      at++;
    }
    at++;
  }

  function array(): void {
    at++;
    skipSpace();
    if (text[at] === ']') {
      at++;
      return;
    }
    for (;;) {
      value();
      skipSpace();
      if (text[at] === ']') break;
      if (text[at] !== ',') bad('after array element');
      at++;
    }
    at++;
  }

  function string(): void {
    for (at++; ; at++) {
      const char = text[at];
      if (char === undefined) end();
      else if (char === '"') break;
      else if (char < ' ') bad('in string literal');
      else if (char === '\\') escapeSequence();
    }
    at++;
  }

  function escapeSequence(): void {
    at++;
    if (text[at] === 'u') {
      for (let i = 0; i < 4; i++) {
        at++;
        if (at >= text.length || !/[0-9a-fA-F]/.test(text[at]!)) bad('in \\u hexadecimal character escape');
      }
    } else if (at >= text.length || !'"\\/bfnrt'.includes(text[at]!)) bad('in string escape code');
  }

  const digit = (): boolean => at < text.length && text[at]! >= '0' && text[at]! <= '9';

  function number(): void {
    if (text[at] === '-') at++;
    if (!digit()) bad('in numeric literal');
    if (text[at] === '0') at++;
    else while (digit()) at++;
    if (text[at] === '.') {
      at++;
      if (!digit()) bad('after decimal point in numeric literal');
      while (digit()) at++;
    }
    if (text[at] === 'e' || text[at] === 'E') {
      at++;
      if (text[at] === '+' || text[at] === '-') at++;
      if (!digit()) bad('in exponent of numeric literal');
      while (digit()) at++;
    }
  }

  function literal(word: string): void {
    for (let i = 1; i < word.length; i++) {
      at++;
      if (text[at] !== word[i]) bad(`in literal ${word} (expecting '${word[i]}')`);
    }
    at++;
  }

  try {
    value();
    skipSpace();
    if (at < text.length) bad('after top-level value');
  } catch (error) {
    if (error instanceof Stop) return error.message;
    throw error;
  }
  return 'invalid JSON document';
}

function quoteChar(text: string, at: number): string {
  const char = String.fromCodePoint(text.codePointAt(at)!);
  if (char === "'") return "'\\''";
  if (char === '"') return `'"'`;
  const quoted = JSON.stringify(char).slice(1, -1);
  return `'${quoted.replace(/^\\u00([0-7].)$/, '\\x$1')}'`;
}

/** Bytes of a body that an error message shows. */
const SUMMARY_LENGTH = 30;

/** The 400 for a body whose kind cannot be made out. `kind` is what the endpoint takes. */
export function unrecognizedObject(kind: string, cause: string, body: Buffer): StatusError {
  return badRequest(`the object provided is unrecognized (must be of type ${kind}): ${cause} (${summarize(body)})`);
}

/** The 400 for a body that is no JSON at all. */
export function notJson(kind: string, error: JsonSyntaxError, body: Buffer): StatusError {
  return unrecognizedObject(kind, `couldn't get version/kind; json parse error: ${error.message}`, body);
}

/** The 400 for a body of a known kind that does not fit the type: `<Kind> in version "<v>" cannot be handled as a <Kind>`. */
export function undecodableObject(kind: string, version: string, cause: string): StatusError {
  return badRequest(`${kind} in version "${version}" cannot be handled as a ${kind}: ${cause}`);
}

function summarize(body: Buffer): string {
  if (body.length === 0) return '<empty>';
  const cut = body.length > SUMMARY_LENGTH;
  const shown = cut ? body.subarray(0, SUMMARY_LENGTH - 3) : body;
  return shown.toString(body[0] === 0x7b ? 'utf8' : 'hex') + (cut ? ' ...' : '');
}

/** What Go's JSON reader calls the type of a value that it did not expect. */
export function jsonTypeName(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  return typeof value;
}
