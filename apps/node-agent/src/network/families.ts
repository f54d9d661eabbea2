import { isIP } from 'node:net';
import type { Family } from './netfilter.js';

/** Of an address; undefined when it is none. */
export function familyOf(address: string): Family | undefined {
  const version = isIP(address);
  if (version === 0) return undefined;
  return version === 4 ? 'IPv4' : 'IPv6';
}

/** Ranges, separated by commas. */
export function splitCidrs(ranges: string): string[] {
  return ranges
    .split(',')
    .map((range) => range.trim())
    .filter((range) => range !== '');
}

/** Families that the node carries: those that pods have addresses of, in the order of their ranges. */
export function nodeFamilies(clusterCidr: string): Family[] {
  const families = splitCidrs(clusterCidr).flatMap((range) => familyOf(range.split('/')[0]!) ?? []);
  return [...new Set(families)];
}
