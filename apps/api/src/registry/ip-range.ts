import { randomInt } from 'node:crypto';

/** An IPv4 CIDR as service addresses are taken from it: network and broadcast addresses are never given away. */
export class Ipv4Range {
  private readonly first: number;
  private readonly size: number;
  /** Addresses at the start that are only given when asked for, while there are others. */
  private readonly reserved: number;

  constructor(readonly cidr: string) {
    const match = /^(\d+\.\d+\.\d+\.\d+)\/(\d+)$/.exec(cidr);
    const base = match ? parseIpv4(match[1]!) : undefined;
    const bits = Number(match?.[2]);
    if (base === undefined || !(bits >= 8 && bits <= 30)) {
      throw new Error(
        `invalid IPv4 CIDR ${JSON.stringify(cidr)}: expected an address and a prefix length from 8 to 30`,
      );
    }
    const total = 2 ** (32 - bits);
    this.first = base - (base % total) + 1;
    this.size = total - 2;
    this.reserved = Math.min(Math.max(16, Math.floor(total / 16)), 256, this.size);
  }

  contains(address: string): boolean {
    const value = parseIpv4(address);
    return value !== undefined && value >= this.first && value < this.first + this.size;
  }

  /** A free address: at random from the larger part, else whatever is left. Undefined when all are taken. */
  pick(taken: (address: string) => boolean): string | undefined {
    const start = this.size > this.reserved ? this.reserved : 0;
    for (let attempt = 0; attempt < 16; attempt += 1) {
      const address = formatIpv4(this.first + start + randomInt(this.size - start));
      if (!taken(address)) return address;
    }
    const offset = start + randomInt(this.size - start);
    for (let i = 0; i < this.size; i += 1) {
      const address = formatIpv4(this.first + ((offset + i) % this.size));
      if (!taken(address)) return address;
    }
    return undefined;
  }
}

/** Undefined when it is no dotted quad, or has leading zeros. */
export function parseIpv4(text: string): number | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let value = 0;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    value = value * 256 + Number(part);
  }
  return value;
}

function formatIpv4(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}

/** `30000-32767`, both ends included. Throws for anything else. */
export class PortRange {
  readonly first: number;
  readonly last: number;

  constructor(readonly text: string) {
    const match = /^(\d+)-(\d+)$/.exec(text);
    this.first = Number(match?.[1]);
    this.last = Number(match?.[2]);
    if (!match || this.first < 1 || this.last > 65535 || this.first > this.last) {
      throw new Error(`invalid port range ${JSON.stringify(text)}: expected FIRST-LAST within 1-65535`);
    }
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
