/** Hollow nodes that one cluster can have: each has 256 addresses of the range below. */
export const MOST_NODES = 1 << 14;
const PODS_OF_NODE = 254;

/**
 * The address that hollow node `index` is said to have: of 198.18.0.0/15, which RFC 2544 keeps for benchmarks, so that nothing
 * on a real network is taken for it.
 */
export function nodeAddress(index: number): string {
  const at = index + 1;
  return `198.${18 + (at >> 16)}.${(at >> 8) & 255}.${at & 255}`;
}

/** Addresses of the pods of one hollow node: a /24 of 100.64.0.0/10, which RFC 6598 keeps from public networks. */
export class AddressPool {
  private readonly prefix: string;
  private readonly taken = new Set<number>();
  /** The search goes on from here: an address rests before it comes back. */
  private last = 0;

  constructor(index: number) {
    this.prefix = `100.${64 + (index >> 8)}.${index & 255}.`;
  }

  /** Throws when each is taken. */
  take(): string {
    if (this.taken.size === PODS_OF_NODE) throw new Error('the hollow node has no address left');
    do this.last = (this.last % PODS_OF_NODE) + 1;
    while (this.taken.has(this.last));
    this.taken.add(this.last);
    return `${this.prefix}${this.last}`;
  }

  giveBack(address: string): void {
    this.taken.delete(Number(address.slice(this.prefix.length)));
  }
}
