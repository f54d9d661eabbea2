import type { Functions, Implementation } from '../check/declarations.js';
import { type CelType, cel, formatType } from '../type.js';
import { formatDouble, intOfDouble, uint, uintOfDouble } from '../values/numbers.js';
import {
  formatDuration,
  formatTimestamp,
  parseGoDuration,
  parseTimestamp,
  secondsOf,
  timestampOfSeconds,
} from '../values/times.js';
import { type Duration, fail, type Timestamp, Uint, type Value } from '../values/value.js';

const A = cel.param('A');
const identity: Implementation = (value) => value!;

function noConversion(from: CelType, to: CelType): never {
  return fail(`type conversion error from '${typeName(from)}' to '${typeName(to)}'`);
}

/** Messages of conversions name the types of messages in full. */
function typeName(type: CelType): string {
  return type.kind === 'timestamp' || type.kind === 'duration' ? type.name : formatType(type);
}

/** `int(x)` and its like. */
export function declareConversions(functions: Functions): void {
  const { bool, bytes, double, int, string, uint: unsigned, timestamp, duration } = cel;
  const convert = (to: CelType, name: string, cases: readonly [string, CelType, Implementation][]) => {
    for (const [id, from, run] of cases) functions.global(name, id, [from], to, run);
  };
  convert(bool, 'bool', [
    ['bool_to_bool', bool, identity],
    ['string_to_bool', string, (text) => parseBool(text as string)],
  ]);
  convert(bytes, 'bytes', [
    ['bytes_to_bytes', bytes, identity],
    ['string_to_bytes', string, (text) => Buffer.from(text as string, 'utf8')],
  ]);
  convert(double, 'double', [
    ['double_to_double', double, identity],
    ['int64_to_double', int, (value) => Number(value as bigint)],
    ['string_to_double', string, (text) => parseDouble(text as string)],
    ['uint64_to_double', unsigned, (value) => Number((value as Uint).value)],
  ]);
  convert(duration, 'duration', [
    ['duration_to_duration', duration, identity],
    ['string_to_duration', string, (text) => parseGoDuration(text as string) ?? noConversion(string, duration)],
  ]);
  functions.global('dyn', 'to_dyn', [A], cel.dyn, identity);
  convert(int, 'int', [
    ['int64_to_int64', int, identity],
    ['double_to_int64', double, (value) => intOfDouble(value as number)],
    ['duration_to_int64', duration, (value) => (value as Duration).nanos],
    ['string_to_int64', string, (text) => parseInt64(text as string)],
    ['timestamp_to_int64', timestamp, (value) => secondsOf(value as Timestamp)],
    ['uint64_to_int64', unsigned, (value) => intOfUint(value as Uint)],
  ]);
  convert(string, 'string', [
    ['string_to_string', string, identity],
    ['bool_to_string', bool, (value) => String(value as boolean)],
    ['bytes_to_string', bytes, (value) => textOfBytes(value as Uint8Array)],
    ['double_to_string', double, (value) => formatDouble(value as number)],
    ['duration_to_string', duration, (value) => formatDuration(value as Duration)],
    ['int64_to_string', int, (value) => String(value as bigint)],
    ['timestamp_to_string', timestamp, (value) => formatTimestamp(value as Timestamp)],
    ['uint64_to_string', unsigned, (value) => String((value as Uint).value)],
  ]);
  convert(timestamp, 'timestamp', [
    ['timestamp_to_timestamp', timestamp, identity],
    ['int64_to_timestamp', int, (value) => timestampOfSeconds(value as bigint)],
    ['string_to_timestamp', string, (text) => parseTimestamp(text as string) ?? noConversion(string, timestamp)],
  ]);
  convert(unsigned, 'uint', [
    ['uint64_to_uint64', unsigned, identity],
    ['double_to_uint64', double, (value) => uintOfDouble(value as number)],
    ['int64_to_uint64', int, (value) => uint(value as bigint)],
    ['string_to_uint64', string, (text) => parseUint64(text as string)],
  ]);
}

const BOOLEANS = new Map<string, boolean>([
  ...['1', 't', 'T', 'TRUE', 'true', 'True'].map((text): [string, boolean] => [text, true]),
  ...['0', 'f', 'F', 'FALSE', 'false', 'False'].map((text): [string, boolean] => [text, false]),
]);

function parseBool(text: string): boolean {
  return BOOLEANS.get(text) ?? noConversion(cel.string, cel.bool);
}

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const SPECIAL = /^([+-]?)(?:(inf|infinity)|nan)$/i;

function parseDouble(text: string): number {
  const special = SPECIAL.exec(text);
  if (special !== null) {
    if (special[2] !== undefined) return special[1] === '-' ? -Infinity : Infinity;
    if (special[1] === '') return Number.NaN;
  }
  const value = DECIMAL.test(text) ? Number(text) : Number.NaN;
  return Number.isFinite(value) ? value : noConversion(cel.string, cel.double);
}

/** More digits than any 64-bit number has. */
const MAX_DIGITS = 64;

function parseInt64(text: string): bigint {
  if (!/^[+-]?\d+$/.test(text) || text.length > MAX_DIGITS) return noConversion(cel.string, cel.int);
  const value = BigInt(text.replace(/^\+/, ''));
  return BigInt.asIntN(64, value) === value ? value : noConversion(cel.string, cel.int);
}

function parseUint64(text: string): Uint {
  if (!/^\d+$/.test(text) || text.length > MAX_DIGITS) return noConversion(cel.string, cel.uint);
  const value = BigInt(text);
  return BigInt.asUintN(64, value) === value ? new Uint(value) : noConversion(cel.string, cel.uint);
}

function intOfUint({ value }: Uint): Value {
  return BigInt.asIntN(64, value) === value ? value : fail('integer overflow');
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function textOfBytes(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    return fail('invalid UTF-8 in bytes, cannot convert to string');
  }
}
