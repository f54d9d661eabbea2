import type { Functions, Implementation } from '../check/declarations.js';
import { cel } from '../type.js';
import { runesOf } from '../values/text.js';
import { ArrayList, fail, type ListValue, type Value } from '../values/value.js';
import { formatText } from './format-text.js';
import { checkLength } from './limits.js';

type Run = (text: string, ...rest: never[]) => Value;
const as = (run: Run) => run as unknown as Implementation;

/** Strings of cel-go, version 2: https://pkg.go.dev/github.com/google/cel-go/ext#Strings. Positions count characters. */
export function declareStringLibrary(functions: Functions): void {
  const { int, string, dyn } = cel;
  const strings = cel.list(string);
  const member = (name: string, id: string, args: (typeof int)[], result: typeof int, run: Run) =>
    functions.member(name, id, [string, ...args], result, as(run));
  member('charAt', 'string_char_at_int', [int], string, charAt);
  member('indexOf', 'string_index_of_string', [string], int, (text, part: string) => indexOf(text, part, 0n));
  member('indexOf', 'string_index_of_string_int', [string, int], int, indexOf);
  member('lastIndexOf', 'string_last_index_of_string', [string], int, lastIndexOf);
  member('lastIndexOf', 'string_last_index_of_string_int', [string, int], int, lastIndexOf);
  member('lowerAscii', 'string_lower_ascii', [], string, (text) =>
    text.replace(/[A-Z]+/g, (part) => part.toLowerCase()),
  );
  member('upperAscii', 'string_upper_ascii', [], string, (text) =>
    text.replace(/[a-z]+/g, (part) => part.toUpperCase()),
  );
  member('replace', 'string_replace_string_string', [string, string], string, (text, from: string, to: string) =>
    replace(text, from, to, -1n),
  );
  member('replace', 'string_replace_string_string_int', [string, string, int], string, replace);
  member('split', 'string_split_string', [string], strings, (text, by: string) => split(text, by, -1n));
  member('split', 'string_split_string_int', [string, int], strings, split);
  member('substring', 'string_substring_int', [int], string, substring);
  member('substring', 'string_substring_int_int', [int, int], string, substring);
  member('trim', 'string_trim', [], string, (text) => text.replace(LEADING_SPACE, '').replace(TRAILING_SPACE, ''));
  member('format', 'string_format', [cel.list(dyn)], string, formatText);
  functions.global('strings.quote', 'strings_quote', [string], string, as(quote));
  functions.member('join', 'list_join', [strings], string, (list) => join(list as ListValue, ''));
  functions.member('join', 'list_join_string', [strings, string], string, (list, by) =>
    join(list as ListValue, by as string),
  );
}

/** What Go's unicode.IsSpace accepts. */
const SPACE = '[\\t-\\r \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';
const LEADING_SPACE = new RegExp(`^${SPACE}+`);
const TRAILING_SPACE = new RegExp(`(?<!${SPACE})${SPACE}+$`);

function outOfRange(index: bigint): never {
  return fail(`index out of range: ${index}`);
}

function charAt(text: string, index: bigint): string {
  const runes = runesOf(text);
  if (index < 0n || index > BigInt(runes.length)) return outOfRange(index);
  return runes[Number(index)] ?? '';
}

function indexOf(text: string, part: string, offset: bigint): bigint {
  if (offset < 0n) return outOfRange(offset);
  const runes = runesOf(text);
  const length = BigInt(runes.length);
  if (part === '') return offset > length ? length : offset;
  if (offset >= length) return -1n;
  const skipped = runes.slice(0, Number(offset)).join('').length;
  const found = text.indexOf(part, skipped);
  return found === -1 ? -1n : BigInt(runesOf(text.slice(0, found)).length);
}

function lastIndexOf(text: string, part: string, offset?: bigint): bigint {
  const runes = runesOf(text);
  const length = BigInt(runes.length);
  if (offset === undefined) {
    if (part === '') return length;
    if (text.length < part.length) return -1n;
    offset = length - 1n;
  }
  if (offset < 0n) return outOfRange(offset);
  if (part === '') return offset > length ? length : offset;
  if (offset >= length) return -1n;
  const found = text.lastIndexOf(part, runes.slice(0, Number(offset)).join('').length);
  return found === -1 ? -1n : BigInt(runesOf(text.slice(0, found)).length);
}

/** strings.Replace: an empty text to replace is found before each character and at the end. */
function replace(text: string, from: string, to: string, limit: bigint): string {
  if (from === to || limit === 0n) return text;
  const parts = from === '' ? ['', ...runesOf(text), ''] : text.split(from);
  const found = parts.length - 1;
  const most = limit < 0n || limit > BigInt(found) ? found : Number(limit);
  checkLength(text.length + most * to.length);
  if (from === '') return parts.reduce((done, part, index) => done + (index > 0 && index <= most ? to : '') + part, '');
  return [parts.slice(0, most + 1).join(to), ...parts.slice(most + 1)].join(from);
}

/** strings.SplitN: the last part has the rest. */
function split(text: string, by: string, limit: bigint): ListValue {
  if (limit === 0n) return ArrayList.empty;
  const parts = by === '' ? runesOf(text) : text.split(by);
  if (limit < 0n || BigInt(parts.length) <= limit) return new ArrayList(parts);
  const most = Number(limit);
  return new ArrayList([...parts.slice(0, most - 1), parts.slice(most - 1).join(by)]);
}

function substring(text: string, start: bigint, end?: bigint): string {
  const runes = runesOf(text);
  const length = BigInt(runes.length);
  if (end !== undefined && start > end) return fail(`invalid substring range. start: ${start}, end: ${end}`);
  if (start < 0n || start > length) return outOfRange(start);
  if (end !== undefined && (end < 0n || end > length)) return outOfRange(end);
  return runes.slice(Number(start), end === undefined ? undefined : Number(end)).join('');
}

const ESCAPES = new Map([
  ['\x07', '\\a'],
  ['\b', '\\b'],
  ['\f', '\\f'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
  ['\v', '\\v'],
  ['\\', '\\\\'],
  ['"', '\\"'],
]);

/** The characters above. */
const ESCAPED = new RegExp(
  `[${[...ESCAPES.keys()].map((char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}]`,
  'g',
);

function quote(text: string): string {
  return `"${Buffer.from(text, 'utf8')
    .toString('utf8')
    .replace(ESCAPED, (char) => ESCAPES.get(char)!)}"`;
}

function join(list: ListValue, by: string): string {
  const parts: string[] = [];
  let length = 0;
  for (const item of list) {
    if (typeof item !== 'string') return fail('join: invalid input: not a string');
    length += item.length + by.length;
    checkLength(length);
    parts.push(item);
  }
  return parts.join(by);
}
