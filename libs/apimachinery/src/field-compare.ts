import { type FieldSet, fieldElement, LEAF, sortedNode, valueElement } from './field-set.js';
import { deepEqual, isJsonObject, ownValue } from './json.js';
import { childNode, type SchemaNode } from './schema.js';

/** What a write did to an object, as sets of paths. No path is in two of them. Undefined sets are empty. */
export interface Comparison {
  added: FieldSet | undefined;
  modified: FieldSet | undefined;
  removed: FieldSet | undefined;
}

type Json = Record<string, unknown>;

/** Fields that are in nobody's set: identity and what the server itself keeps. */
export const UNOWNED_ROOT = new Set(['apiVersion', 'kind']);
export const UNOWNED_METADATA = new Set([
  'name',
  'namespace',
  'creationTimestamp',
  'selfLink',
  'uid',
  'clusterName',
  'generation',
  'managedFields',
  'resourceVersion',
]);

/**
 * Compares two versions of an object in lockstep; only subtrees that differ cost memory. Undefined when they are equal.
 * For a create, `old` is `{}`.
 */
export function compareObjects(schema: SchemaNode, old: Json, current: Json): Comparison | undefined {
  const result = start();
  compareMembers(schema, old, current, result, UNOWNED_ROOT, true);
  return finish(result);
}

export function start(): Comparison {
  return { added: undefined, modified: undefined, removed: undefined };
}

export function finish(result: Comparison): Comparison | undefined {
  if (result.added === undefined && result.modified === undefined && result.removed === undefined) return undefined;
  if (result.added !== undefined) result.added = sortedNode(result.added);
  if (result.modified !== undefined) result.modified = sortedNode(result.modified);
  if (result.removed !== undefined) result.removed = sortedNode(result.removed);
  return result;
}

function compareMembers(
  node: SchemaNode,
  left: Json,
  right: Json,
  result: Comparison,
  skip: ReadonlySet<string> | undefined,
  root: boolean,
): void {
  for (const key in left) {
    const before = left[key];
    // own-lookup: no inherited member is equal to a value of JSON, and what is not equal is looked up below
    const after = right[key];
    if (before === undefined || before === after || skip?.has(key) === true) continue;
    if (after === undefined || ownValue(right, key) === undefined) {
      compareMember(node, key, before, undefined, result, root);
    }
  }
  for (const key in right) {
    const after = right[key];
    // own-lookup: as above
    const before = left[key];
    if (after === undefined || after === before || skip?.has(key) === true) continue;
    compareMember(node, key, before === undefined ? undefined : ownValue(left, key), after, result, root);
  }
}

export function compareMember(
  node: SchemaNode,
  key: string,
  before: unknown,
  after: unknown,
  result: Comparison,
  root: boolean,
): void {
  if ((before === undefined || after === undefined) && node.presentWhenZero?.(key) === true) {
    const zero = zeroFor(before ?? after);
    if (zero !== undefined && deepEqual(zero, before ?? after)) return;
    if (before === undefined) before = zero;
    else after = zero;
  }
  if (isScalar(before) && isScalar(after)) {
    // No schema needed: the fields of an object are scalars in most of what is compared.
    if (before === undefined) result.added = put(result.added, fieldElement(key), LEAF);
    else if (after === undefined) result.removed = put(result.removed, fieldElement(key), LEAF);
    else if (before !== after) result.modified = put(result.modified, fieldElement(key), LEAF);
    return;
  }
  const child = childNode(node, key);
  if (root && key === 'metadata') {
    // The struct is always there, and some of its fields are nobody's.
    const inner = start();
    compareMembers(child, toObject(before), toObject(after), inner, UNOWNED_METADATA, false);
    attach(result, fieldElement(key), inner);
    return;
  }
  compareValue(child, before, after, fieldElement(key), result);
}

export function isScalar(value: unknown): boolean {
  return typeof value !== 'object' || value === null;
}

export function toObject(value: unknown): Json {
  return isJsonObject(value) ? value : {};
}

/** What stands where nobody set a field that is always written, next to the value that it has on the other side. */
export function zeroFor(other: unknown): unknown {
  if (Array.isArray(other)) return [];
  switch (typeof other) {
    case 'object':
      return other === null ? null : {};
    case 'string':
      return '';
    case 'number':
      return 0;
    case 'boolean':
      return false;
    default:
      return undefined;
  }
}

/** At least one of the two is there. */
function compareValue(node: SchemaNode, before: unknown, after: unknown, element: string, result: Comparison): void {
  if (before === undefined) {
    result.added = put(result.added, element, presentSet(node, after));
  } else if (after === undefined) {
    result.removed = put(result.removed, element, presentSet(node, before));
  } else if (isJsonObject(before) && isJsonObject(after)) {
    if (isAtomic(node) || (isVoid(before) && isVoid(after))) {
      compareLeaf(before, after, element, result);
      return;
    }
    const inner = start();
    compareMembers(node, before, after, inner, undefined, false);
    attach(result, element, inner);
  } else if (Array.isArray(before) && Array.isArray(after)) {
    if (!isAssociative(node) || (before.length === 0 && after.length === 0)) {
      compareLeaf(before, after, element, result);
    } else {
      attach(result, element, compareLists(node, node.items, before, after));
    }
  } else {
    compareLeaf(before, after, element, result);
  }
}

export function compareLeaf(before: unknown, after: unknown, element: string, result: Comparison): void {
  if (!deepEqual(before, after)) result.modified = put(result.modified, element, LEAF);
}

export function put(set: FieldSet | undefined, element: string, node: FieldSet): FieldSet {
  if (set === undefined) return { [element]: node };
  set[element] = node;
  return set;
}

export function attach(result: Comparison, element: string, inner: Comparison): void {
  if (inner.added !== undefined) result.added = put(result.added, element, sortedNode(inner.added));
  if (inner.modified !== undefined) result.modified = put(result.modified, element, sortedNode(inner.modified));
  if (inner.removed !== undefined) result.removed = put(result.removed, element, sortedNode(inner.removed));
}

export function isVoid(object: Json): boolean {
  for (const _ in object) return false;
  return true;
}

/** Owned as one: scalars, atomic maps and objects. */
export function isAtomic(node: SchemaNode): boolean {
  return node.kind === 'scalar' || node.mapType === 'atomic';
}

/** Owned element by element; every other list is owned as one. */
export function isAssociative(node: SchemaNode): node is SchemaNode & { items: SchemaNode } {
  return node.kind === 'list' && (node.listType === 'map' || node.listType === 'set') && node.items !== undefined;
}

function compareLists(
  node: SchemaNode,
  items: SchemaNode,
  before: readonly unknown[],
  after: readonly unknown[],
): Comparison {
  const result = start();
  if (before.length === after.length && !differAligned(node, items, before, after)) return result;
  const left = indexElements(node, items, before);
  const right = indexElements(node, items, after);
  for (const [element, was] of left) {
    if (!right.has(element)) compareEntry(items, element, was, undefined, result);
  }
  for (const [element, is] of right) compareEntry(items, element, left.get(element), is, result);
  return result;
}

/** True when the lists differ somewhere, position by position. Most lists of most writes do not, and need no index. */
function differAligned(
  node: SchemaNode,
  items: SchemaNode,
  before: readonly unknown[],
  after: readonly unknown[],
): boolean {
  for (let i = 0; i < before.length; i++) {
    const was = before[i];
    const is = after[i];
    if (was === is) continue;
    if (node.listType === 'set' || !isJsonObject(was) || !isJsonObject(is)) return true;
    // own-lookup: names of the schema, and so in itemElement
    for (const key of node.listMapKeys) if (was[key] !== is[key]) return true;
    const inner = start();
    compareMembers(items, was, is, inner, undefined, false);
    if (inner.added !== undefined || inner.modified !== undefined || inner.removed !== undefined) return true;
  }
  return false;
}

/** Elements that share a key are one entry, owned as a leaf. */
export class Duplicates {
  constructor(readonly values: unknown[]) {}
}

export function indexElements(node: SchemaNode, items: SchemaNode, list: readonly unknown[]): Map<string, unknown> {
  const index = new Map<string, unknown>();
  for (const item of list) {
    const element = itemElement(node, items, item);
    if (element === undefined) continue;
    const seen = index.get(element);
    if (seen === undefined) index.set(element, item);
    else if (seen instanceof Duplicates) seen.values.push(item);
    else index.set(element, new Duplicates([seen, item]));
  }
  return index;
}

/** Path element of a list's item; undefined for items that cannot be told apart, which nobody owns. */
export function itemElement(node: SchemaNode, items: SchemaNode, item: unknown): string | undefined {
  if (node.listType === 'set') {
    return typeof item === 'object' || item === undefined ? undefined : valueElement(item);
  }
  if (!isJsonObject(item)) return undefined;
  if (node.listMapKeys.length === 1) {
    // By far the most common: one key, a string.
    // own-lookup: as above
    const value = item[node.listMapKeys[0]!];
    if (typeof value === 'string') return `k:{"${node.listMapKeys[0]}":${JSON.stringify(value)}}`;
  }
  const keys: Json = {};
  let some = false;
  for (const key of sortedKeys(node)) {
    // own-lookup: as above
    const value = item[key] ?? items.field(key)?.default;
    if (value === undefined) continue;
    // own-lookup: as above
    keys[key] = value;
    some = true;
  }
  return some ? `k:${JSON.stringify(keys)}` : undefined;
}

const sortedKeyCache = new WeakMap<readonly string[], readonly string[]>();

function sortedKeys(node: SchemaNode): readonly string[] {
  if (node.listMapKeys.length < 2) return node.listMapKeys;
  let sorted = sortedKeyCache.get(node.listMapKeys);
  if (sorted === undefined) {
    sorted = [...node.listMapKeys].sort();
    sortedKeyCache.set(node.listMapKeys, sorted);
  }
  return sorted;
}

export function compareEntry(items: SchemaNode, element: string, was: unknown, is: unknown, result: Comparison): void {
  const wasMany = was instanceof Duplicates;
  const isMany = is instanceof Duplicates;
  if (!wasMany && !isMany) {
    compareValue(items, was, is, element, result);
  } else if (wasMany && isMany) {
    if (!deepEqual(was.values, is.values)) result.modified = put(result.modified, element, LEAF);
  } else if (wasMany) {
    if (is === undefined) result.removed = put(result.removed, element, LEAF);
    else result.added = put(result.added, element, presentSet(items, is));
  } else {
    if (was !== undefined) result.removed = put(result.removed, element, presentSet(items, was));
    result.added = put(result.added, element, LEAF);
  }
}

/** The node of a value that is there as a whole: itself, and every path below it. */
export function presentSet(node: SchemaNode, value: unknown): FieldSet {
  let set: FieldSet | undefined;
  if (isJsonObject(value)) {
    if (isAtomic(node)) return LEAF;
    for (const key in value) {
      const item = value[key];
      if (item === undefined) continue;
      set ??= { '.': LEAF };
      // Scalars need no schema: they are leaves whatever it says.
      const leaf = typeof item !== 'object' || item === null;
      set[fieldElement(key)] = leaf ? LEAF : presentSet(childNode(node, key), item);
    }
  } else if (Array.isArray(value) && isAssociative(node)) {
    for (const [element, item] of indexElements(node, node.items, value)) {
      set ??= { '.': LEAF };
      set[element] = item instanceof Duplicates ? LEAF : presentSet(node.items, item);
    }
  }
  return set === undefined ? LEAF : sortedNode(set);
}
