import { appendAll } from './lists.js';
/**
 * Sets of field paths in the very form in which managedFields carries them (FieldsV1), so that nothing is converted
 * when an object is read or written. A node maps path elements to nodes:
 *
 * - `f:<name>` a field, `k:<json>` a list element by its keys, `v:<json>` an element of a set, `i:<n>` by index;
 * - a node without children is a member of the set; a node with children is one only if it has `.`.
 *
 * The operations never change their arguments, share what they can with them, give back the very same object when
 * nothing changes (so `===` tells), and undefined for the empty set.
 */
export interface FieldSet {
  [element: string]: FieldSet;
}

const EMPTY: FieldSet = Object.freeze({});

/** The node of a member without children. */
export const LEAF: FieldSet = EMPTY;

function isLeaf(node: FieldSet): boolean {
  for (const _ in node) return false;
  return true;
}

/** A node that stands for itself, beside what is below it. */
export function isMember(node: FieldSet): boolean {
  if (node['.'] !== undefined) return true;
  return isLeaf(node);
}

export function isEmptySet(set: FieldSet | undefined): boolean {
  return set === undefined || isLeaf(set);
}

export function unionSets(a: FieldSet | undefined, b: FieldSet | undefined): FieldSet | undefined {
  if (isEmptySet(a)) return isEmptySet(b) ? undefined : b;
  if (isEmptySet(b)) return a;
  return unionChildren(a!, b!);
}

/** Both are nodes with children, or roots that are not empty. */
function unionChildren(a: FieldSet, b: FieldSet): FieldSet {
  let result = a;
  let added = false;
  for (const element in b) {
    const right = b[element]!;
    const left = a[element];
    const merged = left === undefined ? right : unionNodes(left, right);
    if (merged === left) continue;
    if (result === a) result = { ...a };
    result[element] = merged;
    if (left === undefined) added = true;
  }
  return added ? sortedNode(result) : result;
}

function unionNodes(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b) return a;
  if (isLeaf(a)) return isMember(b) ? (isLeaf(b) ? a : b) : withSelf(b);
  if (isLeaf(b)) return withSelf(a);
  return unionChildren(a, b);
}

function withSelf(node: FieldSet): FieldSet {
  return node['.'] === undefined ? { '.': LEAF, ...node } : node;
}

/** Members of `a` that are not members of `b`; what is below a member of `b` stays. */
export function subtractSets(a: FieldSet | undefined, b: FieldSet | undefined): FieldSet | undefined {
  if (isEmptySet(a)) return undefined;
  if (isEmptySet(b)) return a;
  return subtractChildren(a!, b!);
}

function subtractChildren(a: FieldSet, b: FieldSet): FieldSet | undefined {
  let result = a;
  for (const element in b) {
    const left = a[element];
    if (left === undefined || element === '.') continue;
    const rest = subtractNodes(left, b[element]!);
    if (rest === left) continue;
    if (result === a) result = { ...a };
    if (rest === undefined) delete result[element];
    else result[element] = rest;
  }
  return isLeaf(result) ? undefined : result;
}

function subtractNodes(a: FieldSet, b: FieldSet): FieldSet | undefined {
  const removesSelf = isMember(b);
  if (isLeaf(a)) return removesSelf ? undefined : a;
  const hadSelf = a['.'] !== undefined;
  const rest = subtractChildren(a, b);
  if (rest === undefined) return undefined;
  if (!hadSelf) return rest;
  if (removesSelf) {
    const { '.': _self, ...children } = rest;
    return isLeaf(children) ? undefined : children;
  }
  return onlySelf(rest) ? LEAF : rest;
}

function onlySelf(node: FieldSet): boolean {
  for (const element in node) if (element !== '.') return false;
  return true;
}

/** Members of both. */
export function intersectSets(a: FieldSet | undefined, b: FieldSet | undefined): FieldSet | undefined {
  if (isEmptySet(a) || isEmptySet(b)) return undefined;
  return intersectChildren(a!, b!);
}

function intersectChildren(a: FieldSet, b: FieldSet): FieldSet | undefined {
  let result: FieldSet | undefined;
  for (const element in a) {
    const right = b[element];
    if (right === undefined || element === '.') continue;
    const both = intersectNodes(a[element]!, right);
    if (both === undefined) continue;
    result ??= {};
    result[element] = both;
  }
  return result;
}

function intersectNodes(a: FieldSet, b: FieldSet): FieldSet | undefined {
  const self = isMember(a) && isMember(b);
  const children = intersectChildren(a, b);
  if (children === undefined) return self ? LEAF : undefined;
  return self ? { '.': LEAF, ...children } : children;
}

/** Removes the members of `b` from `a` with everything below them. */
export function subtractRecursively(a: FieldSet | undefined, b: FieldSet | undefined): FieldSet | undefined {
  if (isEmptySet(a)) return undefined;
  if (isEmptySet(b)) return a;
  let result = a!;
  for (const element in b!) {
    const left = a![element];
    if (left === undefined || element === '.') continue;
    const right = b![element]!;
    const rest = isMember(right) ? undefined : onlyOrRest(left, subtractRecursively(left, right));
    if (rest === left) continue;
    if (result === a) result = { ...a };
    if (rest === undefined) delete result[element];
    else result[element] = rest;
  }
  return isLeaf(result) ? undefined : onlySelf(result) ? LEAF : result;
}

function onlyOrRest(node: FieldSet, rest: FieldSet | undefined): FieldSet | undefined {
  // A leaf has nothing below it that could go.
  return isLeaf(node) ? node : rest;
}

/** The same members, whatever the order. */
export function equalSets(a: FieldSet | undefined, b: FieldSet | undefined): boolean {
  if (a === b) return true;
  if (isEmptySet(a) || isEmptySet(b)) return isEmptySet(a) && isEmptySet(b);
  return equalChildren(a!, b!);
}

function equalChildren(a: FieldSet, b: FieldSet): boolean {
  let count = 0;
  for (const element in a) {
    if (element === '.') continue;
    const right = b[element];
    if (right === undefined) return false;
    const left = a[element]!;
    if (left !== right && (isMember(left) !== isMember(right) || !equalChildren(left, right))) return false;
    count++;
  }
  for (const element in b) if (element !== '.') count--;
  return count === 0;
}

/** All members as paths, in order. */
export function pathsOf(set: FieldSet | undefined, prefix: readonly string[] = []): string[][] {
  const paths: string[][] = [];
  if (set === undefined) return paths;
  for (const element in set) {
    if (element === '.') continue;
    const path = [...prefix, element];
    const node = set[element]!;
    if (isMember(node)) paths.push(path);
    appendAll(paths, pathsOf(node, path));
  }
  return paths;
}

/** To sort more takes tens of milliseconds, and nothing rests on the order of an object's members. */
const MAX_SORTED = 10_000;

/** Children, unless they are very many, in the order in which the reference writes them: itself, fields, keys, values, indexes. */
export function sortedNode(node: FieldSet): FieldSet {
  let previous = '';
  let inOrder = true;
  for (const element in node) {
    if (element < previous) {
      inOrder = false;
      break;
    }
    previous = element;
  }
  if (inOrder) return node;
  const elements = Object.keys(node);
  if (elements.length > MAX_SORTED) return node;
  const sorted: FieldSet = {};
  for (const element of elements.sort()) sorted[element] = node[element]!;
  return sorted;
}

// Made strings are cached: as keys of objects they would be flattened and interned anew every time.
const ELEMENT_CACHE_LIMIT = 10_000;
const elements = new Map<string, string>();

/** The path element of a field. */
export function fieldElement(name: string): string {
  let element = elements.get(name);
  if (element === undefined) {
    element = `f:${name}`;
    if (elements.size >= ELEMENT_CACHE_LIMIT) elements.clear();
    elements.set(name, element);
  }
  return element;
}

export function valueElement(value: unknown): string {
  return `v:${JSON.stringify(value)}`;
}
