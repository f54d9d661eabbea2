import { isDeepStrictEqual } from 'node:util';

/** Where two values differ first, and what is there. */
export function firstDifference(before: any, after: any, path = ''): string {
  if (isContainer(before) && isContainer(after) && Array.isArray(before) === Array.isArray(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      const [left, right] = [member(before, key), member(after, key)];
      if (!isDeepStrictEqual(left, right)) return firstDifference(left, right, `${path}.${key}`);
    }
  }
  return `${path} ${shown(before)} -> ${shown(after)}`;
}

const isContainer = (value: unknown): value is object => typeof value === 'object' && value !== null;
const member = (value: any, key: string): unknown => (Object.hasOwn(value, key) ? value[key] : undefined);
const shown = (value: unknown): string => (JSON.stringify(value) ?? 'nothing').slice(0, 120);
