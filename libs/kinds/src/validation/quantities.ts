import { Quantity } from '#apimachinery';

/** Whether a quantity in its normal form is no whole number; most texts say so at a glance. */
export function isFraction(amount: string): boolean {
  return /[mun.]/.test(amount) && Quantity.parse(amount).milliValue() % 1000 !== 0;
}
