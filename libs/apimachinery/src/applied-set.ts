import {
  indexElements,
  isAssociative,
  isAtomic,
  isScalar,
  isVoid,
  put,
  toObject,
  UNOWNED_METADATA,
  UNOWNED_ROOT,
} from './field-compare.js';
import { type FieldSet, fieldElement, LEAF, sortedNode } from './field-set.js';
import { isJsonObject, setOwn } from './json.js';
import { childNode, type SchemaNode } from './schema.js';
import type { Pace, Steps } from './steps.js';

type Json = Record<string, unknown>;

/**
 * What the manager of an applied configuration owns: what stands in objects and associative lists, and not these
 * themselves, as a writer by other verbs does. Items of lists and entries of maps are owned themselves, too. An empty
 * object is owned, an empty associative list is not. Pauses where `pace` says so.
 * Fact: structured-merge-diff 6.4.2, typed/tofieldset.go.
 */
export function* appliedSteps(schema: SchemaNode, applied: Json, pace: Pace | undefined): Steps<FieldSet | undefined> {
  let set: FieldSet | undefined;
  for (const key in applied) {
    const value = applied[key];
    if (value === undefined || UNOWNED_ROOT.has(key)) continue;
    const child = childNode(schema, key);
    const node = yield* key === 'metadata'
      ? appliedMetadata(child, toObject(value), pace)
      : appliedNode(child, value, pace);
    if (node !== undefined) set = put(set, fieldElement(key), node);
  }
  return set === undefined ? undefined : sortedNode(set);
}

function* appliedMetadata(node: SchemaNode, metadata: Json, pace: Pace | undefined): Steps<FieldSet | undefined> {
  const owned: Json = {};
  for (const key in metadata) if (!UNOWNED_METADATA.has(key)) setOwn(owned, key, metadata[key]);
  return isVoid(owned) ? undefined : yield* appliedNode(node, owned, pace);
}

function* appliedNode(node: SchemaNode, value: unknown, pace: Pace | undefined): Steps<FieldSet | undefined> {
  let set: FieldSet | undefined;
  if (isJsonObject(value)) {
    if (isAtomic(node) || isVoid(value)) return LEAF;
    for (const key in value) {
      if (pace?.isDue()) yield;
      const item = value[key];
      if (item === undefined) continue;
      const below = isScalar(item) ? LEAF : yield* appliedNode(childNode(node, key), item, pace);
      if (node.kind === 'map') set = put(set, fieldElement(key), withItself(below));
      else if (below !== undefined) set = put(set, fieldElement(key), below);
    }
  } else if (Array.isArray(value) && isAssociative(node)) {
    for (const [element, item] of indexElements(node, node.items, value)) {
      if (pace?.isDue()) yield;
      set = put(set, element, withItself(yield* appliedNode(node.items, item, pace)));
    }
  } else {
    return LEAF;
  }
  return set === undefined ? undefined : sortedNode(set);
}

function withItself(node: FieldSet | undefined): FieldSet {
  return node === undefined || node === LEAF ? LEAF : { '.': LEAF, ...node };
}
