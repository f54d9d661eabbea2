import { atOnce, type Steps } from './steps.js';

/** What is wrong with a text that JSON.parse refuses, in the words of Go's encoding/json: clients show them to people. */

/** Characters that are read between pauses: a few milliseconds. */
const SLICE = 128 * 1024;

/** Go's decoder has the same limit. */
export const MAX_DEPTH = 10_000;

/** What structures a JSON text: each is one byte of UTF-8 and one character. */
export const QUOTE = 0x22;
export const BACKSLASH = 0x5c;
export const COLON = 0x3a;
export const COMMA = 0x2c;
export const OPEN_BRACE = 0x7b;
export const CLOSE_BRACE = 0x7d;
export const OPEN_BRACKET = 0x5b;
export const CLOSE_BRACKET = 0x5d;

/** The message that encoding/json gives for a text that is no JSON; undefined for one that is. */
export function goSyntaxMessage(text: string): string | undefined {
  return atOnce(syntaxSteps(text));
}

/** As goSyntaxMessage, with pauses where the text is long. */
export function* syntaxSteps(text: string): Steps<string | undefined> {
  const reader = new SyntaxReader(text);
  try {
    for (let pause = SLICE; reader.readNext(); ) {
      if (reader.at < pause) continue;
      pause = reader.at + SLICE;
      yield;
    }
  } catch (error) {
    if (error instanceof Fault) return error.message;
    throw error;
  }
  return undefined;
}

class Fault extends Error {}

/** Reads a text value by value, without recursion: it may be nested deep. */
class SyntaxReader {
  at = 0;
  /** The brackets that are open. */
  private readonly open: number[] = [];
  private state: 'value' | 'first' | 'behind' = 'value';

  constructor(private readonly text: string) {}

  /** Reads a value up to its end or its opening bracket, or what is behind a value. False at the end of the text. */
  readNext(): boolean {
    this.skipSpace();
    const inside = this.open[this.open.length - 1];
    if (this.state === 'behind') return this.readBehind(inside);
    if (this.state === 'first' && this.code() === closing(inside!)) {
      this.close();
      return true;
    }
    if (inside === OPEN_BRACE) this.readKey();
    this.readValue();
    return true;
  }

  private readBehind(inside: number | undefined): boolean {
    if (inside === undefined) {
      if (this.at < this.text.length) this.bad('after top-level value');
      return false;
    }
    const code = this.code();
    if (code === closing(inside)) this.close();
    else if (code !== COMMA) this.bad(inside === OPEN_BRACE ? 'after object key:value pair' : 'after array element');
    else {
      this.at++;
      this.state = 'value';
    }
    return true;
  }

  private close(): void {
    this.open.pop();
    this.at++;
    this.state = 'behind';
  }

  private readKey(): void {
    if (this.code() !== QUOTE) this.bad('looking for beginning of object key string');
    this.readString();
    this.skipSpace();
    if (this.code() !== COLON) this.bad('after object key');
    this.at++;
    this.skipSpace();
  }

  private readValue(): void {
    const code = this.code();
    if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      if (this.open.length >= MAX_DEPTH) throw new Fault('exceeded max depth');
      this.open.push(code);
      this.at++;
      this.state = 'first';
      return;
    }
    if (code === QUOTE) this.readString();
    else if (code === 0x2d || isDigit(code)) this.readNumber();
    else if (code === 0x74) this.readLiteral('true');
    else if (code === 0x66) this.readLiteral('false');
    else if (code === 0x6e) this.readLiteral('null');
    else this.bad('looking for beginning of value');
    this.state = 'behind';
  }

  private readString(): void {
    for (this.at++; ; this.at++) {
      const code = this.code();
      if (code === QUOTE) break;
      // The end of the text is no number, so it is not below any either.
      if (!(code >= 0x20)) this.bad('in string literal');
      if (code === BACKSLASH) this.readEscape();
    }
    this.at++;
  }

  private readEscape(): void {
    this.at++;
    if (this.text[this.at] === 'u') {
      for (let i = 0; i < 4; i++) {
        this.at++;
        if (!/^[0-9a-fA-F]$/.test(this.text[this.at] ?? '')) this.bad('in \\u hexadecimal character escape');
      }
    } else if (!/^["\\/bfnrt]$/.test(this.text[this.at] ?? '')) this.bad('in string escape code');
  }

  private readNumber(): void {
    if (this.code() === 0x2d) this.at++;
    if (!isDigit(this.code())) this.bad('in numeric literal');
    if (this.text[this.at] === '0') this.at++;
    else this.skipDigits();
    if (this.text[this.at] === '.') {
      this.at++;
      if (!isDigit(this.code())) this.bad('after decimal point in numeric literal');
      this.skipDigits();
    }
    if (this.text[this.at] === 'e' || this.text[this.at] === 'E') {
      this.at++;
      if (this.text[this.at] === '+' || this.text[this.at] === '-') this.at++;
      if (!isDigit(this.code())) this.bad('in exponent of numeric literal');
      this.skipDigits();
    }
  }

  private readLiteral(word: string): void {
    for (let i = 1; i < word.length; i++) {
      this.at++;
      if (this.text[this.at] !== word[i]) this.bad(`in literal ${word} (expecting '${word[i]}')`);
    }
    this.at++;
  }

  private skipDigits(): void {
    while (isDigit(this.code())) this.at++;
  }

  private skipSpace(): void {
    while (isSpace(this.code())) this.at++;
  }

  /** NaN at the end of the text. */
  private code(): number {
    return this.text.charCodeAt(this.at);
  }

  private bad(context: string): never {
    if (this.at >= this.text.length) throw new Fault('unexpected end of JSON input');
    throw new Fault(`invalid character ${quoteChar(this.text, this.at)} ${context}`);
  }
}

function closing(open: number): number {
  return open === OPEN_BRACE ? CLOSE_BRACE : CLOSE_BRACKET;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

function quoteChar(text: string, at: number): string {
  const char = String.fromCodePoint(text.codePointAt(at)!);
  if (char === "'") return "'\\''";
  if (char === '"') return `'"'`;
  const quoted = JSON.stringify(char).slice(1, -1);
  return `'${quoted.replace(/^\\u00([0-7].)$/, '\\x$1')}'`;
}

interface Container {
  path: string;
  /** How often each key was there; undefined in an array. */
  seen: Map<string, number> | undefined;
  index: number;
  /** What the value at hand is of; undefined where a key is expected. */
  member: string | undefined;
}

/** Visits the keys of a text that is known to be valid JSON, in order, with pauses; ends early when `visit` says false. */
export function* keySteps(text: string, visit: (path: string, repeated: boolean) => boolean): Steps<void> {
  const open: Container[] = [];
  let inside: Container | undefined;
  let pause = SLICE;
  for (let at = 0; at < text.length; at++) {
    if (at >= pause) {
      pause = at + SLICE;
      yield;
    }
    switch (text.charCodeAt(at)) {
      case OPEN_BRACE:
        open.push((inside = { path: pathIn(inside), seen: new Map(), index: 0, member: undefined }));
        break;
      case OPEN_BRACKET:
        open.push((inside = { path: pathIn(inside), seen: undefined, index: 0, member: undefined }));
        break;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        open.pop();
        inside = open[open.length - 1];
        break;
      case COMMA:
        inside!.index++;
        inside!.member = undefined;
        break;
      case QUOTE: {
        const end = stringEnd(text, at);
        if (inside?.seen !== undefined && inside.member === undefined) {
          const key = keyText(text, at, end);
          inside.member = inside.path === '' ? key : `${inside.path}.${key}`;
          const count = inside.seen.get(key) ?? 0;
          inside.seen.set(key, count + 1);
          // Said once of each field.
          if (!visit(inside.member, count === 1)) return;
        }
        at = end - 1;
      }
    }
  }
}

function pathIn(inside: Container | undefined): string {
  if (inside === undefined) return '';
  return inside.member ?? `${inside.path}[${inside.index}]`;
}

/** Behind the closing quote. */
function stringEnd(text: string, start: number): number {
  let at = start + 1;
  for (let code = text.charCodeAt(at); code !== QUOTE; code = text.charCodeAt(at)) at += code === BACKSLASH ? 2 : 1;
  return at + 1;
}

function keyText(text: string, start: number, end: number): string {
  const key = text.slice(start + 1, end - 1);
  return key.includes('\\') ? JSON.parse(text.slice(start, end)) : key;
}
