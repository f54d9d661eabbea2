import { quote } from './go-format.js';

/** A number, or a string that is usually a percentage or a port name. */
export type IntOrString = number | string;

/**
 * A number as it is, a percentage scaled to `total`, rounded up or down. Throws for strings that are no percentage;
 * callers that validated before never see it.
 */
export function scaledValue(value: IntOrString, total: number, roundUp: boolean): number {
  if (typeof value === 'number') return value;
  if (!value.endsWith('%')) throw new Error('invalid value for IntOrString: invalid type: string is not a percentage');
  const digits = value.slice(0, -1);
  if (!/^[+-]?\d+$/.test(digits)) {
    const cause = `strconv.Atoi: parsing ${quote(digits)}: invalid syntax`;
    throw new Error(`invalid value for IntOrString: invalid value ${quote(value)}: ${cause}`);
  }
  const scaled = (Number(digits) * total) / 100;
  return roundUp ? Math.ceil(scaled) : Math.floor(scaled);
}
