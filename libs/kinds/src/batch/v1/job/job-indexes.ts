import { quote } from '#apimachinery';

/** Indexes of an Indexed Job as text: `0,2-4,7`. */

/** How many there are, or what is wrong with the text. */
export function countIndexes(text: string, completions: number): number | string {
  if (text === '') return 0;
  let last: number | undefined;
  let total = 0;
  for (const part of text.split(',')) {
    const interval = parseInterval(part, completions);
    if (typeof interval === 'string') return interval;
    const [first, end] = interval;
    if (last !== undefined && last >= first) return `non-increasing order, previous: ${last}, current: ${first}`;
    total += end - first + 1;
    last = end;
  }
  return total;
}

function parseInterval(text: string, completions: number): [number, number] | string {
  const limits = text.split('-');
  if (limits.length > 2) {
    const rule = "violates the requirement that an index interval can have at most two parts separated by '-'";
    return `the fragment ${quote(text)} ${rule}`;
  }
  const numbers: number[] = [];
  for (const limit of limits) {
    if (!/^[+-]?\d+$/.test(limit)) return `cannot convert string to integer for index: ${quote(limit)}`;
    if (Number(limit) >= completions) return `too large index: ${quote(limit)}`;
    numbers.push(Number(limit));
  }
  const [first, end = first] = numbers as [number, number?];
  if (numbers.length === 2 && first >= end) return `non-increasing order, previous: ${first}, current: ${end}`;
  return [first, end];
}

/** The first index that both texts have; parts that cannot be read are passed over. */
export function sharedIndex(a: string, b: string, completions: number): number | undefined {
  const left = intervals(a, completions);
  const right = intervals(b, completions);
  for (let i = 0, j = 0; i < left.length && j < right.length; ) {
    const [x, y] = left[i]!;
    const [u, v] = right[j]!;
    if (x <= v && u <= y) return Math.max(x, u);
    if (x <= u) i++;
    else j++;
  }
  return undefined;
}

function intervals(text: string, completions: number): [number, number][] {
  if (text === '') return [];
  const parsed = text.split(',').map((part) => parseInterval(part, completions));
  return parsed.filter((interval): interval is [number, number] => typeof interval !== 'string');
}
