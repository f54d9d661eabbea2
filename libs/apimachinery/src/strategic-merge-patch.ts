import { goTypeName, goValue } from './go-format.js';
import { deepCopy, isJsonObject, ownValue, setOwn } from './json.js';
import { childNode, type SchemaNode } from './schema.js';
import { badRequest, unclassified, unprocessable } from './status.js';

type Json = Record<string, unknown>;

const DIRECTIVE = '$patch';
const RETAIN_KEYS = '$retainKeys';
const DELETE_FROM_LIST = '$deleteFromPrimitiveList';
const SET_ORDER = '$setElementOrder';

const BAD_PRIMITIVE_LIST = 'invalid patch format of primitive list';
const BAD_RETAIN_KEYS = 'invalid patch format of retainKeys';
const BAD_SET_ORDER = 'invalid patch format of setElementOrder list';

/**
 * Applies a strategic merge patch and gives the result; neither argument is changed. Lists whose schema says `merge`
 * are merged by their key, and the patch may carry directives: `$patch` (replace, delete, merge), `$retainKeys`,
 * `$setElementOrder/<list>` and `$deleteFromPrimitiveList/<list>`.
 *
 * A patch that cannot be applied throws a StatusError with the code that the reference gives: 400 for malformed
 * directives, 422 for lists of lists, and its unclassified 500 for the rest, such as a missing merge key.
 */
export function applyStrategicMergePatch(document: object, patch: unknown, schema: SchemaNode): Json {
  if (!isJsonObject(patch)) throw badRequest('invalid JSON document');
  return mergeMap(deepCopy(document) as Json, deepCopy(patch), schema);
}

/** Both arguments belong to the caller's copy and are used up. */
function mergeMap(original: Json, patch: Json, schema: SchemaNode): Json {
  if (Object.hasOwn(patch, DIRECTIVE)) return applyMapDirective(patch);
  retainKeys(original, patch);
  orderLists(original, patch, schema);
  for (const patchKey of Object.keys(patch)) {
    const value = patch[patchKey];
    const deletesFromList = patchKey.startsWith(DELETE_FROM_LIST);
    const key = deletesFromList ? listName(patchKey, DELETE_FROM_LIST, BAD_PRIMITIVE_LIST) : patchKey;
    if (value === null) {
      delete original[key];
    } else if (deletesFromList) {
      if (Object.hasOwn(original, key) && Array.isArray(original[key])) {
        original[key] = mergeLists(original[key], listOf(value, original[key]), childNode(schema, key), true);
      }
    } else {
      mergeField(original, key, value, schema);
    }
  }
  return original;
}

function mergeField(original: Json, key: string, value: unknown, schema: SchemaNode): void {
  const present = ownValue(original, key);
  const node = childNode(schema, key);
  if (isJsonObject(present) && isJsonObject(value)) {
    setOwn(original, key, strategyOf(node) === 'replace' ? value : mergeMap(present, value, node));
  } else if (Array.isArray(present) && Array.isArray(value)) {
    setOwn(original, key, strategyOf(node) === 'merge' ? mergeLists(present, value, node, false) : value);
  } else {
    if (present === undefined || typeof present === 'object' || typeof value === 'object') discardNulls(value);
    const [kept, keep] = withoutDirectives(value);
    if (keep) setOwn(original, key, kept);
    else delete original[key];
  }
}

function strategyOf(node: SchemaNode): 'merge' | 'replace' | undefined {
  for (const strategy of node.patchStrategy) if (strategy !== 'retainKeys') return strategy;
  return undefined;
}

function applyMapDirective(patch: Json): Json {
  const directive = patch[DIRECTIVE];
  if (directive === 'delete') return {};
  if (directive !== 'replace') {
    throw unclassified(`unknown patch type: ${goValue(directive)} in map: ${goValue(patch)}`);
  }
  delete patch[DIRECTIVE];
  return patch;
}

function listName(key: string, prefix: string, message: string): string {
  if (!key.startsWith(`${prefix}/`)) throw badRequest(message);
  return key.slice(prefix.length + 1);
}

function listOf(value: unknown, expected: unknown): unknown[] {
  if (!Array.isArray(value)) throw badArgument(expected, value);
  return value;
}

function badArgument(expected: unknown, actual: unknown): Error {
  return unclassified(`expected a ${goType(expected)}, but received a ${goType(actual)}`);
}

/** Of no value, reflection has no type to print. */
function goType(value: unknown): string {
  return value === null || value === undefined ? '%!s(<nil>)' : goTypeName(value);
}

/** Drops every field of the original that the directive does not name. */
function retainKeys(original: Json, patch: Json): void {
  if (!Object.hasOwn(patch, RETAIN_KEYS)) return;
  const directive = patch[RETAIN_KEYS];
  delete patch[RETAIN_KEYS];
  if (!Array.isArray(directive)) throw badRequest(BAD_RETAIN_KEYS);
  const retained = new Set(directive);
  for (const key in patch) {
    if (patch[key] === null || key.startsWith(DELETE_FROM_LIST) || key.startsWith(SET_ORDER)) continue;
    if (!retained.has(key)) throw badRequest(BAD_RETAIN_KEYS);
  }
  for (const key of Object.keys(original)) if (!retained.has(key)) delete original[key];
}

/** Merges the lists that `$setElementOrder` names, and puts them into its order; takes both out of the patch. */
function orderLists(original: Json, patch: Json, schema: SchemaNode): void {
  for (const directive of Object.keys(patch)) {
    if (!directive.startsWith(SET_ORDER)) continue;
    const order = listOf(patch[directive], []);
    delete patch[directive];
    const key = listName(directive, SET_ORDER, BAD_SET_ORDER);
    const was = Object.hasOwn(original, key) ? listOf(original[key], []) : undefined;
    const change = Object.hasOwn(patch, key) ? listOf(patch[key], []) : undefined;
    const node = childNode(schema, key);
    checkOrder(change, order, node.mergeKey);
    if (was === undefined && change === undefined) continue;
    let merged: unknown[];
    if (change === undefined) merged = was!;
    else if (was === undefined) merged = withoutDirectives(change)[0] as unknown[];
    else merged = strategyOf(node) === 'merge' ? mergeLists(was, change, node, false) : change;
    const maps = elementsAreMaps([...(was ?? []), ...(change ?? [])]);
    setOwn(original, key, arrange(merged, order, was ?? [], maps ? node.mergeKey : undefined));
    delete patch[key];
  }
}

/** The elements of the patch must come in the order that the directive gives. */
function checkOrder(patch: unknown[] | undefined, order: unknown[], mergeKey: string | undefined): void {
  if (patch === undefined) return;
  if (patch.length === 0 || order.length === 0) return;
  const kept = mergeKey === undefined ? patch : patch.filter((item) => requireMap(item)[DIRECTIVE] !== 'delete');
  let next = 0;
  for (const wanted of order) {
    while (next < kept.length && isJsonObject(kept[next]) && Object.hasOwn(kept[next] as Json, DIRECTIVE)) next++;
    if (next >= kept.length) return;
    if (identity(kept[next], mergeKey) === identity(wanted, mergeKey)) next++;
  }
  if (next < kept.length) {
    throw unclassified(
      `The order in patch list:\n${goValue(patch)}\n doesn't match ${SET_ORDER} list:\n${goValue(order)}\n`,
    );
  }
}

function requireMap(item: unknown): Json {
  if (!isJsonObject(item)) throw badArgument({}, item);
  return item;
}

/** What tells an element from others: its merge key, or itself. */
function identity(item: unknown, mergeKey: string | undefined): unknown {
  if (mergeKey === undefined) return item;
  const map = requireMap(item);
  if (!Object.hasOwn(map, mergeKey)) {
    throw unclassified(`map: ${goValue(map)} does not contain declared merge key: ${mergeKey}`);
  }
  // own-lookup: asked before
  return map[mergeKey];
}

function elementsAreMaps(items: readonly unknown[]): boolean {
  let type: string | undefined;
  for (const item of items) {
    if (Array.isArray(item)) throw unprocessable();
    const current = goType(item);
    if (type !== undefined && type !== current) {
      throw unclassified(`list element types are not identical: ${goValue([items])}`);
    }
    type = current;
  }
  if (type === undefined) throw unclassified('no elements in any of the given slices');
  return type === 'map[string]interface {}';
}

function mergeLists(original: unknown[], patch: unknown[], node: SchemaNode, deletes: boolean): unknown[] {
  if (original.length === 0 && patch.length === 0) return original;
  if (!elementsAreMaps([...original, ...patch])) {
    if (deletes) {
      const gone = new Set(patch);
      return original.filter((item) => !gone.has(item));
    }
    return arrange([...new Set([...original, ...patch])], patch, original, undefined);
  }
  const mergeKey = node.mergeKey;
  if (mergeKey === undefined) throw unclassified('cannot merge lists without merge key for ');
  const remaining = applyElementDirectives(original, patch as Json[], mergeKey);
  const merged = mergeElements(remaining.original, remaining.patch, mergeKey, node.items);
  return arrange(merged, remaining.patch, remaining.original, mergeKey);
}

/** Deletes what the patch deletes; with `$patch: replace` among the elements, the other ones are the whole list. */
function applyElementDirectives(
  original: unknown[],
  patch: Json[],
  mergeKey: string,
): { original: unknown[]; patch: Json[] } {
  const plain: Json[] = [];
  const gone = new Set<unknown>();
  let replaces = false;
  for (const item of patch) {
    if (!Object.hasOwn(item, DIRECTIVE)) {
      plain.push(item);
      continue;
    }
    const directive = item[DIRECTIVE];
    if (directive === 'delete') {
      gone.add(identity(item, mergeKey));
    } else if (directive === 'replace') {
      replaces = true;
    } else if (directive === 'merge') {
      throw unclassified('merging lists cannot yet be specified in the patch');
    } else {
      throw unclassified(`unknown patch type: ${goValue(directive)} in map: ${goValue(item)}`);
    }
  }
  if (replaces) return { original: plain, patch: [] };
  if (gone.size === 0) return { original, patch: plain };
  // own-lookup: merge keys are names of the schema
  return { original: original.filter((item) => !hasKey(item, mergeKey) || !gone.has(item[mergeKey])), patch: plain };
}

function hasKey(item: unknown, mergeKey: string): item is Json {
  return isJsonObject(item) && Object.hasOwn(item, mergeKey);
}

function mergeElements(
  original: readonly unknown[],
  patch: readonly Json[],
  mergeKey: string,
  items: SchemaNode | undefined,
): unknown[] {
  const merged = [...original];
  /** First position of each key. */
  const at = new Map<unknown, number>();
  merged.forEach((item, i) => {
    // own-lookup: merge keys are names of the schema
    if (hasKey(item, mergeKey) && !at.has(item[mergeKey])) at.set(item[mergeKey], i);
  });
  for (const item of patch) {
    const key = identity(item, mergeKey);
    const index = at.get(key);
    if (index === undefined) {
      at.set(key, merged.length);
      merged.push(item);
    } else {
      const present = merged[index] as Json;
      merged[index] = items === undefined ? { ...present, ...item } : mergeMap(present, item, items);
    }
  }
  return merged;
}

/**
 * The order of a merged list: elements that the patch names in the patch's order, those that only the server has in
 * the server's. A new element of the patch comes as early as that allows, so a lone one comes first.
 */
function arrange(
  merged: readonly unknown[],
  order: readonly unknown[],
  serverOrder: readonly unknown[],
  mergeKey: string | undefined,
): unknown[] {
  const inPatch = positions(order, mergeKey);
  const onServer = positions(serverOrder, mergeKey);
  const named: [position: number, item: unknown][] = [];
  const serverOnly: unknown[] = [];
  for (const item of merged) {
    const position = inPatch.get(identity(item, mergeKey));
    if (position === undefined) serverOnly.push(item);
    else named.push([position, item]);
  }
  named.sort(([a], [b]) => a - b);
  const result: unknown[] = [];
  let left = 0;
  for (const [, item] of named) {
    const at = onServer.get(identity(item, mergeKey));
    while (left < serverOnly.length && at !== undefined) {
      const other = onServer.get(identity(serverOnly[left], mergeKey));
      if (other === undefined || other >= at) break;
      result.push(serverOnly[left++]);
    }
    result.push(item);
  }
  return [...result, ...serverOnly.slice(left)];
}

/** First position of each element. */
function positions(list: readonly unknown[], mergeKey: string | undefined): Map<unknown, number> {
  const found = new Map<unknown, number>();
  list.forEach((item, i) => {
    const key = identity(item, mergeKey);
    if (!found.has(key)) found.set(key, i);
  });
  return found;
}

function discardNulls(value: unknown): void {
  if (Array.isArray(value)) {
    for (const item of value) discardNulls(item);
  } else if (isJsonObject(value)) {
    for (const key of Object.keys(value)) {
      if (value[key] === null) delete value[key];
      else discardNulls(value[key]);
    }
  }
}

/** What is left of a new value without its directives; false: nothing, since it is a directive itself. */
function withoutDirectives(value: unknown): [unknown, boolean] {
  if (Array.isArray(value)) {
    const kept: unknown[] = [];
    for (const item of value) {
      const [rest, keep] = withoutDirectives(item);
      if (keep) kept.push(rest);
    }
    return [kept, true];
  }
  if (!isJsonObject(value)) return [value, true];
  if (Object.hasOwn(value, DIRECTIVE)) return [undefined, false];
  for (const key of Object.keys(value)) {
    const [rest, keep] = withoutDirectives(value[key]);
    if (keep) value[key] = rest;
    else delete value[key];
  }
  return [value, true];
}
