import { quote } from '#apimachinery';
import { formatDouble } from '../values/numbers.js';
import { formatDuration, formatTimestamp } from '../values/times.js';
import { typeOf } from '../values/type-of.js';
import {
  Duration,
  EvaluationError,
  fail,
  ListValue,
  MapValue,
  Timestamp,
  TypeValue,
  Uint,
  type Value,
} from '../values/value.js';
import { step } from '../values/work.js';
import { checkLength } from './limits.js';

/** `'%s has %d'.format([name, count])`: https://pkg.go.dev/github.com/google/cel-go/ext#Strings, version 2. */

const DEFAULT_PRECISION = 6;
/** All digits that a double has behind its point, and more than anybody reads. */
const MAX_PRECISION = 1100;

/** One clause of a format: `%.3f` is `f` with 3 digits. */
export interface Clause {
  readonly verb: string;
  readonly precision: number | undefined;
}

/** Splits a format into texts and clauses; `argument` is called for each clause, before it is read. */
export function parseFormat(format: string, argument: (index: number) => void): (string | Clause)[] {
  const parts: (string | Clause)[] = [];
  let clauses = 0;
  let at = 0;
  while (at < format.length) {
    const percent = format.indexOf('%', at);
    if (percent === -1) {
      parts.push(format.slice(at));
      break;
    }
    if (percent > at) parts.push(format.slice(at, percent));
    at = percent + 1;
    if (format[at] === '%') {
      parts.push('%');
      at++;
      continue;
    }
    argument(clauses++);
    if (at >= format.length) fail('unexpected end of string');
    const { clause, end } = parseClause(format, at);
    parts.push(clause);
    at = end;
  }
  return parts;
}

function parseClause(format: string, at: number): { clause: Clause; end: number } {
  const invalid = (why: string) => fail(`could not parse formatting clause: ${why}`);
  let precision: number | undefined;
  if (format[at] === '.') {
    const digits = /^\d*/.exec(format.slice(at + 1))![0];
    at += 1 + digits.length;
    if (at >= format.length) invalid('error while parsing precision: could not find end of precision specifier');
    if (digits === '') {
      invalid(
        'error while parsing precision: error while converting precision to integer: strconv.Atoi: parsing "": invalid syntax',
      );
    }
    precision = Number(digits);
    if (precision > MAX_PRECISION) {
      invalid(`error while parsing precision: precision ${digits} exceeds maximum allowed precision ${MAX_PRECISION}`);
    }
  }
  const verb = format[at]!;
  if (!'sdfebxXo'.includes(verb)) {
    invalid(`unrecognized formatting clause "${String.fromCodePoint(format.codePointAt(at)!)}"`);
  }
  return { clause: { verb, precision }, end: at + 1 };
}

export function formatText(format: string, args: ListValue): string {
  let index = 0;
  const parts = parseFormat(format, (argument) => {
    if (argument >= args.size) fail(`index ${argument} out of range`);
  });
  let text = '';
  for (const part of parts) {
    text += typeof part === 'string' ? part : formatClause(part, args.at(index++));
    checkLength(text.length);
  }
  return text;
}

function formatClause(clause: Clause, value: Value): string {
  try {
    return show(clause, value);
  } catch (error) {
    if (error instanceof EvaluationError) fail(`error during formatting: ${error.message}`);
    throw error;
  }
}

function show({ verb, precision = DEFAULT_PRECISION }: Clause, value: Value): string {
  switch (verb) {
    case 's':
      return textOf(value);
    case 'd':
      return integerOf(value)?.toString() ?? refuse('d', value);
    case 'f':
      return fixed(numberOf(verb, value), precision);
    case 'e':
      return scientific(numberOf(verb, value), precision);
    case 'b':
      return typeof value === 'boolean' ? String(Number(value)) : (integerOf(value)?.toString(2) ?? refuse('b', value));
    case 'o':
      return integerOf(value)?.toString(8) ?? refuse('o', value);
    default:
      return verb === 'X' ? hexOf(value).toUpperCase() : hexOf(value);
  }
}

const REFUSALS: Readonly<Record<string, string>> = {
  s: 'string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps',
  d: 'decimal clause can only be used on integers',
  f: 'fixed-point clause can only be used on doubles',
  e: 'scientific clause can only be used on doubles',
  b: 'only integers and bools can be formatted as binary',
  x: 'only integers, byte buffers, and strings can be formatted as hex',
  X: 'only integers, byte buffers, and strings can be formatted as hex',
  o: 'octal clause can only be used on integers',
};

/** Why a clause does not take a type. */
export function refusal(verb: string, type: string): string {
  // own-lookup: verbs are those that parseClause takes
  return `${REFUSALS[verb]}, was given ${type}`;
}

function refuse(verb: string, value: Value): never {
  return fail(refusal(verb, typeOf(value).name));
}

function integerOf(value: Value): bigint | undefined {
  if (typeof value === 'bigint') return value;
  return value instanceof Uint ? value.value : undefined;
}

function numberOf(verb: string, value: Value): number {
  if (typeof value === 'number') return value;
  if (value === 'NaN') return Number.NaN;
  if (value === 'Infinity') return Infinity;
  return value === '-Infinity' ? -Infinity : refuse(verb, value);
}

function hexOf(value: Value): string {
  if (typeof value === 'string') return Buffer.from(value, 'utf8').toString('hex');
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  return integerOf(value)?.toString(16) ?? refuse('x', value);
}

function special(value: number): string | undefined {
  if (Number.isNaN(value)) return 'NaN';
  return Number.isFinite(value) ? undefined : value > 0 ? '∞' : '-∞';
}

/** Digits in groups of three, as Go's printer of English text writes them. */
function fixed(value: number, precision: number): string {
  const name = special(value);
  if (name !== undefined) return name;
  const [whole = '', fraction] = exactFixed(value, precision).split('.');
  const grouped = whole.replace(/\B(?=(?:\d{3})+$)/g, ',');
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

/** All digits: toFixed ends at 100 digits and at 1e21. */
function exactFixed(value: number, precision: number): string {
  if (precision <= 100 && Math.abs(value) < 1e21) return value.toFixed(precision);
  // Every double is a whole number of 2^-1074.
  const scaled = exactInteger(Math.abs(value)) * 10n ** BigInt(precision);
  const unit = 1n << 1074n;
  const half = unit >> 1n;
  const rest = scaled % unit;
  let digits = scaled / unit;
  if (rest > half || (rest === half && digits % 2n === 1n)) digits += 1n;
  const text = digits.toString().padStart(precision + 1, '0');
  const whole = text.slice(0, text.length - precision);
  return `${value < 0 ? '-' : ''}${precision === 0 ? whole : `${whole}.${text.slice(-precision)}`}`;
}

/** The double in units of 2^-1074. */
function exactInteger(value: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const exponent = Number((bits >> 52n) & 0x7ffn);
  const mantissa = bits & 0xfffffffffffffn;
  return exponent === 0 ? mantissa : (mantissa | (1n << 52n)) << BigInt(exponent - 1);
}

/** Go's printer of English text writes exponents as powers of ten. */
function scientific(value: number, precision: number): string {
  const name = special(value);
  if (name !== undefined) return name;
  const [mantissa = '', exponent = ''] = value.toExponential(Math.min(precision, 100)).split('e');
  const power = exponent.replace('+', '').replace(/^(-?)(\d)$/, '$10$2');
  return `${mantissa}${precision > 100 ? '0'.repeat(precision - 100) : ''}×10${superscript(power)}`;
}

const SUPERSCRIPTS = new Map([...'0123456789-'].map((char, index) => [char, [...'⁰¹²³⁴⁵⁶⁷⁸⁹⁻'][index]!]));

function superscript(digits: string): string {
  return Array.from(digits, (char) => SUPERSCRIPTS.get(char)!).join('');
}

function textOf(value: Value): string {
  if (value === null) return 'null';
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return formatDouble(value);
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (value instanceof Uint) return String(value.value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  if (value instanceof Timestamp) return formatTimestamp(value);
  if (value instanceof Duration) return formatDuration(value);
  if (value instanceof TypeValue) return value.type.name;
  if (value instanceof ListValue) return listText(value);
  return value instanceof MapValue ? mapText(value) : refuse('s', value);
}

/** A value inside of a list or map: strings have quotes, doubles six digits. */
function memberText(value: Value): string {
  if (typeof value === 'string') return quote(value);
  if (value instanceof Uint8Array) return `b${quote(textOf(value))}`;
  if (typeof value === 'number') {
    if (Number.isNaN(value)) return '"NaN"';
    return Number.isFinite(value) ? exactFixed(value, DEFAULT_PRECISION) : `"${value > 0 ? '+' : '-'}Inf"`;
  }
  if (value instanceof Timestamp) return `timestamp(${quote(textOf(value))})`;
  if (value instanceof Duration) return `duration(${quote(textOf(value))})`;
  return textOf(value);
}

function listText(list: ListValue): string {
  return joined('[', Array.from(list, memberText), ']');
}

function mapText(map: MapValue): string {
  const entries = Array.from(map.keys(), (key): [string, string] => [keyText(key), memberText(map.get(key)!)]);
  entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return joined(
    '{',
    entries.map(([key, value]) => `${key}:${value}`),
    '}',
  );
}

function keyText(key: Value): string {
  if (typeof key === 'string' || typeof key === 'boolean') return memberText(key);
  return integerOf(key)?.toString() ?? fail(`no formatting function for map key of type ${typeOf(key).name}`);
}

function joined(open: string, items: readonly string[], close: string): string {
  step();
  checkLength(items.reduce((length, item) => length + item.length + 2, 0));
  return `${open}${items.join(', ')}${close}`;
}
