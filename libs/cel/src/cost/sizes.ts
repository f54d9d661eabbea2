import type { CelEnvironment } from '../program.js';
import type { CelType } from '../type.js';
import { fieldOf } from '../values/json.js';
import { fixed, type Range } from './ranges.js';

/** Where a value comes from: a variable, then fields, `@items`, `@keys` and `@values`. Empty when it was computed. */
export type Path = readonly string[];

/** The bound of what a path leads to, from the declarations of the variables; undefined where they have none. */
export function declaredSize(path: Path, environment: CelEnvironment): Range | undefined {
  const [name, ...steps] = path;
  if (name === undefined || !Object.hasOwn(environment.variables, name)) return undefined;
  // own-lookup: the line above asks for its own
  const variable = environment.variables[name]!;
  let type: CelType | undefined = variable.type;
  for (const step of steps) {
    type = follow(type, step);
    if (type === undefined) return undefined;
  }
  if (steps.length === 0 && variable.size !== undefined) {
    return { min: BigInt(variable.size.min), max: BigInt(variable.size.max) };
  }
  return { min: 0n, max: BigInt(type.maxSize ?? 0) };
}

function follow(type: CelType, step: string): CelType | undefined {
  switch (step) {
    case '@items':
      return type.kind === 'list' ? type.params[0] : type.kind === 'map' ? type.params[1] : undefined;
    case '@values':
      return type.kind === 'map' ? type.params[1] : type.kind === 'list' ? type.params[0] : undefined;
    case '@keys':
      return type.kind === 'map' ? type.params[0] : undefined;
    default:
      if (type.sizedFields) return type.params[1];
      return type.kind === 'struct' && type.fields ? fieldOf(type.fields, step)?.type : undefined;
  }
}

/** Numbers, times and bools have one size. */
export function typeSize(type: CelType): Range | undefined {
  return isScalar(type) ? fixed(1) : undefined;
}

function isScalar(type: CelType): boolean {
  if (type.kind === 'opaque') return type.name === 'optional_type' && isScalar(type.params[0]!);
  return ['bool', 'double', 'duration', 'int', 'timestamp', 'uint'].includes(type.kind);
}
