import { type CelField, type CelType, cel, celTypeOfSchema, escapeCelName } from '#cel';
import { type StructType, structType, type TypeRef } from './type-graph.js';

/** Types of the API as expressions see them: apiserver's pkg/cel/common/schemas.go reads them from the OpenAPI document. */

/** The named type. Its fields are made when an expression looks at them: types refer to each other, some to themselves. */
class KnownType implements CelType {
  readonly kind = 'struct';
  readonly params = [];
  private made: Map<string, CelField> | undefined;

  constructor(private readonly type: StructType) {}

  get name(): string {
    return this.type.name;
  }

  get fields(): ReadonlyMap<string, CelField> {
    return (this.made ??= this.make());
  }

  private make(): Map<string, CelField> {
    const fields = new Map<string, CelField>();
    for (const [name, { ref }] of this.type.fields) {
      const escaped = escapeCelName(name);
      if (escaped === undefined) continue;
      fields.set(escaped, { type: typeOf(ref), optional: true, json: escaped === name ? undefined : name });
    }
    return fields;
  }
}

const OBJECT_META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';

const known = new Map<string, CelType>();

/** Of a kind of the release. */
export function objectType({ schemaName }: { schemaName: string }): CelType {
  return celTypeNamed(schemaName);
}

/** Of a custom resource, by its schema; undefined when that leaves open what objects have. */
export function customObjectType(schema: unknown): CelType | undefined {
  const type = celTypeOfSchema(schema, true);
  if (!type?.fields) return type;
  const metadata = { type: celTypeNamed(OBJECT_META), optional: true };
  return { ...type, fields: new Map([...type.fields, ['metadata', metadata]]) };
}

/** By the name in the OpenAPI document. */
function celTypeNamed(name: string): CelType {
  let type = known.get(name);
  if (!type) {
    type = new KnownType(structType(name));
    known.set(name, type);
  }
  return type;
}

/** What can be a number or a text (quantities as well), and what is open, tells its type when it is there. */
function typeOf(ref: TypeRef): CelType {
  switch (ref.kind) {
    case 'struct':
      return celTypeNamed(ref.type.name);
    case 'list':
      return cel.list(typeOf(ref.item));
    case 'map':
      return cel.map(cel.string, typeOf(ref.value));
    case 'opaque':
      return cel.dyn;
  }
  switch (ref.scalar) {
    case 'string':
      return cel.string;
    case 'boolean':
      return cel.bool;
    case 'int32':
    case 'int64':
      return cel.int;
    case 'double':
      return cel.double;
    case 'byte':
      return cel.bytes;
    case 'time':
    case 'micro-time':
      return cel.timestamp;
    case 'quantity':
    case 'int-or-string':
      return cel.dyn;
  }
}
