/**
 * What merging and ownership need to know of a type. libs/kinds implements `SchemaNode` over its type facts (its class may
 * carry more: validation, defaults, unknown-field checks); this folder only reads it. There is no other schema type.
 *
 * Performance: `field`, `items` and the plain properties are read for every value of every write, so they must be
 * O(1): precompute nodes, resolve references once, return the same node object each time (recursive types are cycles).
 */
export interface SchemaNode {
  /**
   * - `object`: named fields; `items`, when set, is the type of fields that have no name in the type.
   * - `map`: string keys, values of type `items`.
   * - `list`: elements of type `items`.
   * - `scalar`: one leaf, whatever its JSON form: string, number, boolean, quantity, int-or-string, time,
   *   and opaque values that have one owner (RawExtension, FieldsV1).
   * - `any`: content without a schema (preserved unknown fields): maps merge key by key, lists are atomic.
   */
  readonly kind: 'object' | 'map' | 'list' | 'scalar' | 'any';
  /** Type of a field of an object; undefined when the type has no such field. */
  field(name: string): SchemaNode | undefined;
  /** Type of list elements or map values. */
  readonly items: SchemaNode | undefined;

  /** x-kubernetes-patch-merge-key of a list field: strategic merge patch matches elements by it. */
  readonly mergeKey: string | undefined;
  /**
   * x-kubernetes-patch-strategy, `merge`, `replace`, `retainKeys` or `merge,retainKeys` split at the comma.
   * Empty: lists are replaced, maps are merged.
   */
  readonly patchStrategy: readonly PatchStrategy[];

  /** x-kubernetes-list-type of a list; undefined means atomic. */
  readonly listType: 'atomic' | 'set' | 'map' | undefined;
  /** x-kubernetes-list-map-keys of a list of type map. */
  readonly listMapKeys: readonly string[];
  /** x-kubernetes-map-type of an object or map; undefined means granular. */
  readonly mapType: 'atomic' | 'granular' | undefined;
  /** Value that an absent field stands for; only matters for list map keys (`protocol: TCP`). */
  readonly default?: unknown;
  /**
   * For fields of an object: the reference writes the field even when nobody set it (a struct that is no pointer: its
   * facts have `{}` as default; or a required field). Such a container is never "added", so nobody owns it as a whole:
   * ownership of `spec` has no `.` while ownership of `metadata.labels` has one. Absent: never.
   */
  presentWhenZero?(name: string): boolean;
}

export type PatchStrategy = 'merge' | 'replace' | 'retainKeys';

const NONE: readonly never[] = [];

/** A node without a schema: what custom resources, and fields that the facts do not know, get. */
export const UNTYPED: SchemaNode = Object.freeze({
  kind: 'any',
  field: () => UNTYPED,
  get items() {
    return UNTYPED;
  },
  mergeKey: undefined,
  patchStrategy: NONE,
  listType: 'atomic',
  listMapKeys: NONE,
  mapType: 'granular',
} satisfies SchemaNode);

/** Type of field `name` of a value of type `node`; untyped when the type does not tell. */
export function childNode(node: SchemaNode, name: string): SchemaNode {
  switch (node.kind) {
    case 'object':
      return node.field(name) ?? node.items ?? UNTYPED;
    case 'map':
      return node.items ?? UNTYPED;
    default:
      return UNTYPED;
  }
}
