import type { ErrorReport } from './source.js';

export type TokenKind =
  | 'punctuation'
  | 'identifier'
  | 'escaped'
  | 'int'
  | 'uint'
  | 'float'
  | 'string'
  | 'bytes'
  | 'true'
  | 'false'
  | 'null'
  | 'in'
  | 'end';

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  readonly at: number;
}

const DIGITS = '[0-9]';
const QUOTES = [`"""`, `'''`, `"`, `'`] as const;
const ESCAPE = String.raw`\\(?:[abfnrtv"'\\?${'`'}]|[0-3][0-7][0-7]|[xX][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})`;

/** The patterns are ours and linear: each begins with what no alternative before it can match. */
const SPACE = /(?:[\t \r\n\f]+|\/\/[^\n]*)+/y;
const FLOAT = new RegExp(
  `${DIGITS}+\\.${DIGITS}+(?:[eE][+-]?${DIGITS}+)?|${DIGITS}+[eE][+-]?${DIGITS}+|\\.${DIGITS}+(?:[eE][+-]?${DIGITS}+)?`,
  'y',
);
const INTEGER = /0x[0-9a-fA-F]+[uU]?|[0-9]+[uU]?/y;
const IDENTIFIER = /[A-Za-z_][A-Za-z0-9_]*/y;
const ESCAPED = /`[A-Za-z0-9_.\-/ ]+`/y;
const PUNCTUATION = /==|!=|<=|>=|&&|\|\||[<>[\]{}().,\-!?:+*/%]/y;
const PREFIX = /(?:[bB][rR]?|[rR])?(?=["'])/y;

const BODIES = new Map(
  QUOTES.flatMap((quote) => [
    [quote, quote.length === 3 ? tripleQuoted(quote) : quoted(quote)],
    [`r${quote}`, new RegExp(quote.length === 3 ? `[\\s\\S]*?${quote}` : `[^${quote}\\n\\r]*${quote}`, 'y')],
  ]),
);

function quoted(quote: string): RegExp {
  return new RegExp(`(?:[^\\\\${quote}\\n\\r]|${ESCAPE})*${quote}`, 'y');
}

function tripleQuoted(quote: string): RegExp {
  return new RegExp(`(?:[^\\\\]|${ESCAPE})*?${quote}`, 'y');
}

const UNFINISHED = new Map(
  [`"`, `'`].map((quote) => [
    quote,
    new RegExp(`${quote}(?:[^\\\\${quote}\\n\\r]|${ESCAPE})*(?:\\\\[^\\n\\r]?)?`, 'y'),
  ]),
);

const KEYWORDS = new Map<string, TokenKind>([
  ['true', 'true'],
  ['false', 'false'],
  ['null', 'null'],
  ['in', 'in'],
]);

/** Splits an expression into tokens, `end` last. Reports what is no token, and goes on behind it. */
export function tokenize(source: string, errors: ErrorReport): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(source)?.[0];
  };
  while (at < source.length) {
    const token = match(SPACE) ?? stringAt(source, at) ?? numberOrName(at, match);
    if (token === undefined) {
      const wrong = String.fromCodePoint(source.codePointAt(at)!);
      errors.add(`Syntax error: token recognition error at: '${visible(unfinished(source, at) ?? wrong)}'`, at);
      at += (unfinished(source, at) ?? wrong).length;
    } else if (typeof token === 'string') {
      at += token.length;
    } else {
      tokens.push(token);
      at += token.text.length;
    }
  }
  tokens.push({ kind: 'end', text: '<EOF>', at });
  return tokens;
}

function numberOrName(at: number, match: (pattern: RegExp) => string | undefined): Token | undefined {
  const float = match(FLOAT);
  if (float !== undefined) return { kind: 'float', text: float, at };
  const integer = match(INTEGER);
  if (integer !== undefined) return { kind: /[uU]$/.test(integer) ? 'uint' : 'int', text: integer, at };
  const name = match(IDENTIFIER);
  if (name !== undefined) return { kind: KEYWORDS.get(name) ?? 'identifier', text: name, at };
  const escaped = match(ESCAPED);
  if (escaped !== undefined) return { kind: 'escaped', text: escaped, at };
  const punctuation = match(PUNCTUATION);
  return punctuation === undefined ? undefined : { kind: 'punctuation', text: punctuation, at };
}

/** A literal of a string or of bytes at an offset. */
function stringAt(source: string, at: number): Token | undefined {
  PREFIX.lastIndex = at;
  const prefix = PREFIX.exec(source)?.[0];
  if (prefix === undefined) return undefined;
  const start = at + prefix.length;
  const raw = /r/i.test(prefix) ? 'r' : '';
  for (const quote of QUOTES) {
    if (!source.startsWith(quote, start)) continue;
    const body = BODIES.get(raw + quote)!;
    body.lastIndex = start + quote.length;
    const found = body.exec(source)?.[0];
    if (found === undefined) continue;
    const text = prefix + quote + found;
    return { kind: /b/i.test(prefix) ? 'bytes' : 'string', text, at };
  }
  return undefined;
}

/** What begins as a string and is none: up to the character that no string can have there. */
function unfinished(source: string, at: number): string | undefined {
  const start = UNFINISHED.get(source[at]!);
  if (start === undefined) return undefined;
  start.lastIndex = at;
  return start.exec(source)?.[0];
}

function visible(text: string): string {
  return text.replaceAll('\n', '\\n').replaceAll('\r', '\\r').replaceAll('\t', '\\t');
}
