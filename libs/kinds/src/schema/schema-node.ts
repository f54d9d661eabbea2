import type { PatchStrategy, SchemaNode } from '#apimachinery';
import type { FieldFacts } from '../facts/facts.js';
import { type Field, type StructType, structType, type TypeRef } from './type-graph.js';

/** Schema nodes for patches and field ownership, made lazily over the type graph and then kept. */

const NONE: readonly never[] = [];
const NO_OPTIONS: FieldFacts = { t: '' };

class KindSchemaNode implements SchemaNode {
  readonly kind: SchemaNode['kind'];
  readonly mergeKey: string | undefined;
  readonly patchStrategy: readonly PatchStrategy[];
  readonly listType: SchemaNode['listType'];
  readonly listMapKeys: readonly string[];
  readonly mapType: SchemaNode['mapType'];
  readonly default?: unknown;
  private readonly children: Map<string, SchemaNode | undefined> | undefined;
  private itemNode: SchemaNode | undefined;

  constructor(
    private readonly ref: TypeRef,
    options: FieldFacts,
  ) {
    this.kind = ref.kind === 'struct' ? 'object' : ref.kind === 'opaque' ? 'scalar' : ref.kind;
    this.mergeKey = options.mergeKey;
    this.patchStrategy = options.patch === undefined ? NONE : (options.patch.split(',') as PatchStrategy[]);
    this.listType = ref.kind === 'list' ? options.listType : undefined;
    this.listMapKeys = options.listKeys ?? NONE;
    this.mapType = options.mapType ?? (ref.kind === 'struct' ? ref.type.mapType : undefined);
    const value = options.default ?? zeroDefault(ref, options);
    if (value !== undefined) this.default = value;
    if (ref.kind === 'struct') this.children = new Map();
  }

  field(name: string): SchemaNode | undefined {
    if (this.children === undefined || this.ref.kind !== 'struct') return undefined;
    const known = this.children.get(name);
    if (known !== undefined) return known;
    const field = this.ref.type.fields.get(name);
    if (field === undefined) return undefined;
    const node = nodeOfField(field);
    this.children.set(name, node);
    return node;
  }

  presentWhenZero(name: string): boolean {
    if (this.ref.kind !== 'struct') return false;
    const presence = this.ref.type.fields.get(name)?.presence;
    return presence === 'always' || presence === 'null';
  }

  get items(): SchemaNode | undefined {
    if (this.ref.kind === 'list') return (this.itemNode ??= new KindSchemaNode(this.ref.item, NO_OPTIONS));
    if (this.ref.kind === 'map') return (this.itemNode ??= new KindSchemaNode(this.ref.value, NO_OPTIONS));
    return undefined;
  }
}

/** The document's zero default (`=`) of a scalar: what an absent list map key stands for. */
function zeroDefault(ref: TypeRef, options: FieldFacts): unknown {
  if (!options.t.endsWith('=') || ref.kind !== 'scalar') return undefined;
  switch (ref.scalar) {
    case 'string':
      return '';
    case 'boolean':
      return false;
    case 'int32':
    case 'int64':
    case 'double':
      return 0;
    default:
      return undefined;
  }
}

const fieldNodes = new WeakMap<Field, SchemaNode>();
const roots = new WeakMap<StructType, SchemaNode>();

function nodeOfField(field: Field): SchemaNode {
  let node = fieldNodes.get(field);
  if (node === undefined) {
    node = new KindSchemaNode(field.ref, field.facts);
    fieldNodes.set(field, node);
  }
  return node;
}

export function schemaNodeOf(type: StructType): SchemaNode {
  let node = roots.get(type);
  if (node === undefined) {
    node = new KindSchemaNode({ kind: 'struct', type, goType: type.goName }, NO_OPTIONS);
    roots.set(type, node);
  }
  return node;
}

/** Schema of a named type of the release. Throws for names that the facts do not have. */
export function schemaNode(schemaName: string): SchemaNode {
  return schemaNodeOf(structType(schemaName));
}
