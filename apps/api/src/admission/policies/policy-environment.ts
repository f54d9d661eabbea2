import { type CelEnvironment, type CelField, type CelProgram, type CelType, cel, compileCel } from '#cel';
import { storedAdmissionEnvironment, type Variable } from '#kinds';

/** An expression of a policy; one that does not compile fails each time. */
export interface CompiledExpression {
  readonly expression: string;
  readonly program: CelProgram | Error;
}

/** The variables of a policy, and the environment that knows them. */
export interface PolicyEnvironment {
  readonly environment: CelEnvironment;
  /** Of `variables`. */
  readonly variablesType: CelType;
  readonly variables: ReadonlyMap<string, CompiledExpression>;
}

const VARIABLES = 'kubernetes.variables';

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

/** Each variable sees those before it. */
export function policyEnvironment(
  hasParams: boolean,
  variables: readonly Variable[],
  jsonPatch = false,
): PolicyEnvironment {
  const known: Record<string, CelField> = {};
  const compiled = new Map<string, CompiledExpression>();
  const environmentWith = (type: CelType): CelEnvironment => ({
    ...storedAdmissionEnvironment,
    jsonPatch,
    variables: {
      ...storedAdmissionEnvironment.variables,
      ...(hasParams ? { params: { type: cel.dyn } } : undefined),
      variables: { type },
    },
  });
  for (const { name = '', expression = '' } of variables) {
    const variable = compileExpression(expression, environmentWith(cel.object(VARIABLES, known)), cel.dyn);
    const type = variable.program instanceof Error ? cel.dyn : variable.program.type;
    Object.defineProperty(known, name, { value: { type }, enumerable: true, configurable: true });
    compiled.set(name, variable);
  }
  const variablesType = cel.object(VARIABLES, known);
  return { environment: environmentWith(variablesType), variablesType, variables: compiled };
}
