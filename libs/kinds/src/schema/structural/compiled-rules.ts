import { CelCompileError, type CelProgram, type CelType, cel, celTypeOfSchema, compileCel } from '#cel';
import type { ValidationRule } from '../../generated/types.js';
import { fieldPathIn } from './field-path.js';
import { timed } from './rule-timing.js';
import type { Structural } from './structural.js';

/** One rule of a schema, as far as it could be compiled. An empty rule has neither program nor error. */
export interface CompiledRule {
  readonly rule: ValidationRule;
  readonly program?: CelProgram;
  readonly error?: string;
  readonly usesOldSelf: boolean;
  readonly message?: CelProgram;
  readonly messageError?: string;
  /** Where errors are shown below the value, when the rule says so. */
  readonly fieldPath?: string;
}

/** Which functions an expression may use: those of the release, or all that were ever stored. */
export type Epoch = 'new' | 'stored';

/** The type of `self` at a place; undefined for one that expressions cannot see. */
export function selfType(place: Structural): CelType | undefined {
  return celTypeOfSchema(place.schema, place.embedded);
}

export function compileRules(
  place: Structural,
  self: CelType,
  epoch: (expression: string) => Epoch = () => 'stored',
): CompiledRule[] {
  return timed('compiled', () => place.rules.map((rule) => compileRule(rule, place, self, epoch)));
}

function compileRule(
  rule: ValidationRule,
  place: Structural,
  self: CelType,
  epoch: (expression: string) => Epoch,
): CompiledRule {
  if ((rule.rule ?? '').trim() === '') return { rule, usesOldSelf: false };
  const oldSelf = rule.optionalOldSelf ? cel.optional(self) : self;
  const compile = (source: string, wanted: string): CelProgram | string => {
    const version = epoch(source) === 'stored' ? { version: 'stored' } : {};
    try {
      const program = compileCel(source, {
        variables: { self: { type: self }, oldSelf: { type: oldSelf } },
        ...version,
      });
      return program.type.kind === wanted ? program : `must evaluate to a ${wanted}`;
    } catch (error) {
      if (error instanceof CelCompileError) return error.message;
      throw error;
    }
  };
  const program = compile(rule.rule, 'bool');
  if (typeof program === 'string') {
    const error = program.startsWith('must') ? `cel expression ${program}` : program;
    return { rule, usesOldSelf: false, error };
  }
  const made = { rule, program, usesOldSelf: program.uses.has('oldSelf') };
  if (!rule.messageExpression) return { ...made, ...fieldPathOf(rule, place) };
  const message = compile(rule.messageExpression, 'string');
  // As upstream has it, a message that is no good takes the path with it.
  if (typeof message === 'string') return { ...made, messageError: `messageExpression ${message}` };
  return { ...made, message, ...fieldPathOf(rule, place) };
}

function fieldPathOf({ fieldPath }: ValidationRule, place: Structural): { fieldPath?: string } {
  if (!fieldPath) return {};
  const found = fieldPathIn(place, fieldPath);
  return typeof found === 'string' || found.path === undefined ? {} : { fieldPath: found.path.toString() };
}
