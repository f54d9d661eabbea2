import { isIP } from 'node:net';
import type { Family } from './netfilter.js';

/** Families that the node carries: the pod network gives pods no others. */
export const NODE_FAMILIES: readonly Family[] = ['IPv4'];

/** Of an address; undefined when it is none. */
export function familyOf(address: string): Family | undefined {
  const version = isIP(address);
  if (version === 0) return undefined;
  return version === 4 ? 'IPv4' : 'IPv6';
}

/** Ranges, separated by commas, of the families that the node carries. */
export function nodeCidrs(ranges: string): string[] {
  return ranges
    .split(',')
    .map((range) => range.trim())
    .filter((range) => NODE_FAMILIES.some((family) => family === familyOf(range.split('/')[0]!)));
}
