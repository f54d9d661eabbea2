import type { Quantity } from '#apimachinery';
import { amountsText } from './quota-names.js';

export interface ExceededAmount {
  name: string;
  requested: Quantity;
  used: Quantity;
  limited: Quantity;
}

/** What clients are told of a quota that has no room for their change. */
export function exceededText(quota: string, amounts: readonly ExceededAmount[]): string {
  const list = (of: Exclude<keyof ExceededAmount, 'name'>) => amountsText(amounts.map((item) => [item.name, item[of]]));
  return `exceeded quota: ${quota}, requested: ${list('requested')}, used: ${list('used')}, limited: ${list('limited')}`;
}
