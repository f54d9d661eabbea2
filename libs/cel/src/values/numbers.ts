import { fail, Uint } from './value.js';

/** Arithmetic of int and uint: what leaves 64 bits is an error. */

const INT_OVERFLOW = 'integer overflow';
const UINT_OVERFLOW = 'unsigned integer overflow';

export function int(value: bigint): bigint {
  return BigInt.asIntN(64, value) === value ? value : fail(INT_OVERFLOW);
}

export function uint(value: bigint): Uint {
  return BigInt.asUintN(64, value) === value ? new Uint(value) : fail(UINT_OVERFLOW);
}

export function divideInt(a: bigint, b: bigint): bigint {
  return b === 0n ? fail('division by zero') : int(a / b);
}

export function moduloInt(a: bigint, b: bigint): bigint {
  if (b === 0n) fail('modulus by zero');
  if (a === -(2n ** 63n) && b === -1n) fail(INT_OVERFLOW);
  return a % b;
}

export function divideUint(a: Uint, b: Uint): Uint {
  return b.value === 0n ? fail('division by zero') : new Uint(a.value / b.value);
}

export function moduloUint(a: Uint, b: Uint): Uint {
  return b.value === 0n ? fail('modulus by zero') : new Uint(a.value % b.value);
}

/** A double cut to an int. Its bounds are those of Go: 2^63 itself is out, and so is -2^63. */
export function intOfDouble(value: number): bigint {
  if (!Number.isFinite(value) || value <= -(2 ** 63) || value >= 2 ** 63) fail(INT_OVERFLOW);
  return BigInt(Math.trunc(value));
}

export function uintOfDouble(value: number): Uint {
  if (!Number.isFinite(value) || value < 0 || value >= 2 ** 64) fail(UINT_OVERFLOW);
  return new Uint(BigInt(Math.trunc(value)));
}

const MAX_PLAIN_POWER = 6;

/** strconv.FormatFloat with 'g' and the shortest precision: an exponent below 1e-4 and from 1e6. */
export function formatDouble(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  if (Object.is(value, -0)) return '-0';
  const [, mantissa = '', exponent = ''] = /^(.*)e([+-]\d+)$/.exec(value.toExponential())!;
  const power = Number(exponent);
  if (power < -4 || power >= MAX_PLAIN_POWER)
    return `${mantissa}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
  return plainDecimal(value);
}

/** A number without an exponent, as strconv.FormatFloat prints it with 'f' and the shortest precision. */
export function plainDecimal(value: number): string {
  const text = String(value);
  const match = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(text);
  if (match === null) return text;
  const [, sign = '', first = '', rest = '', exponent = '0'] = match;
  const digits = first + rest;
  const point = 1 + Number(exponent);
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  if (point >= digits.length) return `${sign}${digits.padEnd(point, '0')}`;
  return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}
