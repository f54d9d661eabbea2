import { ownValue } from '#apimachinery';
import type { Setter } from '../contract/kind-module.js';
import type { Field, StructType, TypeRef } from '../schema/type-graph.js';

/** Gives an unset field its literal; objects and lists are made anew each time. */
export function assignerFor(name: string, value: unknown, isUnset: (value: unknown) => boolean): Setter {
  const make = typeof value === 'object' && value !== null ? () => structuredClone(value) : () => value;
  return (object) => {
    // own-lookup: a name of the schema, like all in this file
    if (isUnset(object[name])) {
      // own-lookup: as above
      object[name] = make();
    }
  };
}

export const isMissing = (value: unknown): boolean => value === undefined || value === null;
export const isMissingOrEmpty = (value: unknown): boolean => isMissing(value) || value === '';
const isMissingOrZero = (value: unknown): boolean => isMissingOrEmpty(value) || value === 0;

/** Rules of a type by field, for defaults that the facts have in words. */
export type TypeRules = Readonly<Record<string, Setter>>;

/**
 * Defaults that hold wherever a type occurs, compiled for each type on first use; types with none below them cost
 * nothing. `rules` are the kinds', by schema name.
 */
export class TypeDefaults {
  private readonly compiled = new Map<StructType, Setter | undefined>();
  private readonly reach = new Map<StructType, boolean>();

  constructor(private readonly rules: ReadonlyMap<string, TypeRules>) {}

  /** The defaulter of a type and all below it; undefined when there is nothing to fill in. Throws for a rule without code. */
  of(type: StructType): Setter | undefined {
    if (!this.reaches(type)) return undefined;
    if (!this.compiled.has(type)) this.compiled.set(type, this.compile(type));
    return this.compiled.get(type);
  }

  private reaches(type: StructType): boolean {
    const known = this.reach.get(type);
    if (known !== undefined) return known;
    this.reach.set(type, false);
    let found = Object.keys(type.defaults).length > 0;
    for (const field of type.fields.values()) {
      const below = structBelow(field.ref);
      if (!found && below !== undefined && !field.gatedOff) found = this.reaches(below);
    }
    this.reach.set(type, found);
    return found;
  }

  private compile(type: StructType): Setter {
    const own = this.ownSetters(type);
    const below: { name: string; set: Setter }[] = [];
    for (const field of type.fields.values()) {
      if (field.gatedOff) continue;
      const set = this.walkerOf(field.ref);
      if (set !== undefined) below.push({ name: field.name, set });
    }
    return (object) => {
      for (let i = 0; i < own.length; i++) own[i]!(object);
      for (let i = 0; i < below.length; i++) {
        const { name, set } = below[i]!;
        // own-lookup: as above
        const value = object[name];
        if (value !== undefined && value !== null) set(value);
      }
    };
  }

  private ownSetters(type: StructType): Setter[] {
    const rules = this.rules.get(type.name);
    const setters: Setter[] = [];
    for (const [name, value] of Object.entries(type.defaults)) {
      const rule = ownValue(rules, name);
      if (rule !== undefined) setters.push(rule);
      else if (type.hasZeroValues && typeof value === 'string' && value.startsWith('=')) {
        throw new Error(`no code for the default of ${type.name} ${name}: ${value}`);
      } else setters.push(assignerFor(name, value, unsetOf(type, type.fields.get(name))));
    }
    return setters;
  }

  private walkerOf(ref: TypeRef): Setter | undefined {
    switch (ref.kind) {
      case 'struct':
        return this.of(ref.type);
      case 'list': {
        const item = this.walkerOf(ref.item);
        if (item === undefined) return undefined;
        return (list) => {
          for (const value of list) if (value !== null) item(value);
        };
      }
      case 'map': {
        const item = this.walkerOf(ref.value);
        if (item === undefined) return undefined;
        return (map) => {
          for (const key in map) if (map[key] !== null) item(map[key]);
        };
      }
      default:
        return undefined;
    }
  }
}

function unsetOf(type: StructType, field: Field | undefined): (value: unknown) => boolean {
  if (!type.hasZeroValues) return isMissing;
  return field?.presence === 'always' ? isMissingOrZero : isMissingOrEmpty;
}

function structBelow(ref: TypeRef): StructType | undefined {
  switch (ref.kind) {
    case 'struct':
      return ref.type;
    case 'list':
      return structBelow(ref.item);
    case 'map':
      return structBelow(ref.value);
    default:
      return undefined;
  }
}
