import { CelCompileError, type CelEnvironment, type CelField, type CelType, cel, compileCel } from '#cel';
import type { FieldCursor } from '../../validation/field-cursor.js';
import { admissionEnvironment, storedAdmissionEnvironment } from './admission-environment.js';

const text = { type: cel.string, optional: true };
const PATCH = cel.object('JSONPatch', { op: text, path: text, from: text, value: { type: cel.dyn, optional: true } });

/** `JSONPatch`, `Object`, `Object.spec`, ...: nobody knows the fields of objects while the expression is compiled. */
export function mutationType(name: string): CelType | undefined {
  if (name === PATCH.name) return PATCH;
  return /^Object(?:\.[A-Za-z_]\w*)*$/.test(name) ? cel.object(name) : undefined;
}

/** What the expressions of mutations evaluate to. */
export const jsonPatchResult = cel.list(PATCH);
export const applyConfigurationResult = cel.object('Object');

interface Use {
  /** The expression may ask the authorizer. */
  readonly authorizer?: boolean;
  /** The expression may make patches and objects. */
  readonly mutates?: boolean;
}

/**
 * Compiles the expressions of a policy while it is validated. What the object had before may use all functions; what is new may
 * use those that the version before this one has, too.
 */
export class PolicyExpressions {
  private readonly variables: Record<string, CelField> = {};

  constructor(
    private readonly hasParams: boolean,
    private readonly known: ReadonlySet<string> = new Set(),
  ) {}

  /** Reports what is wrong with an expression at a child of the cursor's field. */
  check(at: FieldCursor, name: string, expression: string, expected: CelType | readonly CelType[], use?: Use): void {
    this.compile(at, name, expression, expected, use);
  }

  /** The same, for a variable that the expressions after it can use. */
  declare(at: FieldCursor, variable: string, expression: string): void {
    const type = this.compile(at, 'expression', expression, cel.dyn) ?? cel.dyn;
    Object.defineProperty(this.variables, variable, { value: { type }, enumerable: true, configurable: true });
  }

  private compile(
    at: FieldCursor,
    name: string,
    expression: string,
    expected: CelType | readonly CelType[],
    use: Use = {},
  ): CelType | undefined {
    try {
      return compileCel(expression, this.environment(expression, use), expected).type;
    } catch (error) {
      if (!(error instanceof CelCompileError)) throw error;
      at.invalid(name, expression, error.message);
      return undefined;
    }
  }

  private environment(expression: string, { authorizer = true, mutates = false }: Use): CelEnvironment {
    const base = this.known.has(expression) ? storedAdmissionEnvironment : admissionEnvironment;
    return {
      ...base,
      authorizer,
      ...(mutates ? { jsonPatch: true, resolveType: mutationType } : undefined),
      variables: {
        ...base.variables,
        ...(this.hasParams ? { params: { type: cel.dyn } } : undefined),
        variables: { type: cel.object('kubernetes.variables', this.variables) },
      },
    };
  }
}
