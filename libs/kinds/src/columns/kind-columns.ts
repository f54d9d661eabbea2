import type { Cells } from './cells.js';

/** Cells by kind, or by `group/Kind` where two groups have a kind of that name. */
export const kindColumns: Record<string, Cells> = {};
