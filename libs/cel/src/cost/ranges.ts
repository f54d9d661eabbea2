/** Sizes and costs of the estimate: from the least to the most, saturating at the largest uint64. */
export interface Range {
  readonly min: bigint;
  readonly max: bigint;
}

export const MOST = 2n ** 64n - 1n;
export const UNKNOWN: Range = { min: 0n, max: MOST };

export function fixed(value: number | bigint): Range {
  const exact = BigInt(value);
  return { min: exact, max: exact };
}

function saturate(value: bigint): bigint {
  return value > MOST ? MOST : value;
}

export function add(...ranges: readonly Range[]): Range {
  let [min, max] = [0n, 0n];
  for (const range of ranges) [min, max] = [saturate(min + range.min), saturate(max + range.max)];
  return { min, max };
}

export function multiply(a: Range, b: Range): Range {
  return { min: saturate(a.min * b.min), max: saturate(a.max * b.max) };
}

/** Times a factor, in floating point as the reference computes it, rounded up. */
export function scale({ min, max }: Range, factor: number): Range {
  return { min: scaleOne(min, factor), max: scaleOne(max, factor) };
}

function scaleOne(value: bigint, factor: number): bigint {
  const product = Math.ceil(Number(value) * factor);
  return product >= 2 ** 64 ? MOST : BigInt(product);
}

export function union(a: Range, b: Range): Range {
  return { min: smaller(a.min, b.min), max: a.max === smaller(a.max, b.max) ? b.max : a.max };
}

export function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
