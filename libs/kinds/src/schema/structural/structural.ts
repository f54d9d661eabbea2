import { deepCopy } from '#apimachinery';
import type { JSONSchemaProps, ValidationRule } from '../../generated/types.js';
import type { FieldCursor } from '../../validation/field-cursor.js';

/** A CRD's `openAPIV3Schema` as it is stored. */
export type StructuralSchema = JSONSchemaProps;

/** Names that the server defines at the root of every object, and of every embedded one. */
export const META_FIELDS: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata']);

/**
 * One place of a structural schema: what says where a value is and how it is kept. Conditions on values are not here; see
 * value-schema.ts. Places are made when something asks for them: a definition that nobody uses costs nothing.
 */
export class Structural {
  private propertyMap: ReadonlyMap<string, Structural> | undefined;
  private itemPlace: Structural | undefined;
  private valuePlace: Structural | undefined;
  private defaultMade = false;
  private defaultValue: unknown;

  private constructor(
    readonly schema: StructuralSchema,
    /** The value is a resource of its own: it has apiVersion, kind and metadata whatever the schema says. */
    readonly embedded: boolean,
    /** Within apiVersion, kind or metadata of a resource, which the server prunes by their own types. */
    readonly insideMeta: boolean,
  ) {}

  /** Of whole objects. */
  static root(schema: StructuralSchema): Structural {
    return new Structural(schema, true, false);
  }

  /** Of a part of a schema by itself. */
  static part(schema: StructuralSchema): Structural {
    return new Structural(schema, schema['x-kubernetes-embedded-resource'] === true, false);
  }

  get nullable(): boolean {
    return this.schema.nullable === true;
  }

  get preservesUnknown(): boolean {
    return this.schema['x-kubernetes-preserve-unknown-fields'] === true;
  }

  get listType(): string | undefined {
    return this.schema['x-kubernetes-list-type'];
  }

  get mapKeys(): readonly string[] {
    return this.schema['x-kubernetes-list-map-keys'] ?? NO_KEYS;
  }

  get rules(): readonly ValidationRule[] {
    return this.schema['x-kubernetes-validations'] ?? NO_RULES;
  }

  get properties(): ReadonlyMap<string, Structural> {
    return (this.propertyMap ??= new Map(
      Object.entries(this.schema.properties ?? {}).map(([name, property]) => [name, this.property(name, property)]),
    ));
  }

  get items(): Structural | undefined {
    const { items } = this.schema;
    return isSchema(items) ? (this.itemPlace ??= this.below(items)) : undefined;
  }

  /** True for `additionalProperties` in any form, `false` included: such names are not unknown, whatever is done about them. */
  get hasAdditional(): boolean {
    const { additionalProperties } = this.schema;
    return additionalProperties !== undefined && additionalProperties !== null;
  }

  /** Of values of a map. */
  get additional(): Structural | undefined {
    const { additionalProperties } = this.schema;
    return isSchema(additionalProperties) ? (this.valuePlace ??= this.below(additionalProperties)) : undefined;
  }

  get hasDefault(): boolean {
    return this.schema.default !== undefined && this.schema.default !== null;
  }

  /** The schema's default brought into form once by `prepare`, which may change what it is given. Read only. */
  preparedDefault(prepare: (value: unknown) => unknown): unknown {
    if (!this.defaultMade) {
      this.defaultValue = prepare(deepCopy(this.schema.default));
      this.defaultMade = true;
    }
    return this.defaultValue;
  }

  /** The place of a member; undefined when the schema has none. */
  member(name: string): Structural | undefined {
    return this.properties.get(name) ?? this.additional;
  }

  *children(): Iterable<Structural> {
    yield* this.properties.values();
    if (this.items !== undefined) yield this.items;
    if (this.additional !== undefined) yield this.additional;
  }

  private property(name: string, schema: StructuralSchema): Structural {
    if (schema['x-kubernetes-embedded-resource'] === true) return Structural.part(schema);
    return new Structural(schema, false, this.insideMeta || (this.embedded && META_FIELDS.has(name)));
  }

  private below(schema: StructuralSchema): Structural {
    if (schema['x-kubernetes-embedded-resource'] === true) return Structural.part(schema);
    return new Structural(schema, false, this.insideMeta);
  }
}

const NO_KEYS: readonly never[] = [];
const NO_RULES: readonly never[] = [];

/** What may be a schema, a boolean or a list of schemas is a schema. */
export function isSchema(value: unknown): value is StructuralSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether a place, or one below it, has something; remembered, so that a walk passes over what has nothing for it. */
export function reaching(has: (place: Structural) => boolean): (place: Structural) => boolean {
  const reaches = remembered((place): boolean => has(place) || [...place.children()].some(reaches));
  return reaches;
}

/** A function of places that is asked once for each. */
export function remembered<V extends object | string | boolean>(
  make: (place: Structural) => V,
): (place: Structural) => V {
  const known = new WeakMap<Structural, V>();
  return (place) => {
    let value = known.get(place);
    if (value === undefined) {
      value = make(place);
      known.set(place, value);
    }
    return value;
  };
}

/** Visits what a list or a map has and the schema has a place for, with the cursor at it. */
export function eachMember(
  at: FieldCursor,
  value: object,
  place: Structural,
  visit: (item: unknown, below: Structural) => void,
): void {
  if (Array.isArray(value)) {
    const { items } = place;
    if (items === undefined) return;
    for (let i = 0; i < value.length; i++) {
      at.enter(i);
      visit(value[i], items);
      at.leave();
    }
    return;
  }
  const map = value as Record<string, unknown>;
  for (const name in map) {
    const property = place.properties.get(name);
    const below = property ?? place.additional;
    if (below === undefined) continue;
    if (property === undefined) at.enterKey(name);
    else at.enter(name);
    // own-lookup: a member of its own
    visit(map[name], below);
    at.leave();
  }
}
