import { countColons, countKeys, parseInChunks } from './json-chunks.js';
import {
  BACKSLASH,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  goSyntaxMessage,
  keySteps,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  syntaxSteps,
} from './json-syntax.js';
import { badRequest, type StatusError } from './status.js';
import { atOnce, type Steps } from './steps.js';

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
    throw new JsonSyntaxError(goSyntaxMessage(text) ?? 'invalid JSON document');
  }
  if (!detectDuplicates || countColons(body) === countKeys(value)) return { value, duplicates: [] };
  return { value, duplicates: atOnce(duplicateSteps(text)) };
}

/** Smaller bodies are read at once. */
const CHUNKED_BYTES = 64 * 1024;

/** As decodeJson, with pauses where the body is large. */
export function* decodeJsonSteps(body: Buffer, detectDuplicates = true): Steps<DecodedJson> {
  if (body.length <= CHUNKED_BYTES) return decodeJson(body, detectDuplicates);
  const parsed = yield* parseInChunks(body);
  if (!parsed) {
    // Most likely it is no JSON at all, of which JSON.parse would make millions of values before it says so.
    const message = yield* syntaxSteps(body.toString('utf8'));
    if (message !== undefined) throw new JsonSyntaxError(message);
    return decodeJson(body, detectDuplicates);
  }
  const { value, repeated } = parsed;
  if (!detectDuplicates || !repeated) return { value, duplicates: [] };
  return { value, duplicates: yield* duplicateSteps(body.toString('utf8')) };
}

/** How deep the objects and arrays of a JSON text are in each other. */
export function nestingOf(body: Buffer): number {
  let depth = 0;
  let deepest = 0;
  for (let i = 0; i < body.length; i++) {
    const byte = body[i];
    if (byte === QUOTE) {
      for (i++; i < body.length && body[i] !== QUOTE; i++) if (body[i] === BACKSLASH) i++;
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) deepest = Math.max(deepest, ++depth);
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--;
  }
  return deepest;
}

function* duplicateSteps(text: string): Steps<string[]> {
  const found = new Set<string>();
  yield* keySteps(text, (path, repeated) => {
    if (repeated) found.add(path);
    return found.size < MAX_STRICT_ERRORS;
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
  const note = (path: string, repeated: boolean): void => {
    if (skipped !== undefined && (path.startsWith(`${skipped}.`) || path.startsWith(`${skipped}[`))) return;
    skipped = unknown.has(path) ? path : undefined;
    if (skipped !== undefined) found.add(`unknown field ${JSON.stringify(path)}`);
    else if (repeated && repeatable.has(duplicateField(path))) found.add(duplicateField(path));
  };
  atOnce(
    keySteps(body.toString('utf8'), (path, repeated) => {
      note(path, repeated);
      return true;
    }),
  );
  // Paths that the text does not have as they are: those of names with dots in them, at worst.
  for (const error of unknownErrors) found.add(error);
  return [...found];
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
  return shown.toString(body[0] === OPEN_BRACE ? 'utf8' : 'hex') + (cut ? ' ...' : '');
}

/** What Go's JSON reader calls the type of a value that it did not expect. */
export function jsonTypeName(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  return typeof value;
}
