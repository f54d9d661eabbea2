import { goJson } from '#apimachinery';

const contextLines = 3;

/** What differs between two values, as one hunk of a unified diff of their indented JSON. Empty when nothing does. */
export function unifiedDiff(before: unknown, after: unknown): string {
  const a = lines(before);
  const b = lines(after);
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let tail = 0;
  while (tail < a.length - start && tail < b.length - start && a.at(-1 - tail) === b.at(-1 - tail)) tail++;
  if (start === a.length && start === b.length) return '';
  const from = Math.max(0, start - contextLines);
  const kept = Math.min(tail, contextLines);
  const endA = a.length - tail;
  const endB = b.length - tail;
  return [
    `@@ -${range(from, endA + kept - from)} +${range(from, endB + kept - from)} @@`,
    ...a.slice(from, start).map((line) => ` ${line}`),
    ...a.slice(start, endA).map((line) => `-${line}`),
    ...b.slice(start, endB).map((line) => `+${line}`),
    ...a.slice(endA, endA + kept).map((line) => ` ${line}`),
    '',
  ].join('\n');
}

function range(from: number, count: number): string {
  return count === 1 ? `${from + 1}` : `${from + 1},${count}`;
}

/** Keys sorted, so that their order is no difference. */
function lines(value: unknown): string[] {
  return JSON.stringify(JSON.parse(goJson(value ?? null)), null, ' ').split('\n');
}
