import { ownValue, setOwn } from './json.js';
import {
  BACKSLASH,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  MAX_DEPTH,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
} from './json-syntax.js';
import { badRequest } from './status.js';
import type { Steps } from './steps.js';

/**
 * JSON.parse with pauses: 3 MB of short keys take it half a second. Large objects and arrays are gone through member by
 * member, and JSON.parse gets what is small, or runs of what is small.
 */

/** Bytes that JSON.parse gets at a time: about a millisecond. */
const CHUNK_BYTES = 32 * 1024;

type Json = Record<string, unknown>;

export interface Parsed {
  value: unknown;
  /** Whether an object has a key twice. */
  repeated: boolean;
}

/**
 * The value of a text, or undefined when it is none, or none that can be taken apart: JSON.parse has the last word on that.
 * `chunk`: bytes that JSON.parse gets at a time. Throws a 400 for what is nested too deep.
 */
export function* parseInChunks(body: Buffer, chunk = CHUNK_BYTES): Steps<Parsed | undefined> {
  const ends = largeContainers(body, chunk);
  if (!ends) return undefined;
  yield;
  try {
    const reader = new ChunkReader(body, ends, chunk);
    const start = reader.skipSpace(0);
    const end = ends.get(start);
    if (end === undefined || reader.skipSpace(end) !== body.length) return undefined;
    const value = yield* reader.container(start, end);
    return { value, repeated: reader.repeated };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Start and end of each object and array that is larger than a chunk. Undefined when they do not close. */
function largeContainers(body: Buffer, chunk: number): Map<number, number> | undefined {
  const ends = new Map<number, number>();
  const open: number[] = [];
  for (let at = 0; at < body.length; at++) {
    const byte = body[at]!;
    if (byte === QUOTE) at = stringEnd(body, at) - 1;
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (open.length >= MAX_DEPTH) throw badRequest('exceeded max depth');
      open.push(at);
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      const start = open.pop();
      if (start === undefined || body[start] !== (byte === CLOSE_BRACE ? OPEN_BRACE : OPEN_BRACKET)) return undefined;
      if (at - start > chunk) ends.set(start, at + 1);
    }
  }
  return open.length === 0 ? ends : undefined;
}

/**
 * A text has as many keys as it has colons outside strings: when its value has fewer, a key was repeated. The text has to
 * be valid, so strings end.
 */
export function countColons(body: Buffer, start = 0, end = body.length): number {
  let count = 0;
  for (let at = start; at < end; at++) {
    const byte = body[at];
    if (byte === COLON) count++;
    else if (byte === QUOTE) at = stringEnd(body, at) - 1;
  }
  return count;
}

export function countKeys(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) {
    for (const item of value) count += countKeys(item);
    return count;
  }
  for (const key in value) count += 1 + countKeys((value as Json)[key]);
  return count;
}

/** Behind the closing quote, or the end of the text. */
function stringEnd(body: Buffer, start: number): number {
  let at = start + 1;
  while (at < body.length && body[at] !== QUOTE) at += body[at] === BACKSLASH ? 2 : 1;
  return at + 1;
}

class ChunkReader {
  repeated = false;

  constructor(
    private readonly body: Buffer,
    private readonly ends: ReadonlyMap<number, number>,
    private readonly chunk: number,
  ) {}

  skipSpace(at: number): number {
    while (at < this.body.length && isSpace(this.body[at]!)) at++;
    return at;
  }

  /** A large object or array. */
  *container(start: number, end: number): Steps<unknown> {
    const { body } = this;
    const isList = body[start] === OPEN_BRACKET;
    const list: unknown[] = [];
    const map: Json = {};
    /** Members that are not parsed yet, the one that is being read, and what it is of where that is known. */
    let run = start + 1;
    let member = run;
    let colon = -1;
    let afterLarge = false;
    const put = (key: string, value: unknown): void => {
      if (!this.repeated) this.repeated = ownValue(map, key) !== undefined;
      setOwn(map, key, value);
    };
    const flush = (to: number): void => {
      const text = body.toString('utf8', run, to);
      const parsed = JSON.parse(isList ? `[${text}]` : `{${text}}`);
      if (!this.repeated) this.repeated = countColons(body, run, to) !== countKeys(parsed);
      if (isList) {
        if (parsed.length === 0) throw new SyntaxError('empty member');
        for (const item of parsed) list.push(item);
        return;
      }
      let some = false;
      for (const key in parsed) {
        put(key, parsed[key]);
        some = true;
      }
      if (!some) throw new SyntaxError('empty member');
    };
    let depth = 0;
    for (let at = start + 1; at < end - 1; at++) {
      const byte = body[at]!;
      if (afterLarge && byte !== COMMA && !isSpace(byte)) throw new SyntaxError('no comma');
      if (byte === QUOTE) {
        at = stringEnd(body, at) - 1;
      } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        const large = depth === 0 ? this.ends.get(at) : undefined;
        if (large === undefined) {
          depth++;
          continue;
        }
        if (member > run) flush(member - 1);
        const value = yield* this.container(at, large);
        if (isList) {
          if (this.skipSpace(member) !== at) throw new SyntaxError('not a value');
          list.push(value);
        } else {
          if (colon < 0 || this.skipSpace(colon + 1) !== at) throw new SyntaxError('not a member');
          put(keyOf(body.toString('utf8', member, colon)), value);
        }
        afterLarge = true;
        at = large - 1;
      } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--;
      else if (depth > 0) continue;
      else if (byte === COLON && colon < 0) colon = at;
      else if (byte === COMMA) {
        if (afterLarge) run = at + 1;
        else if (at - run > this.chunk) {
          flush(at);
          run = at + 1;
          yield;
        }
        member = at + 1;
        colon = -1;
        afterLarge = false;
      }
    }
    if (!afterLarge) flush(end - 1);
    return isList ? list : map;
  }
}

function keyOf(text: string): string {
  const key: unknown = JSON.parse(text);
  if (typeof key !== 'string') throw new SyntaxError('not a key');
  return key;
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
