import { appendAll, type FieldError, FieldPath, field, type KubeObject, ownValue, semanticEqual } from '#apimachinery';
import type { KindRules } from '../facts/facts.js';
import type { Field, StructType, TypeRef } from '../schema/type-graph.js';
import { type Bound, boundsOf, enumsOf, longestMatch } from './fact-rules.js';
import { ruleChecks } from './rule-checks.js';

/**
 * Validation that follows from the facts alone: required fields, allowed values, ranges, immutable fields, and the rules
 * in words that several kinds share. It serves kinds that have no full validation of their own.
 */
export interface FactChecks {
  validate(object: KubeObject): FieldError[];
  /** What an update may not change. */
  validateUnchanged(object: KubeObject, old: KubeObject): FieldError[];
}

type Check = (value: any, path: FieldPath | undefined, errors: FieldError[]) => void;

/** Required strings whose empty value means something. */
const mayBeEmpty = new Set([
  'io.k8s.api.core.v1.HTTPHeader.value',
  'io.k8s.api.core.v1.Sysctl.value',
  // The audience of the API server.
  'io.k8s.api.storage.v1.TokenRequest.audience',
  // The core group.
  'io.k8s.apimachinery.pkg.apis.meta.v1.GroupResource.group',
  'io.k8s.apimachinery.pkg.apis.meta.v1.Condition.message',
]);

/** Compiles the checks of a kind: its type, and its rules in `validation.json`. */
export function factChecks(type: StructType, rules: KindRules): FactChecks {
  const fields = new Compiler(rules).ofRoot(type);
  const required = (rules.required ?? []).map((path) => path.split('.'));
  const shared = (rules.rules ?? []).map(ruleChecks).filter((check) => check !== undefined);
  const immutable = (rules.immutable ?? []).map(immutablePath).filter((rule) => rule !== undefined);
  return {
    validate(object) {
      const errors: FieldError[] = [];
      for (const steps of required) requireAt(object, steps, errors);
      const named = new Set(errors.map((error) => error.field));
      const found: FieldError[] = [];
      fields(object, undefined, found);
      appendAll(
        errors,
        found.filter((error) => !named.has(error.field)),
      );
      for (const check of shared) appendAll(errors, check(object));
      return errors;
    },
    validateUnchanged(object, old) {
      const errors: FieldError[] = [];
      for (const { path, forbidden, onceSet } of immutable) {
        const before = valueAt(old, path);
        const after = valueAt(object, path);
        if (semanticEqual(after, before) || (onceSet && isUnset(before))) continue;
        const name = path.join('.');
        errors.push(
          forbidden
            ? field.forbidden(name, 'may not be changed in an update.')
            : field.immutable(name, after === undefined ? null : after),
        );
      }
      return errors;
    },
  };
}

function valueAt(object: any, path: readonly string[]): unknown {
  let value = object;
  for (const step of path) value = ownValue(value, step);
  return value;
}

function isUnset(value: unknown): boolean {
  return value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0);
}

function requireAt(object: KubeObject, steps: string[], errors: FieldError[]): void {
  if (isUnset(valueAt(object, steps))) errors.push(field.required(steps.join('.')));
}

/** `spec.selector`, `value (Forbidden)`, `spec.providerID once set`; anything longer needs code of its own. */
function immutablePath(text: string): { path: string[]; forbidden: boolean; onceSet: boolean } | undefined {
  const match = /^([\w.]+)( \(Forbidden\))?( once set)?$/.exec(text);
  if (match === null) return undefined;
  return { path: match[1]!.split('.'), forbidden: match[2] !== undefined, onceSet: match[3] !== undefined };
}

class Compiler {
  private readonly enums: ReadonlyMap<string, readonly string[]>;
  private readonly bounds: ReadonlyMap<string, Bound>;

  constructor(rules: KindRules) {
    this.enums = enumsOf(rules);
    this.bounds = boundsOf(rules);
  }

  /** The object but its metadata and status: those are checked elsewhere, or the server's own. */
  ofRoot(type: StructType): Check {
    const own = ['apiVersion', 'kind', 'metadata', 'status'];
    return this.ofFields(
      type,
      [...type.fields.values()].filter(({ name }) => !own.includes(name)),
      '',
      [type.name],
    );
  }

  private ofFields(type: StructType, fields: Field[], at: string, above: string[]): Check {
    const { required, hasZeroValues } = type;
    const checks: { name: string; needed: boolean; check: Check | undefined }[] = [];
    for (const item of fields) {
      if (item.gatedOff) continue;
      const path = at === '' ? item.name : `${at}.${item.name}`;
      const check = this.ofRef(item.ref, path, above, longestMatch(this.enums, path) ?? item.facts.enum);
      const needed = required.has(item.name) && !mayBeEmpty.has(`${type.name}.${item.name}`);
      if (check !== undefined || needed) checks.push({ name: item.name, needed, check });
    }
    return (value, parent, errors) => {
      for (const { name, needed, check } of checks) {
        const item = ownValue(value, name);
        if (item === undefined || item === null || (item === '' && hasZeroValues)) {
          if (needed) errors.push(field.required(parent === undefined ? name : parent.child(name)));
        } else if (check !== undefined) {
          check(item, parent === undefined ? FieldPath.of(name) : parent.child(name), errors);
        }
      }
    };
  }

  private ofRef(ref: TypeRef, path: string, above: string[], values: readonly string[] | undefined): Check | undefined {
    switch (ref.kind) {
      case 'scalar':
        return this.ofScalar(path, values);
      case 'struct':
        if (above.includes(ref.type.name)) return undefined;
        return this.ofFields(ref.type, [...ref.type.fields.values()], path, [...above, ref.type.name]);
      case 'list': {
        // The bound of a list is the number of its items, not the length of each.
        const item =
          ref.item.kind === 'scalar' ? this.ofScalar(path, values, true) : this.ofRef(ref.item, path, above, values);
        const bound = longestMatch(this.bounds, path);
        if (item === undefined && bound === undefined) return undefined;
        return (list, at, errors) => {
          if (bound?.max !== undefined && list.length > bound.max)
            errors.push(field.tooMany(at!, list.length, bound.max));
          if (item !== undefined) for (let i = 0; i < list.length; i++) item(list[i], at!.index(i), errors);
        };
      }
      case 'map': {
        const item = this.ofRef(ref.value, path, above, undefined);
        if (item === undefined) return undefined;
        return (map, at, errors) => {
          for (const key in map) item(map[key], at!.key(key), errors);
        };
      }
      default:
        return undefined;
    }
  }

  private ofScalar(path: string, values: readonly string[] | undefined, inList = false): Check | undefined {
    const bound = longestMatch(this.bounds, path);
    if (values === undefined && bound === undefined) return undefined;
    return (value, at, errors) => {
      if (typeof value === 'number' && bound !== undefined) {
        const text = outside(value, bound);
        if (text !== undefined) errors.push(field.invalid(at!, value, text));
      } else if (typeof value === 'string') {
        if (values !== undefined && !values.includes(value)) errors.push(field.notSupported(at!, value, values));
        if (!inList && bound?.max !== undefined && Buffer.byteLength(value) > bound.max)
          errors.push(field.tooLong(at!, bound.max));
      }
    };
  }
}

function outside(value: number, { min, max }: Bound): string | undefined {
  if ((min === undefined || value >= min) && (max === undefined || value <= max)) return undefined;
  if (min !== undefined && max !== undefined) return `must be between ${min} and ${max}, inclusive`;
  return min === undefined ? `must be less than or equal to ${max}` : `must be greater than or equal to ${min}`;
}
