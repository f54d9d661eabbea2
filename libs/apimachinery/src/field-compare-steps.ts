import {
  attach,
  type Comparison,
  compareEntry,
  compareMember,
  Duplicates,
  finish,
  indexElements,
  isAssociative,
  isAtomic,
  isScalar,
  put,
  start,
  toObject,
  UNOWNED_METADATA,
  UNOWNED_ROOT,
  zeroFor,
} from './field-compare.js';
import { type FieldSet, fieldElement, LEAF, sortedNode } from './field-set.js';
import { deepEqual, isJsonObject, ownValue } from './json.js';
import { childNode, type SchemaNode } from './schema.js';
import type { Pace, Steps } from './steps.js';

type Json = Record<string, unknown>;

/**
 * As compareObjects, with pauses: maps of 100,000 entries and lists of 10,000 objects take longer than others may wait.
 * What compares most objects has no pauses, since they cost as much again as the comparing.
 */
export function* compareSteps(schema: SchemaNode, old: Json, current: Json, pace: Pace): Steps<Comparison | undefined> {
  const result = start();
  yield* memberSteps(schema, old, current, result, UNOWNED_ROOT, pace);
  return finish(result);
}

/** As compareMembers; of the root where `skip` is the root's. */
function* memberSteps(
  node: SchemaNode,
  left: Json,
  right: Json,
  result: Comparison,
  skip: ReadonlySet<string> | undefined,
  pace: Pace,
): Steps<void> {
  for (const key in left) {
    if (pace.isDue()) yield;
    const before = left[key];
    if (before === undefined || skip?.has(key) === true || ownValue(right, key) !== undefined) continue;
    yield* oneMember(node, key, before, undefined, result, skip, pace);
  }
  for (const key in right) {
    if (pace.isDue()) yield;
    const after = right[key];
    const before = ownValue(left, key);
    if (after === undefined || after === before || skip?.has(key) === true) continue;
    yield* oneMember(node, key, before, after, result, skip, pace);
  }
}

function* oneMember(
  node: SchemaNode,
  key: string,
  before: unknown,
  after: unknown,
  result: Comparison,
  skip: ReadonlySet<string> | undefined,
  pace: Pace,
): Steps<void> {
  const isRoot = skip === UNOWNED_ROOT;
  if (isScalar(before) && isScalar(after)) {
    compareMember(node, key, before, after, result, isRoot);
    return;
  }
  if ((before === undefined || after === undefined) && node.presentWhenZero?.(key) === true) {
    const zero = zeroFor(before ?? after);
    if (zero !== undefined && deepEqual(zero, before ?? after)) return;
    if (before === undefined) before = zero;
    else after = zero;
  }
  if (isRoot && key === 'metadata') {
    const inner = start();
    yield* memberSteps(childNode(node, key), toObject(before), toObject(after), inner, UNOWNED_METADATA, pace);
    attach(result, fieldElement(key), inner);
  } else {
    yield* entrySteps(childNode(node, key), fieldElement(key), before, after, result, pace);
  }
}

/** As compareEntry. */
function* entrySteps(
  node: SchemaNode,
  element: string,
  before: unknown,
  after: unknown,
  result: Comparison,
  pace: Pace,
): Steps<void> {
  if (before instanceof Duplicates || after instanceof Duplicates) {
    compareEntry(node, element, before, after, result);
  } else if (before === undefined) {
    result.added = put(result.added, element, yield* presentSteps(node, after, pace));
  } else if (after === undefined) {
    result.removed = put(result.removed, element, yield* presentSteps(node, before, pace));
  } else if (isJsonObject(before) && isJsonObject(after) && !isAtomic(node)) {
    const inner = start();
    yield* memberSteps(node, before, after, inner, undefined, pace);
    attach(result, element, inner);
  } else if (Array.isArray(before) && Array.isArray(after) && isAssociative(node)) {
    attach(result, element, yield* listSteps(node, node.items, before, after, pace));
  } else {
    compareEntry(node, element, before, after, result);
  }
}

/** As compareLists. */
function* listSteps(
  node: SchemaNode,
  items: SchemaNode,
  before: readonly unknown[],
  after: readonly unknown[],
  pace: Pace,
): Steps<Comparison> {
  const result = start();
  if (deepEqual(before, after)) return result;
  const left = indexElements(node, items, before);
  const right = indexElements(node, items, after);
  yield;
  for (const [element, was] of left) {
    if (pace.isDue()) yield;
    if (!right.has(element)) yield* entrySteps(items, element, was, undefined, result, pace);
  }
  for (const [element, is] of right) {
    if (pace.isDue()) yield;
    yield* entrySteps(items, element, left.get(element), is, result, pace);
  }
  return result;
}

/** As presentSet. */
function* presentSteps(node: SchemaNode, value: unknown, pace: Pace): Steps<FieldSet> {
  let set: FieldSet | undefined;
  if (isJsonObject(value)) {
    if (isAtomic(node)) return LEAF;
    for (const key in value) {
      if (pace.isDue()) yield;
      const item = value[key];
      if (item === undefined) continue;
      set ??= { '.': LEAF };
      set[fieldElement(key)] = isScalar(item) ? LEAF : yield* presentSteps(childNode(node, key), item, pace);
    }
  } else if (Array.isArray(value) && isAssociative(node)) {
    for (const [element, item] of indexElements(node, node.items, value)) {
      if (pace.isDue()) yield;
      set ??= { '.': LEAF };
      set[element] = item instanceof Duplicates ? LEAF : yield* presentSteps(node.items, item, pace);
    }
  }
  return set === undefined ? LEAF : sortedNode(set);
}
