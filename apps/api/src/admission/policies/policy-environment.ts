import { type CelEnvironment, type CelField, type CelType, cel } from '#cel';
import { storedAdmissionEnvironment, type Variable } from '#kinds';
import { type CompiledExpression, compileExpression } from '../compiled-expression.js';

/** The variables of a policy, and the environment that knows them. */
export interface PolicyEnvironment {
  readonly environment: CelEnvironment;
  /** Of `variables`. */
  readonly variablesType: CelType;
  readonly variables: ReadonlyMap<string, CompiledExpression>;
}

const VARIABLES = 'kubernetes.variables';

/** Each variable sees those before it. */
export function policyEnvironment(hasParams: boolean, variables: readonly Variable[]): PolicyEnvironment {
  const known: Record<string, CelField> = {};
  const compiled = new Map<string, CompiledExpression>();
  const environmentWith = (type: CelType): CelEnvironment => ({
    ...storedAdmissionEnvironment,
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
