import { readFileSync } from 'node:fs';

/** Bits of capabilities(7). */
const BITS = { CAP_SYS_RESOURCE: 24n } as const;

/** Whether this process has a capability now. Root inside a container or a user namespace may lack some. */
export function hasCapability(name: keyof typeof BITS, status = ownStatus()): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0';
  return ((BigInt(`0x${effective}`) >> BITS[name]) & 1n) === 1n;
}

function ownStatus(): string {
  try {
    return readFileSync('/proc/self/status', 'utf8');
  } catch {
    return '';
  }
}
