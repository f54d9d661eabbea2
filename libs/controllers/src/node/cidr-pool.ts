import { isIPv6 } from 'node:net';

/** Addresses as numbers, so that one arithmetic does for both families. */
function toNumber(address: string): bigint {
  if (!isIPv6(address)) return address.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n);
  const [head = '', tail] = address.split('::') as [string, string?];
  const groups = (text: string) => (text === '' ? [] : text.split(':'));
  const left = groups(head);
  const right = groups(tail ?? '');
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - left.length - right.length }, () => '0');
  return [...left, ...zeros, ...right].reduce((sum, group) => sum * 65536n + BigInt(`0x${group}`), 0n);
}

function toAddress(value: bigint, v6: boolean): string {
  const parts: bigint[] = [];
  const [count, base] = v6 ? [8, 65536n] : [4, 256n];
  for (let i = 0; i < count; i++, value /= base) parts.unshift(value % base);
  if (!v6) return parts.join('.');
  // The canonical text with the longest run of zeros left out is what URL parsing gives.
  return new URL(`http://[${parts.map((part) => part.toString(16)).join(':')}]`).hostname.slice(1, -1);
}

/** Equal slices of one network, given out one by one and taken back. */
export class CidrPool {
  private readonly base: bigint;
  private readonly v6: boolean;
  private readonly step: bigint;
  private readonly used = new Set<number>();
  readonly size: number;
  private next = 0;

  /** `sliceMask` is the prefix length of a slice. Throws when the network is smaller than one slice. */
  constructor(
    network: string,
    private readonly sliceMask: number,
  ) {
    const [address, prefix] = network.split('/');
    this.v6 = isIPv6(address!);
    const bits = this.v6 ? 128 : 32;
    const mask = Number(prefix);
    if (!(mask <= sliceMask && sliceMask <= bits)) {
      throw new Error(`the node CIDR mask size ${sliceMask} does not fit into the cluster CIDR ${network}`);
    }
    this.step = 1n << BigInt(bits - sliceMask);
    const whole = 1n << BigInt(bits - mask);
    this.base = (toNumber(address!) / whole) * whole;
    this.size = Math.min(2 ** (sliceMask - mask), 2 ** 16);
  }

  get isIPv6(): boolean {
    return this.v6;
  }

  /** The next free slice, going round, so that a slice rests before it is used again; undefined when all are taken. */
  allocate(): string | undefined {
    for (let tried = 0; tried < this.size; tried++) {
      const index = (this.next + tried) % this.size;
      if (this.used.has(index)) continue;
      this.used.add(index);
      this.next = (index + 1) % this.size;
      return `${toAddress(this.base + BigInt(index) * this.step, this.v6)}/${this.sliceMask}`;
    }
    return undefined;
  }

  /** Marks every slice that the network touches. Networks outside of the pool are ignored. */
  occupy(network: string): void {
    for (const index of this.indexes(network)) this.used.add(index);
  }

  release(network: string): void {
    for (const index of this.indexes(network)) this.used.delete(index);
  }

  private *indexes(network: string): Iterable<number> {
    const [address, prefix] = network.split('/');
    if (isIPv6(address!) !== this.v6) return;
    const bits = this.v6 ? 128 : 32;
    const length = 1n << BigInt(bits - Number(prefix));
    const start = (toNumber(address!) / length) * length;
    const end = this.base + BigInt(this.size) * this.step;
    const from = start > this.base ? start : this.base;
    const to = start + length < end ? start + length : end;
    for (let at = from; at < to; at += this.step) yield Number((at - this.base) / this.step);
  }
}
