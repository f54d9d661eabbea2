import { CelCompileError, type CelEnvironment, type CelField, type CelType, cel, compileCel } from '#cel';
import type { ExpressionWarning, ValidatingAdmissionPolicySpec } from '../../../generated/types.js';
import { storedAdmissionEnvironment } from '../admission-environment.js';

/** A kind that the policy is about; without type nobody knows its fields, and expressions may name any. */
export interface CheckedKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly type: CelType | undefined;
}

/**
 * What would fail in the expressions of a policy for objects of these kinds: an expression that is right for one may be wrong
 * for another. A policy works all the same. Gives a warning or nothing after each expression, so that others can have their turn.
 */
export function* typeWarnings(
  { validations = [], variables = [], paramKind }: ValidatingAdmissionPolicySpec,
  kinds: readonly CheckedKind[],
  params: CelType | undefined,
): Generator<ExpressionWarning | undefined> {
  const checks: { kind: CheckedKind; environment: CelEnvironment }[] = [];
  for (const kind of kinds) {
    const fields: Record<string, CelField> = {};
    const environment = environmentOf(kind.type, paramKind ? (params ?? cel.dyn) : undefined, fields);
    for (const { name, expression } of variables) {
      const { type = cel.dyn } = checked(expression, environment());
      Object.defineProperty(fields, name, { value: { type }, enumerable: true, configurable: true });
      yield undefined;
    }
    checks.push({ kind, environment: environment() });
  }
  for (const [i, validation] of validations.entries()) {
    for (const name of ['expression', 'messageExpression'] as const) {
      const text = validation[name];
      if (!text) continue;
      const problems: string[] = [];
      for (const { kind, environment } of checks) {
        const { error } = checked(text, environment);
        if (error !== undefined) problems.push(`${kind.group}/${kind.version}, Kind=${kind.kind}: ${error}\n`);
        yield undefined;
      }
      if (problems.length > 0) yield { fieldRef: `spec.validations[${i}].${name}`, warning: problems.join('\n') };
    }
  }
}

function environmentOf(
  object: CelType = cel.dyn,
  params: CelType | undefined,
  variables: Record<string, CelField>,
): () => CelEnvironment {
  return () => ({
    ...storedAdmissionEnvironment,
    authorizer: true,
    variables: {
      ...storedAdmissionEnvironment.variables,
      object: { type: object },
      oldObject: { type: object },
      ...(params ? { params: { type: params } } : undefined),
      variables: { type: cel.object('kubernetes.variables', variables) },
    },
  });
}

function checked(expression: string, environment: CelEnvironment): { type?: CelType; error?: string } {
  try {
    return { type: compileCel(expression, environment).type };
  } catch (error) {
    if (!(error instanceof CelCompileError)) throw error;
    return { error: error.message.replace(/^compilation failed: /, '') };
  }
}
