import { dnsRows } from './dns.rows.js';
import { machineRows } from './machine.rows.js';
import type { NodeRow } from './node-scenery.js';
import { nodeServerRows } from './node-server.rows.js';
import { podRows } from './pods.rows.js';

/** All rows against a running node, in the order in which they run. */
export const nodeRows: NodeRow[] = [...nodeServerRows, ...dnsRows, ...podRows, ...machineRows];
