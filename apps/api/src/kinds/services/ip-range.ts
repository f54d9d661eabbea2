import { randomBytes, randomInt } from 'node:crypto';
import { formatIp, type IpFamily, parseCidr, parseIp } from '#apimachinery';
import { parsePortRange, splitServiceRanges } from '#settings';

/** A CIDR as service addresses are taken from it: the network address is never given away, nor is IPv4's broadcast address. */
export class IpRange {
  readonly family: IpFamily;
  private readonly first: bigint;
  private readonly size: bigint;
  /** Addresses at the start that are only given when asked for, while there are others. */
  private readonly reserved: bigint;

  constructor(readonly cidr: string) {
    const parsed = parseCidr(cidr);
    if (!parsed) throw new Error(`invalid CIDR ${JSON.stringify(cidr)}`);
    const { network, hostBits } = parsed;
    this.family = network.family;
    const total = 1n << BigInt(hostBits);
    this.first = network.value + 1n;
    this.size = total - (this.family === 'IPv4' ? 2n : 1n);
    const [share, available] = [total / 16n, this.size].map((number) => Number(number < 256n ? number : 256n));
    this.reserved = BigInt(Math.min(Math.max(16, share!), available!));
  }

  contains(address: string): boolean {
    const ip = parseIp(address);
    return ip?.family === this.family && ip.value >= this.first && ip.value < this.first + this.size;
  }

  /** A free address: at random from the larger part, else whatever is left. Undefined when all are taken. */
  pick(taken: (address: string) => boolean): string | undefined {
    if (this.size <= 0n) return undefined;
    const start = this.size > this.reserved ? this.reserved : 0n;
    for (let attempt = 0; attempt < 16; attempt += 1) {
      const address = this.at(start + randomBelow(this.size - start));
      if (!taken(address)) return address;
    }
    const offset = start + randomBelow(this.size - start);
    for (let i = 0n; i < this.size; i += 1n) {
      const address = this.at((offset + i) % this.size);
      if (!taken(address)) return address;
    }
    return undefined;
  }

  private at(offset: bigint): string {
    return formatIp({ family: this.family, value: this.first + offset });
  }
}

function randomBelow(limit: bigint): bigint {
  if (limit < 1n << 48n) return BigInt(randomInt(Number(limit)));
  return BigInt(`0x${randomBytes(16).toString('hex')}`) % limit;
}

/** Throws unless they are `v4`, `v6`, or one of each with a comma between: the first is the primary one. */
export function parseServiceRanges(text: string): IpRange[] {
  return splitServiceRanges(text).map((cidr) => new IpRange(cidr));
}

/** `30000-32767`, both ends included. Throws for anything else. */
export class PortRange {
  readonly first: number;
  readonly last: number;

  constructor(readonly text: string) {
    ({ first: this.first, last: this.last } = parsePortRange(text));
  }

  contains(port: number): boolean {
    return port >= this.first && port <= this.last;
  }

  pick(taken: (port: number) => boolean): number | undefined {
    const size = this.last - this.first + 1;
    const offset = randomInt(size);
    for (let i = 0; i < size; i += 1) {
      const port = this.first + ((offset + i) % size);
      if (!taken(port)) return port;
    }
    return undefined;
  }
}
