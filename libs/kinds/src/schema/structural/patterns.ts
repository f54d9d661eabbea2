import { RE2JS, RE2JSException } from 're2js';

/**
 * Regular expressions of users, in the syntax and with the linear time of RE2. JavaScript's own may take for ever on a
 * text that a user chose, and means other things by some expressions.
 */

/** Instructions of one expression, and of all that are kept: schemas repeat a few. */
const MAX_SIZE = 100_000;
const MAX_KEPT = 1_000_000;

let keptSize = 0;
const kept = new Map<string, RE2JS | string>();

/** Whether a text has a match; a text with what is wrong with the expression when it is none. */
export function matchPattern(pattern: string, text: string): boolean | string {
  const compiled = compilePattern(pattern);
  return typeof compiled === 'string' ? compiled : compiled.test(text);
}

/** What Go's compiler says is wrong; undefined for a good expression. */
export function patternProblem(pattern: string): string | undefined {
  const compiled = compilePattern(pattern);
  return typeof compiled === 'string' ? compiled : undefined;
}

function compilePattern(pattern: string): RE2JS | string {
  let compiled = kept.get(pattern);
  if (compiled === undefined) {
    compiled = compile(pattern);
    keptSize += sizeOf(compiled);
    for (const [oldest, old] of kept) {
      if (keptSize <= MAX_KEPT) break;
      kept.delete(oldest);
      keptSize -= sizeOf(old);
    }
    kept.set(pattern, compiled);
  }
  return compiled;
}

function compile(pattern: string): RE2JS | string {
  try {
    const compiled = RE2JS.compile(pattern);
    return compiled.programSize() <= MAX_SIZE ? compiled : `error parsing regexp: expression too large: \`${pattern}\``;
  } catch (error) {
    if (error instanceof RE2JSException) return error.message;
    throw error;
  }
}

/** What an expression takes, in instructions; the text of one that is none counts as well. */
function sizeOf(compiled: RE2JS | string): number {
  return typeof compiled === 'string' ? compiled.length : compiled.programSize();
}
