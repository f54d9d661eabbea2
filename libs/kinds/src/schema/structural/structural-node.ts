import { type PatchStrategy, type SchemaNode, UNTYPED } from '#apimachinery';
import { schemaNodeOf } from '../schema-node.js';
import { structType } from '../type-graph.js';
import { OBJECT_META } from './embedded-metadata.js';
import { META_FIELDS, type Structural } from './structural.js';

/** How values of a schema are merged and owned: what kube-openapi's schemaconv makes of it. */
export function structuralNode(root: Structural): SchemaNode {
  return new StructuralNode(root, root.preservesUnknown);
}

const NONE: readonly never[] = [];
const TEXT = scalarNode();

/** Places are made into nodes when somebody asks for them. */
class StructuralNode implements SchemaNode {
  readonly kind: SchemaNode['kind'];
  readonly mergeKey = undefined;
  readonly patchStrategy: readonly PatchStrategy[] = NONE;
  readonly listType: SchemaNode['listType'];
  readonly listMapKeys: readonly string[];
  readonly mapType: SchemaNode['mapType'];
  readonly default?: unknown;
  private readonly children = new Map<string, SchemaNode>();
  private itemNode: SchemaNode | undefined;

  /** `preserves`: the place, or one above it, keeps unknown fields. */
  constructor(
    private readonly place: Structural,
    private readonly preserves: boolean,
  ) {
    const { schema } = place;
    this.kind = kindOf(place);
    this.listType = this.kind === 'list' ? (schema['x-kubernetes-list-type'] as SchemaNode['listType']) : undefined;
    this.listMapKeys = place.mapKeys;
    this.mapType = schema['x-kubernetes-map-type'] as SchemaNode['mapType'];
    if (place.hasDefault) this.default = schema.default;
  }

  field(name: string): SchemaNode | undefined {
    if (this.kind !== 'object') return undefined;
    let node = this.children.get(name);
    if (node === undefined) {
      node = this.nodeOfField(name);
      if (node !== undefined) this.children.set(name, node);
    }
    return node;
  }

  get items(): SchemaNode | undefined {
    return (this.itemNode ??= this.nodeOfItems());
  }

  private nodeOfField(name: string): SchemaNode | undefined {
    if (this.place.embedded && META_FIELDS.has(name)) {
      return name === 'metadata' ? schemaNodeOf(structType(OBJECT_META)) : TEXT;
    }
    const property = this.place.properties.get(name);
    return property && this.nodeOf(property);
  }

  private nodeOfItems(): SchemaNode | undefined {
    const { place, kind } = this;
    if (kind === 'list') return place.items === undefined ? UNTYPED : this.nodeOf(place.items);
    if (kind !== 'map' && kind !== 'object') return undefined;
    if (place.additional !== undefined) return this.nodeOf(place.additional);
    const { additionalProperties } = place.schema;
    if (additionalProperties === true) return UNTYPED;
    if (additionalProperties === false) return undefined;
    return this.preserves || kind === 'map' ? UNTYPED : undefined;
  }

  private nodeOf(place: Structural): SchemaNode {
    const preserves = this.preserves || place.preservesUnknown;
    if (place.schema.type || place.properties.size > 0) return new StructuralNode(place, preserves);
    return place.schema['x-kubernetes-int-or-string'] ? TEXT : UNTYPED;
  }
}

function kindOf(place: Structural): SchemaNode['kind'] {
  switch (place.schema.type) {
    case 'array':
      return 'list';
    case 'object':
    case undefined:
    case '':
      return place.properties.size > 0 || place.embedded ? 'object' : 'map';
    default:
      return 'scalar';
  }
}

function scalarNode(): SchemaNode {
  return Object.freeze({
    kind: 'scalar',
    field: () => undefined,
    items: undefined,
    mergeKey: undefined,
    patchStrategy: NONE,
    listType: undefined,
    listMapKeys: NONE,
    mapType: undefined,
  } satisfies SchemaNode);
}
