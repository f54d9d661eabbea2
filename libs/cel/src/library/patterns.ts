import { createRequire } from 'node:module';
import type * as Re2 from 're2js';
import { ArrayList, EvaluationError, type ListValue, type Value } from '../values/value.js';

const require = createRequire(import.meta.url);

/** Loaded with the first pattern: most servers have none at their start, and it takes 50 ms. */
let re2: typeof Re2 | undefined;

export type Pattern = Re2.RE2JS;

/** Instructions of one pattern, and of all that are kept. */
const MAX_SIZE = 100_000;
const MAX_KEPT = 500_000;
let keptSize = 0;
const patterns = new Map<string, Pattern>();

/** Compiles RE2's syntax, whose matching takes linear time. Fails with Go's message. */
export function patternOf(text: string): Pattern {
  const known = patterns.get(text);
  if (known !== undefined) return known;
  re2 ??= require('re2js') as typeof Re2;
  let compiled: Pattern;
  try {
    compiled = re2.RE2JS.compile(text);
  } catch (error) {
    throw new EvaluationError((error as Error).message);
  }
  const size = compiled.programSize();
  if (size > MAX_SIZE) throw new EvaluationError(`error parsing regexp: expression too large: \`${text}\``);
  keptSize += size;
  if (keptSize > MAX_KEPT) {
    patterns.clear();
    keptSize = size;
  }
  patterns.set(text, compiled);
  return compiled;
}

/** Whether the pattern is found somewhere in the text. */
export function matchesPattern(pattern: Pattern, text: Value): boolean {
  return pattern.test(text as string);
}

/** The first match, or an empty text. */
export function findFirst(pattern: Pattern, text: Value): string {
  const matcher = pattern.matcher(text as string);
  return matcher.find() ? (matcher.group() ?? '') : '';
}

/** Matches from the start, all of them or at most `limit`. A negative limit is none. */
export function findAll(pattern: Pattern, text: Value, limit: Value | undefined): ListValue {
  const most = limit === undefined || (limit as bigint) < 0n ? Number.POSITIVE_INFINITY : Number(limit as bigint);
  const matches: string[] = [];
  const matcher = pattern.matcher(text as string);
  let end = -1;
  while (matches.length < most && matcher.find()) {
    // Go drops an empty match that directly follows another match.
    const isEmpty = matcher.start() === matcher.end();
    if (!(isEmpty && matcher.start() === end)) matches.push(matcher.group() ?? '');
    end = matcher.end();
  }
  return new ArrayList(matches);
}
