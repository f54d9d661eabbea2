import { ownValue } from '#apimachinery';
import { defaultsFacts } from '../facts/facts.js';
import { type Field, gateTypeName, type StructType, structType, type TypeRef } from '../schema/type-graph.js';
import { typeRules } from './type-rules.js';

/** Defaults that hold wherever a type occurs, compiled per type; types with none below them cost nothing. */

export type Setter = (object: any) => void;

/** Gives an unset field its literal; objects and lists are made anew each time. */
export function assignerFor(name: string, value: unknown, zeroIsUnset: boolean): Setter {
  const make = typeof value === 'object' && value !== null ? () => structuredClone(value) : () => value;
  return (object) => {
    // own-lookup: a name of the facts, like all in this file
    const current = object[name];
    if (current === undefined || current === null || current === '' || (zeroIsUnset && current === 0)) {
      // own-lookup: as above
      object[name] = make();
    }
  };
}

let ownDefaults: Map<string, Record<string, unknown>> | undefined;

/** `core/v1.A|B` in the facts stands for both types. */
function ownOf(type: StructType): Record<string, unknown> | undefined {
  if (ownDefaults === undefined) {
    ownDefaults = new Map();
    for (const [names, defaults] of Object.entries(defaultsFacts().types)) {
      const dot = names.lastIndexOf('.');
      for (const name of names.slice(dot + 1).split('|')) ownDefaults.set(`${names.slice(0, dot)}.${name}`, defaults);
    }
  }
  return ownDefaults.get(gateTypeName(type.name));
}

const compiled = new Map<string, Setter | undefined>();
const reach = new Map<string, boolean>();

/** The defaulter of a type and all below it; undefined when there is nothing to fill in. */
export function typeDefaulter(name: string): Setter | undefined {
  if (!hasDefaults(structType(name))) return undefined;
  if (!compiled.has(name)) compiled.set(name, compile(structType(name)));
  return compiled.get(name);
}

function hasDefaults(type: StructType): boolean {
  const known = reach.get(type.name);
  if (known !== undefined) return known;
  reach.set(type.name, false);
  let found = ownOf(type) !== undefined;
  for (const field of type.fields.values()) {
    const below = structBelow(field.ref);
    if (!found && below !== undefined && !field.gatedOff) found = hasDefaults(below);
  }
  reach.set(type.name, found);
  return found;
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

function compile(type: StructType): Setter {
  const own = ownSetters(type);
  const below: { name: string; set: Setter }[] = [];
  for (const field of type.fields.values()) {
    if (field.gatedOff) continue;
    const set = walkerOf(field.ref);
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

function ownSetters(type: StructType): Setter[] {
  const rules = typeRules[gateTypeName(type.name)] ?? {};
  const setters: Setter[] = [];
  for (const [name, value] of Object.entries(ownOf(type) ?? {})) {
    const rule = ownValue(rules, name);
    if (rule !== undefined) setters.push(rule);
    else if (typeof value === 'string' && value.startsWith('=')) {
      throw new Error(`no code for the default of ${type.name} ${name}: ${value}`);
    } else setters.push(assignerFor(name, value, zeroIsUnset(type.fields.get(name))));
  }
  return setters;
}

function zeroIsUnset(field: Field | undefined): boolean {
  return field?.presence === 'always';
}

function walkerOf(ref: TypeRef): Setter | undefined {
  switch (ref.kind) {
    case 'struct':
      return typeDefaulter(ref.type.name);
    case 'list': {
      const item = walkerOf(ref.item);
      if (item === undefined) return undefined;
      return (list) => {
        for (const value of list) if (value !== null) item(value);
      };
    }
    case 'map': {
      const item = walkerOf(ref.value);
      if (item === undefined) return undefined;
      return (map) => {
        for (const key in map) if (map[key] !== null) item(map[key]);
      };
    }
    default:
      return undefined;
  }
}
