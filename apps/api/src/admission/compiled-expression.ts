import { type CelEnvironment, type CelProgram, type CelType, compileCel } from '#cel';

/** An expression of a policy, or a condition of a webhook; one that does not compile fails each time. */
export interface CompiledExpression {
  readonly expression: string;
  readonly program: CelProgram | Error;
}

export function compileExpression(
  expression: string,
  environment: CelEnvironment,
  expected: CelType | readonly CelType[],
): CompiledExpression {
  try {
    return { expression, program: compileCel(expression, environment, expected) };
  } catch (error) {
    return { expression, program: error as Error };
  }
}
