import type { Pod } from '#kinds';

export const COMPLETION_INDEX = 'batch.kubernetes.io/job-completion-index';

/** Which completion of an Indexed Job the pod works on. */
export function indexOf(pod: Pod): number | undefined {
  const text = pod.metadata.annotations?.[COMPLETION_INDEX];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** `0,2-4` to a set. */
export function parseIndexes(text: string | undefined): Set<number> {
  const indexes = new Set<number>();
  for (const range of text ? text.split(',') : []) {
    const [from, to = from] = range.split('-').map(Number);
    for (let index = from!; index <= to!; index++) indexes.add(index);
  }
  return indexes;
}

/** A set to `0,2-4`: two neighbours are written one by one, three and more as a range. */
export function formatIndexes(indexes: ReadonlySet<number>): string {
  const sorted = [...indexes].sort((a, b) => a - b);
  const parts: string[] = [];
  for (let start = 0; start < sorted.length; ) {
    let end = start;
    while (end + 1 < sorted.length && sorted[end + 1] === sorted[end]! + 1) end++;
    if (end === start) parts.push(`${sorted[start]}`);
    else parts.push(`${sorted[start]}${end === start + 1 ? ',' : '-'}${sorted[end]}`);
    start = end + 1;
  }
  return parts.join(',');
}
