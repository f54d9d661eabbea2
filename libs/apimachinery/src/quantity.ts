/**
 * resource.Quantity: exact decimal numbers with the suffixes of Kubernetes. A value is `unscaled * 10^scale` with
 * scale >= -9; the unscaled part is a plain number while that is exact, and a bigint beyond.
 */

type Int = number | bigint;

export type QuantityFormat = 'DecimalSI' | 'BinarySI' | 'DecimalExponent';

const NANO = -9;
/** Exponents that no real quantity has; without a limit a few bytes would ask for gigabytes of digits. */
const MAX_EXPONENT = 1000;
const MAX_BINARY = 2n ** 63n - 1n;

const DECIMAL_SUFFIX: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  '': 0,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};
const DECIMAL_SUFFIX_OF = new Map(Object.entries(DECIMAL_SUFFIX).map(([suffix, exponent]) => [exponent, suffix]));
const BINARY_SUFFIX: Readonly<Record<string, number>> = { Ki: 10, Mi: 20, Gi: 30, Ti: 40, Pi: 50, Ei: 60 };
const BINARY_SUFFIXES = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];

const FORMAT_MESSAGE = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const NUMBER_MESSAGE = 'unable to parse numeric part of quantity';
const SUFFIX_MESSAGE = "unable to parse quantity's suffix";

/** Why a text is no quantity, in the words of the reference. */
export class QuantityError extends Error {
  override readonly name = 'QuantityError';
}

export class Quantity {
  private text: string | undefined;

  private constructor(
    private readonly unscaled: Int,
    private readonly scale: number,
    readonly format: QuantityFormat,
    text?: string,
  ) {
    this.text = text;
  }

  static readonly zero = new Quantity(0, 0, 'DecimalSI', '0');

  /** A whole number of units, or of `10^scale` units. */
  static of(value: Int, format: QuantityFormat = 'DecimalSI', scale = 0): Quantity {
    return new Quantity(narrow(value), scale, format);
  }

  static ofMillis(millis: Int, format: QuantityFormat = 'DecimalSI'): Quantity {
    return new Quantity(narrow(millis), -3, format);
  }

  /** Parses what a field of an object holds. Throws QuantityError. */
  static parse(input: string | number): Quantity {
    const text = typeof input === 'number' ? String(input) : input.trim();
    const known = parsed.get(text);
    if (known !== undefined) return known;
    const quantity = parseText(text, (unscaled, scale, format, canonical) => {
      return new Quantity(unscaled, scale, format, canonical);
    });
    if (parsed.size >= PARSED_LIMIT) parsed.clear();
    parsed.set(text, quantity);
    return quantity;
  }

  isZero(): boolean {
    return this.unscaled === 0;
  }

  sign(): -1 | 0 | 1 {
    return this.unscaled < 0 ? -1 : this.unscaled > 0 ? 1 : 0;
  }

  compare(other: Quantity): -1 | 0 | 1 {
    const [a, b] = align(this.unscaled, this.scale, other.unscaled, other.scale);
    return a < b ? -1 : a > b ? 1 : 0;
  }

  equals(other: Quantity): boolean {
    return this.compare(other) === 0;
  }

  /** The sum, in this quantity's format, or in the other's when this one is zero. */
  add(other: Quantity): Quantity {
    const [a, b, scale] = align(this.unscaled, this.scale, other.unscaled, other.scale);
    return new Quantity(plus(a, b), scale, this.isZero() ? other.format : this.format);
  }

  sub(other: Quantity): Quantity {
    const [a, b, scale] = align(this.unscaled, this.scale, other.unscaled, other.scale);
    return new Quantity(plus(a, negate(b)), scale, this.isZero() ? other.format : this.format);
  }

  /** Times a whole number. */
  mul(factor: number): Quantity {
    return new Quantity(times(this.unscaled, factor), this.scale, this.format);
  }

  neg(): Quantity {
    return new Quantity(negate(this.unscaled), this.scale, this.format);
  }

  /** The whole number of `10^scale` units, rounded away from zero. */
  scaled(scale: number): Int {
    if (this.scale >= scale) return times(this.unscaled, power10(this.scale - scale));
    return divideUp(this.unscaled, power10(scale - this.scale));
  }

  /** Rounded up to whole multiples of `10^scale`, -3 for milli. */
  roundUp(scale: number): Quantity {
    if (this.scale >= scale) return this;
    return new Quantity(this.scaled(scale), scale, this.format);
  }

  /** The value, if it is held in whole units; undefined for `1000m`, which the reference does not reduce either. */
  unreducedInteger(): bigint | undefined {
    return this.scale >= 0 ? BigInt(this.unscaled) * 10n ** BigInt(this.scale) : undefined;
  }

  /** Whole units, rounded up. Exact up to 2^53, which is 8 PiB. */
  value(): number {
    return Number(this.scaled(0));
  }

  /** Thousandths, rounded up. */
  milliValue(): number {
    return Number(this.scaled(-3));
  }

  /** The nearest floating-point number. */
  toNumber(): number {
    return Number(`${this.unscaled}e${this.scale}`);
  }

  /** The canonical form: no fraction, the largest suffix that keeps it exact. */
  toString(): string {
    this.text ??= canonical(this.unscaled, this.scale, this.format);
    return this.text;
  }

  toJSON(): string {
    return this.toString();
  }
}

// Objects repeat the same few quantities for ever.
const PARSED_LIMIT = 4096;
const parsed = new Map<string, Quantity>();

type Make = (unscaled: Int, scale: number, format: QuantityFormat, text?: string) => Quantity;

const SHAPE = /^([+-]?)(\d*)(?:\.(\d*))?((?:[eEinumkKMGTP]+[-+]?|[-+])\d*)?$/;
/** Digits beyond this are no honest number, and cost more than linear time to read. */
const MAX_DIGITS = 1000;

function parseText(text: string, make: Make): Quantity {
  if (text === '0') return Quantity.zero;
  const match = text === '' ? null : SHAPE.exec(text);
  if (match === null) throw new QuantityError(FORMAT_MESSAGE);
  const [, sign, whole = '', fraction = '', suffix = ''] = match;
  const { base, exponent, format } = interpretSuffix(suffix);
  if (text.length > MAX_DIGITS) throw new QuantityError(NUMBER_MESSAGE);
  // The reference reads a missing number as 0, except where it takes its slow path.
  if (whole === '' && fraction === '' && base === 2 && (exponent >= 50 || text.includes('.'))) {
    throw new QuantityError(NUMBER_MESSAGE);
  }
  const integer = whole.replace(/^0+/, '') || '0';
  const digits = integer + fraction;
  const scale = (base === 10 ? exponent : 0) - fraction.length;
  let unscaled = narrow(BigInt(digits));
  if (base === 2) unscaled = times(unscaled, narrow(1n << BigInt(exponent)));
  const canonicalText = isCanonical(digits, scale, integer, fraction, base, exponent) ? text : undefined;
  const exact = scale < NANO ? divideUp(unscaled, power10(NANO - scale)) : unscaled;
  const kept = Math.max(scale, NANO);
  let value = exact;
  let shown = format;
  if (format === 'BinarySI') {
    if (compareToWhole(exact, kept, MAX_BINARY) > 0) {
      return make(sign === '-' ? -MAX_BINARY : MAX_BINARY, 0, format);
    }
    if (exact > 0 && compareToWhole(exact, kept, 1n) < 0) shown = 'DecimalSI';
  }
  if (sign === '-') value = negate(value);
  return make(value, kept, shown, canonicalText);
}

function interpretSuffix(suffix: string): { base: 2 | 10; exponent: number; format: QuantityFormat } {
  if (Object.hasOwn(DECIMAL_SUFFIX, suffix)) {
    return { base: 10, exponent: DECIMAL_SUFFIX[suffix]!, format: 'DecimalSI' };
  }
  if (Object.hasOwn(BINARY_SUFFIX, suffix)) {
    return { base: 2, exponent: BINARY_SUFFIX[suffix]!, format: 'BinarySI' };
  }
  if (/^[eE][+-]?\d+$/.test(suffix)) {
    const exponent = Number(suffix.slice(1));
    if (Math.abs(exponent) <= MAX_EXPONENT) return { base: 10, exponent, format: 'DecimalExponent' };
  }
  throw new QuantityError(SUFFIX_MESSAGE);
}

/** Whether the reference keeps a text as it was written instead of printing the value anew. */
function isCanonical(
  digits: string,
  scale: number,
  whole: string,
  fraction: string,
  base: number,
  exponent: number,
): boolean {
  if (base === 2) {
    if (fraction !== '' || whole.length > 14 - Math.trunc((exponent * 3) / 10)) return false;
    return (Number(whole) & 7) !== 0;
  }
  if (digits.length > 18 || scale < NANO) return false;
  return scale % 3 === 0 && !digits.endsWith('000') && digits[0] !== '0';
}

function canonical(unscaled: Int, scale: number, format: QuantityFormat): string {
  if (unscaled === 0) return '0';
  const value = BigInt(unscaled);
  if (format === 'BinarySI') {
    const whole = wholeValue(value, scale);
    if (whole !== undefined && (whole >= 1024n || whole <= -1024n)) return binaryText(whole);
  }
  return decimalText(value, scale, format === 'DecimalExponent');
}

/** The value as an integer; undefined when it is none. */
function wholeValue(value: bigint, scale: number): bigint | undefined {
  if (scale >= 0) return value * 10n ** BigInt(scale);
  const divisor = 10n ** BigInt(-scale);
  return value % divisor === 0n ? value / divisor : undefined;
}

function binaryText(value: bigint): string {
  let index = 0;
  while (index < BINARY_SUFFIXES.length - 1 && value % 1024n === 0n) {
    value /= 1024n;
    index++;
  }
  return `${value}${BINARY_SUFFIXES[index]}`;
}

function decimalText(value: bigint, scale: number, exponential: boolean): string {
  while (value % 10n === 0n) {
    value /= 10n;
    scale++;
  }
  while (scale % 3 !== 0 || (!exponential && scale > 18)) {
    value *= 10n;
    scale--;
  }
  if (exponential) return scale === 0 ? `${value}` : `${value}e${scale}`;
  return `${value}${DECIMAL_SUFFIX_OF.get(scale)}`;
}

function narrow(value: Int): Int {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : BigInt(Math.trunc(value));
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function plus(a: Int, b: Int): Int {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b;
    if (Number.isSafeInteger(sum)) return sum;
  }
  return narrow(BigInt(a) + BigInt(b));
}

function times(a: Int, b: Int): Int {
  if (typeof a === 'number' && typeof b === 'number') {
    const product = a * b;
    // Minus zero would print as it is.
    if (Number.isSafeInteger(product)) return product + 0;
  }
  return narrow(BigInt(a) * BigInt(b));
}

function negate(value: Int): Int {
  return typeof value === 'number' ? 0 - value : narrow(-value);
}

/** Quotient by a positive number, away from zero. */
function divideUp(value: Int, divisor: Int): Int {
  if (typeof value === 'number' && typeof divisor === 'number') {
    const rest = value % divisor;
    const quotient = (value - rest) / divisor;
    return rest === 0 ? quotient + 0 : quotient + Math.sign(rest);
  }
  const big = BigInt(value);
  const by = BigInt(divisor);
  const quotient = big / by;
  return narrow(big % by === 0n ? quotient : quotient + (big < 0n ? -1n : 1n));
}

function power10(exponent: number): Int {
  return exponent <= 15 ? 10 ** exponent : 10n ** BigInt(exponent);
}

/** Both at the smaller of the two scales. */
function align(a: Int, aScale: number, b: Int, bScale: number): [Int, Int, number] {
  if (aScale === bScale) return [a, b, aScale];
  if (aScale > bScale) return [times(a, power10(aScale - bScale)), b, bScale];
  return [a, times(b, power10(bScale - aScale)), aScale];
}

function compareToWhole(unscaled: Int, scale: number, whole: bigint): number {
  const [a, b] = align(unscaled, scale, narrow(whole), 0);
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The canonical form of what a field holds; an equal text comes back as it is. Throws QuantityError. */
export function canonicalQuantity(input: string | number): string {
  return Quantity.parse(input).toString();
}

/** Thousandths of what a field holds, 0 when it is absent: CPU. */
export function milliValueOf(input: string | number | undefined): number {
  return input === undefined ? 0 : Quantity.parse(input).milliValue();
}

/** Whole units of what a field holds, 0 when it is absent: bytes, counts. */
export function valueOfQuantity(input: string | number | undefined): number {
  return input === undefined ? 0 : Quantity.parse(input).value();
}
