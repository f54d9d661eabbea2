import { deepCopy, deepEqual, isJsonObject, setOwn } from './json.js';
import { jsonTypeName } from './json-decode.js';
import { badRequest, requestEntityTooLarge, unprocessable } from './status.js';

/** One RFC 6902 operation. */
export interface JsonPatchOperation {
  op: string;
  path: string;
  from?: string;
  value?: unknown;
}

/** More operations than this are refused with a 413. */
const MAX_OPERATIONS = 10_000;
/** Bytes that the copy operations of one patch may add up to. */
const MAX_COPIED = 3 * 1024 * 1024;

const OPERATION_FIELDS = new Set(['op', 'path', 'from', 'value']);

/** A patch cannot be applied: becomes a 422 that, as the reference does, says no more, but to webhooks. */
class Inapplicable extends Error {}

type Json = Record<string, unknown>;

/**
 * Applies a JSON patch and gives the result; the document is left alone. Throws a 400 when the patch is none, and a 422
 * when it does not fit the document.
 */
export function applyJsonPatch(document: object, patch: unknown): Json {
  const steps = jsonPatchSteps(document, patch);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** List elements that are moved before a pause: some milliseconds. */
const MOVED_AT_A_TIME = 2_000_000;

/** As applyJsonPatch, with pauses: ten thousand operations at the head of a long list take seconds. */
export function* jsonPatchSteps(document: object, patch: unknown): Generator<undefined, Json> {
  const operations = checkOperations(patch);
  const result = deepCopy(document) as Json;
  const cost: Cost = { copied: 0, moved: 0 };
  try {
    for (const operation of operations) {
      applyNamed(result, operation, cost);
      if (cost.moved < MOVED_AT_A_TIME) continue;
      cost.moved = 0;
      yield;
    }
  } catch (error) {
    if (error instanceof Inapplicable) throw unprocessable(error);
    // Copies of a thing into itself are nested ever deeper.
    if (error instanceof RangeError && operations.some(({ op }) => op === 'copy'))
      throw badRequest('exceeded max depth');
    throw error;
  }
  return result;
}

/** Fields of the operations that mean nothing: errors or warnings of strict decoding. */
export function jsonPatchStrictErrors(patch: unknown): string[] {
  if (!Array.isArray(patch)) return [];
  const errors: string[] = [];
  patch.forEach((operation, i) => {
    if (!isJsonObject(operation)) return;
    for (const name in operation) {
      if (!OPERATION_FIELDS.has(name)) errors.push(`json patch unknown field "[${i}].${name}"`);
    }
  });
  return errors;
}

function checkOperations(patch: unknown): JsonPatchOperation[] {
  if (!Array.isArray(patch)) {
    throw badRequest(`json: cannot unmarshal ${jsonTypeName(patch)} into Go value of type jsonpatch.Patch`);
  }
  if (patch.length > MAX_OPERATIONS) {
    const text = `The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${patch.length}`;
    throw requestEntityTooLarge(text);
  }
  for (const operation of patch) {
    if (!isJsonObject(operation)) {
      throw badRequest(`json: cannot unmarshal ${jsonTypeName(operation)} into Go value of type jsonpatch.Operation`);
    }
  }
  return patch as JsonPatchOperation[];
}

/** What the operations so far have cost. */
interface Cost {
  /** Bytes of copies. */
  copied: number;
  /** Elements of the lists that changed, since the last pause. */
  moved: number;
}

/** The error says which operation it is, as evanphx/json-patch words it. */
function applyNamed(document: Json, operation: JsonPatchOperation, cost: Cost): void {
  try {
    applyOperation(document, operation, cost);
  } catch (error) {
    if (!(error instanceof Inapplicable)) throw error;
    throw new Inapplicable(inapplicable(operation, error.message));
  }
}

/** Neither field need be a text. */
function inapplicable({ op, path }: JsonPatchOperation, why: string): string {
  const place = JSON.stringify(path);
  if (op === 'test') return `testing value ${place} failed: ${why}`;
  const name = typeof op === 'string' ? op : JSON.stringify(op);
  return `${name} operation does not apply: doc is missing path: ${place}: ${why}`;
}

function applyOperation(document: Json, operation: JsonPatchOperation, cost: Cost): void {
  const { op } = operation;
  switch (op) {
    case 'add':
      addAt(document, pathOf(operation.path), deepCopy(operation.value ?? null), cost);
      return;
    case 'remove':
      removeAt(document, pathOf(operation.path), cost);
      return;
    case 'replace':
      replaceAt(document, pathOf(operation.path), deepCopy(operation.value ?? null));
      return;
    case 'move':
      addAt(document, pathOf(operation.path), removeAt(document, pathOf(operation.from), cost), cost);
      return;
    case 'copy': {
      const value = deepCopy(existing(document, pathOf(operation.from)));
      cost.copied += JSON.stringify(value).length;
      if (cost.copied > MAX_COPIED) throw new Inapplicable('too much is copied');
      addAt(document, pathOf(operation.path), value, cost);
      return;
    }
    case 'test':
      testAt(document, pathOf(operation.path), operation.value ?? null);
      return;
    default:
      throw new Inapplicable('unknown operation');
  }
}

/** Steps of a JSON pointer. The whole document is no target, as in the reference. */
function pathOf(pointer: unknown): string[] {
  if (typeof pointer !== 'string' || !pointer.startsWith('/')) throw new Inapplicable('bad path');
  return pointer
    .slice(1)
    .split('/')
    .map((step) => step.replace(/~1/g, '/').replace(/~0/g, '~'));
}

type Container = Json | unknown[];

function parentOf(document: Json, path: readonly string[]): Container {
  let node: unknown = document;
  for (let i = 0; i < path.length - 1; i++) node = read(node, path[i]!);
  if (typeof node !== 'object' || node === null) throw new Inapplicable('missing value');
  return node as Container;
}

function read(node: unknown, step: string): unknown {
  if (Array.isArray(node)) return node[indexOf(step, node.length)];
  if (isJsonObject(node) && Object.hasOwn(node, step)) return node[step];
  throw new Inapplicable('missing value');
}

/** Negative indexes count from the end. */
function indexOf(step: string, length: number, last = length - 1): number {
  if (!/^[+-]?\d+$/.test(step)) throw new Inapplicable('bad index');
  const index = Number(step);
  const absolute = index < 0 ? index + last + 1 : index;
  if (absolute < 0 || absolute > last) throw new Inapplicable('index out of bounds');
  return absolute;
}

function lastOf(path: readonly string[]): string {
  return path[path.length - 1]!;
}

function addAt(document: Json, path: readonly string[], value: unknown, cost: Cost): void {
  const parent = parentOf(document, path);
  const step = lastOf(path);
  if (!Array.isArray(parent)) setOwn(parent, step, value);
  else if (step === '-') parent.push(value);
  else {
    cost.moved += parent.length;
    parent.splice(indexOf(step, parent.length, parent.length), 0, value);
  }
}

function removeAt(document: Json, path: readonly string[], cost: Cost): unknown {
  const parent = parentOf(document, path);
  const step = lastOf(path);
  const value = read(parent, step);
  if (Array.isArray(parent)) {
    cost.moved += parent.length;
    parent.splice(indexOf(step, parent.length), 1);
  } else delete parent[step];
  return value;
}

function replaceAt(document: Json, path: readonly string[], value: unknown): void {
  const parent = parentOf(document, path);
  const step = lastOf(path);
  read(parent, step);
  if (Array.isArray(parent)) parent[indexOf(step, parent.length)] = value;
  else setOwn(parent, step, value);
}

function existing(document: Json, path: readonly string[]): unknown {
  return read(parentOf(document, path), lastOf(path));
}

/** A member that is not there equals null. */
function testAt(document: Json, path: readonly string[], expected: unknown): void {
  const parent = parentOf(document, path);
  const step = lastOf(path);
  const actual = isJsonObject(parent) && !Object.hasOwn(parent, step) ? null : read(parent, step);
  if (!deepEqual(actual, expected)) throw new Inapplicable('test failed');
}
