import type { KindRules } from '../facts/facts.js';

/** Reads the enum and range entries of `validation.json`, whose keys name fields by the end of their path. */

export interface Bound {
  min?: number;
  max?: number;
}

const simpleName = /^[A-Za-z][\w.]*$/;

export function enumsOf(rules: KindRules): Map<string, readonly string[]> {
  return new Map(Object.entries(rules.enum ?? {}).filter(([name]) => simpleName.test(name)));
}

/** `name: [min, max]`, `name min: n`, `name max: n`, and the rules `not negative: a, b`. */
export function boundsOf(rules: KindRules): Map<string, Bound> {
  const bounds = new Map<string, Bound>();
  const add = (name: string, bound: Bound): void => {
    if (simpleName.test(name)) bounds.set(name, { ...bounds.get(name), ...bound });
  };
  for (const [key, value] of Object.entries(rules.range ?? {})) {
    if (Array.isArray(value)) add(key, { min: value[0], max: value[1] });
    else if (value === 'port') add(key.replaceAll('[*]', ''), { min: 1, max: 65_535 });
    else if (typeof value === 'number' && key.endsWith(' min')) add(key.slice(0, -4), { min: value });
    else if (typeof value === 'number' && key.endsWith(' max')) add(key.slice(0, -4), { max: value });
  }
  for (const rule of rules.rules ?? []) {
    if (!rule.startsWith('not negative: ')) continue;
    for (const name of rule.slice('not negative: '.length).split(', ')) add(name, { min: 0 });
  }
  return bounds;
}

/** The entry whose key is the path or its longest ending. */
export function longestMatch<T>(entries: ReadonlyMap<string, T>, path: string): T | undefined {
  if (entries.size === 0) return undefined;
  for (let rest = path; ; ) {
    const found = entries.get(rest);
    if (found !== undefined) return found;
    const dot = rest.indexOf('.');
    if (dot < 0) return undefined;
    rest = rest.slice(dot + 1);
  }
}
