import { Quantity } from '#apimachinery';

export const ONE = Quantity.of(1);

/** The name under which a quota counts the objects of a storage resource. */
export function countName(resource: string): string {
  const slash = resource.indexOf('/');
  return slash < 0 ? `count/${resource}` : `count/${resource.slice(slash + 1)}.${resource.slice(0, slash)}`;
}

/** A device of somebody's, and no resource of Kubernetes' own. */
export function isExtendedResource(name: string): boolean {
  return name.includes('/') && !name.includes('kubernetes.io/') && !name.startsWith('requests.');
}

const MILLI = new Set(['cpu', 'requests.cpu', 'limits.cpu']);

/**
 * An amount as counters have it: thousandths of CPUs, whole units of all else, each rounded up. What is beyond 2^53 counts as that:
 * no limit is higher, and sums of what limits let through stay exact.
 */
export function counted(name: string, amount: Quantity): number {
  const units = MILLI.has(name) ? amount.milliValue() : amount.value();
  return Math.max(Math.min(units, Number.MAX_SAFE_INTEGER), 0);
}

/** The other way round, written like `like`. */
export function amountOf(name: string, units: number, like: Quantity | undefined): Quantity {
  const format = units === 0 ? 'DecimalSI' : like?.format;
  const amount = Number.isSafeInteger(units) ? units : BigInt(units);
  return MILLI.has(name) ? Quantity.ofMillis(amount, format) : Quantity.of(amount, format);
}

/** `cpu=1,pods=2`, by name. */
export function amountsText(amounts: Iterable<readonly [string, Quantity]>): string {
  return [...amounts]
    .map(([name, amount]) => `${name}=${amount}`)
    .sort()
    .join(',');
}
