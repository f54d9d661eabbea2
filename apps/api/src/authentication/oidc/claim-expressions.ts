import type { UserInfo } from '#apimachinery';
import { type CelEnvironment, type CelProgram, type CelType, cel, compileCel, escapeCelName } from '#cel';

/** Units of cost of one evaluation: the reference's limit for a call. */
const COST_LIMIT = 1_000_000;

const text = { type: cel.string, optional: true };
const USER = cel.object('kubernetes.UserInfo', {
  username: text,
  uid: text,
  groups: { type: cel.list(cel.string), optional: true },
  extra: { type: cel.map(cel.string, cel.list(cel.string)), optional: true },
});

const CLAIMS_ENVIRONMENT: CelEnvironment = {
  version: 'stored',
  variables: { claims: { type: cel.map(cel.string, cel.any) } },
};
const USER_ENVIRONMENT: CelEnvironment = { version: 'stored', variables: { user: { type: USER } } };

/** Throws an error in the reference's words. `expected` absent: a value of any type. */
export function compileClaimExpression(expression: string, expected?: CelType): CelProgram {
  return compiled(expression, CLAIMS_ENVIRONMENT, expected);
}

export function compileUserExpression(expression: string): CelProgram {
  return compiled(expression, USER_ENVIRONMENT, cel.bool);
}

function compiled(expression: string, environment: CelEnvironment, expected: CelType | undefined): CelProgram {
  const program = compileCel(expression, environment);
  if (expected !== undefined && program.type.kind !== expected.kind) {
    throw new Error(`must evaluate to ${expected.name}`);
  }
  return program;
}

/** What expressions see of the claims of one token. */
export function claimVariables(claims: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return { claims: withFieldNames(claims) };
}

export function userVariables({ name, uid = '', groups, extra = {} }: UserInfo): Record<string, unknown> {
  return { user: { username: name, uid, groups, extra: withFieldNames(extra) } };
}

/** Throws an error that shows the expression. */
export function evaluate(program: CelProgram, variables: Readonly<Record<string, unknown>>): unknown {
  try {
    return program.evaluate(variables, { costLimit: COST_LIMIT }).value;
  } catch (error) {
    throw new Error(`expression '${program.source}' resulted in error: ${(error as Error).message}`);
  }
}

/** A text or a list of texts, of which empty ones count for nothing. */
export function textsOf(value: unknown): string[] {
  const found = value === null ? [] : Array.isArray(value) ? value : [value];
  if (!found.every((item): item is string => typeof item === 'string')) {
    throw new Error('expression must return a string or a list of strings');
  }
  return found.filter((item) => item !== '');
}

/**
 * A copy in which `claims.foo__dot__bar` finds the member `foo.bar`. The additional names are hidden: whatever walks over an object meets
 * each member once.
 */
function withFieldNames(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withFieldNames);
  if (typeof value !== 'object' || value === null) return value;
  const named = {};
  for (const [key, member] of Object.entries(value)) {
    const shown = { value: withFieldNames(member), configurable: true, writable: true };
    Object.defineProperty(named, key, { ...shown, enumerable: true });
    const escaped = escapeCelName(key);
    if (escaped !== undefined && escaped !== key && !Object.hasOwn(value, escaped)) {
      Object.defineProperty(named, escaped, { ...shown, enumerable: false });
    }
  }
  return named;
}
