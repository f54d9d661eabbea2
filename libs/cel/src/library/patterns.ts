import { createRequire } from 'node:module';
import type * as Re2 from 're2js';
import { ArrayList, EvaluationError, type ListValue, type Value } from '../values/value.js';

const require = createRequire(import.meta.url);

/** Loaded with the first pattern: most servers have none at their start, and it takes 50 ms. */
let re2: typeof Re2 | undefined;

export type Pattern = Re2.RE2JS;

/** Instructions of one pattern, and of all that are kept: schemas and rules repeat a few. */
const MAX_SIZE = 100_000;
const MAX_KEPT = 1_000_000;

let keptSize = 0;
const kept = new Map<string, Pattern | string>();

/**
 * Compiles RE2's syntax, whose matching takes linear time: JavaScript's own expressions may take for ever on a text that a user chose,
 * and mean other things by some. A text with what Go says is wrong with it when it is none.
 */
export function compilePattern(text: string): Pattern | string {
  let compiled = kept.get(text);
  if (compiled === undefined) {
    compiled = compile(text);
    keptSize += sizeOf(compiled);
    for (const [oldest, old] of kept) {
      if (keptSize <= MAX_KEPT) break;
      kept.delete(oldest);
      keptSize -= sizeOf(old);
    }
    kept.set(text, compiled);
  }
  return compiled;
}

function compile(text: string): Pattern | string {
  re2 ??= require('re2js') as typeof Re2;
  try {
    const compiled = re2.RE2JS.compile(text);
    return compiled.programSize() <= MAX_SIZE ? compiled : `error parsing regexp: expression too large: \`${text}\``;
  } catch (error) {
    if (error instanceof re2.RE2JSException) return error.message;
    throw error;
  }
}

/** What a pattern takes, in instructions; the text of one that is none counts as well. */
function sizeOf(compiled: Pattern | string): number {
  return typeof compiled === 'string' ? compiled.length : compiled.programSize();
}

/** The compiled pattern. Fails with Go's message, and with what else may keep a pattern from being compiled. */
export function patternOf(text: string): Pattern {
  let compiled: Pattern | string;
  try {
    compiled = compilePattern(text);
  } catch (error) {
    compiled = (error as Error).message;
  }
  if (typeof compiled === 'string') throw new EvaluationError(compiled);
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
