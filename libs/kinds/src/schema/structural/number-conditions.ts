import { goFloat, goNumber } from '#apimachinery';
import type { JSONSchemaProps } from '../../generated/types.js';
import { isInt64, isNearInteger } from './numbers.js';
import type { SchemaFindings } from './schema-findings.js';

/** Conditions on numbers. The limits of integers are cut to integers where they fit the type, as the reference does it. */
export function checkNumber(
  value: number,
  schema: JSONSchemaProps,
  types: readonly string[],
  format: string,
  found: SchemaFindings,
): void {
  const type = types.length === 1 ? types[0]! : '';
  const fits = (number: number, what: string): boolean => {
    if (fitsType(number, type, format)) return true;
    const shown = format === '' ? `${type} (default format)` : `${type} with format ${format}`;
    found.general(`${what} value must be of type ${shown} in ${found.name}`);
    return false;
  };
  /** A limit as it is compared and shown. */
  const limitOf = (limit: number, what: string): Limit =>
    fits(limit, what) && isInt64(value)
      ? { at: Math.trunc(limit), text: goNumber(Math.trunc(limit)) }
      : { at: limit, text: goFloat(limit) };
  fits(value, 'Checked');
  const { multipleOf, maximum, minimum, exclusiveMaximum, exclusiveMinimum } = schema;
  if (isSet(multipleOf)) checkMultiple(value, limitOf(multipleOf, 'MultipleOf'), found);
  if (isSet(minimum)) {
    const { at, text } = limitOf(minimum, 'Minimum boundary');
    if (exclusiveMinimum ? value <= at : value < at) {
      found.invalid(value, `should be greater than ${exclusiveMinimum ? '' : 'or equal to '}${text}`);
    }
  }
  if (isSet(maximum)) {
    const { at, text } = limitOf(maximum, 'Maximum boundary');
    if (exclusiveMaximum ? value >= at : value > at) {
      found.invalid(value, `should be less than ${exclusiveMaximum ? '' : 'or equal to '}${text}`);
    }
  }
}

interface Limit {
  readonly at: number;
  readonly text: string;
}

function isSet(value: number | null | undefined): value is number {
  return value !== undefined && value !== null;
}

function fitsType(value: number, type: string, format: string): boolean {
  if (type === 'integer') {
    if (format === 'int32') return Number.isInteger(value) && value >= -(2 ** 31) && value < 2 ** 31;
    return isInt64(value);
  }
  return !(type === 'number' && format === 'float') || Number.isFinite(Math.fround(value));
}

function checkMultiple(value: number, { at, text }: Limit, found: SchemaFindings): void {
  if (at <= 0) {
    found.said(at, `factor MultipleOf declared for ${found.name} must be positive: ${text}`);
    return;
  }
  const isMultiple =
    isInt64(value) && Number.isInteger(at) ? value % at === 0 : isNearInteger(at < 1 ? (1 / at) * value : value / at);
  if (!isMultiple) found.invalid(value, `should be a multiple of ${text}`);
}
