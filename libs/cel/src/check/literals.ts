import { parseFormat, refusal } from '../library/format-text.js';
import { patternOf } from '../library/patterns.js';
import { type Call, type Expr, walk } from '../syntax/ast.js';
import type { ErrorReport } from '../syntax/source.js';
import { type CelType, formatType, isDyn, sameType } from '../type.js';
import { parseGoDuration, parseTimestamp } from '../values/times.js';
import { EvaluationError } from '../values/value.js';

/**
 * Checks of cel-go beyond types: literal times, durations, patterns and formats, and literal lists of several types. Old
 * versions have only the last of these.
 */
export function checkLiterals(expr: Expr, strict: boolean, errors: ErrorReport): void {
  walk(expr, (node, parents) => {
    if (node.kind === 'call') {
      if (strict) checkCall(node, errors);
    } else if (node.kind === 'list' || node.kind === 'map') {
      if (!parents.some((parent) => parent.kind === 'call' && parent.name === 'format')) checkMembers(node, errors);
    }
  });
}

const ARGUMENTS = new Map<string, (text: string) => unknown>([
  ['duration', parseGoDuration],
  ['timestamp', parseTimestamp],
  ['matches', patternOf],
]);

function checkCall(call: Call, errors: ErrorReport): void {
  if (call.name === 'format') checkFormat(call, errors);
  const parse = ARGUMENTS.get(call.name);
  const argument = call.args[0];
  if (parse === undefined || argument?.kind !== 'literal' || typeof argument.value !== 'string') return;
  if (!succeeds(() => parse(argument.value as string) !== undefined)) {
    errors.add(`invalid ${call.name} argument`, argument.at);
  }
}

function succeeds(parse: () => boolean): boolean {
  try {
    return parse();
  } catch (error) {
    if (error instanceof EvaluationError) return false;
    throw error;
  }
}

/** Literals may not mix types, not even where one of them is dyn. */
function checkMembers(node: Expr & { kind: 'list' | 'map' }, errors: ErrorReport): void {
  const same = (members: readonly { readonly expr: Expr; readonly type: CelType }[]) => {
    const [first, ...others] = members;
    for (const { expr, type } of others) {
      if (sameType(first!.type, type)) continue;
      errors.add(`expected type '${formatType(first!.type)}' but found '${formatType(type)}'`, expr.at);
      return;
    }
  };
  const member = (expr: Expr, optional: boolean) => ({
    expr,
    type: optional ? (expr.type!.params[0] ?? expr.type!) : expr.type!,
  });
  if (node.kind === 'list') same(node.elements.map((element, index) => member(element, node.optionals.has(index))));
  else {
    same(node.entries.map(({ key }) => member(key, false)));
    same(node.entries.map(({ value, optional }) => member(value, optional)));
  }
}

/** A literal format with a literal list of arguments. */
function checkFormat(call: Call, errors: ErrorReport): void {
  const { target } = call;
  const list = call.args[0];
  if (target?.kind !== 'literal' || typeof target.value !== 'string' || list?.kind !== 'list') return;
  const args = list.elements;
  let place = call.at;
  try {
    const clauses = parseFormat(target.value, (index) => {
      if (index >= args.length) throw new EvaluationError(`index ${index} out of range`);
    }).filter((part) => typeof part !== 'string');
    for (const [index, { verb }] of clauses.entries()) {
      const wrong = wrongArgument(verb, args[index]!);
      if (wrong === undefined) continue;
      place = wrong.at;
      throw new EvaluationError(`error during formatting: ${refusal(verb, wrong.type!.name)}`);
    }
    if (args.length > clauses.length) {
      errors.add(
        `too many arguments supplied to string.format (expected ${clauses.length}, got ${args.length})`,
        call.at,
      );
    }
  } catch (error) {
    if (!(error instanceof EvaluationError)) throw error;
    errors.add(error.message, place);
  }
}

const ACCEPTED: Readonly<Record<string, readonly string[]>> = {
  s: 'list map int uint double bool string timestamp bytes duration type null'.split(' '),
  d: ['int', 'uint'],
  f: ['double', 'string'],
  e: ['double', 'string'],
  b: ['int', 'uint', 'bool'],
  x: ['int', 'uint', 'string', 'bytes'],
  X: ['int', 'uint', 'string', 'bytes'],
  o: ['int', 'uint'],
};

/** The part of an argument that a clause cannot show. */
function wrongArgument(verb: string, expr: Expr): Expr | undefined {
  const type = expr.type!;
  // own-lookup: verbs are those that parseFormat takes
  if (!isDyn(type) && !ACCEPTED[verb]!.includes(type.kind)) return expr;
  if (verb !== 's') return undefined;
  const parts =
    expr.kind === 'list'
      ? expr.elements
      : expr.kind === 'map'
        ? expr.entries.flatMap((entry) => [entry.key, entry.value])
        : [];
  for (const part of parts) {
    const wrong = wrongArgument(verb, part);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}
