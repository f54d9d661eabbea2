import { deepCopy, deepEqual, isJsonObject, ownValue, setOwn } from './json.js';
import { badRequest } from './status.js';

type Json = Record<string, unknown>;

/** Applies an RFC 7386 merge patch and gives the result; the document is left alone. Throws a 400 for what is no patch. */
export function applyMergePatch(document: object, patch: unknown): Json {
  if (!isJsonObject(patch)) throw badRequest('Invalid JSON Patch');
  const result = deepCopy(document) as Json;
  mergeInto(result, patch);
  return result;
}

function mergeInto(target: Json, patch: Json): void {
  for (const key in patch) {
    const value = patch[key];
    if (value === null) {
      delete target[key];
    } else if (isJsonObject(value)) {
      const present = ownValue(target, key);
      if (isJsonObject(present)) {
        mergeInto(present, value);
      } else {
        const fresh: Json = {};
        mergeInto(fresh, value);
        setOwn(target, key, fresh);
      }
    } else {
      setOwn(target, key, deepCopy(value));
    }
  }
}

/** The merge patch that turns one document into another. Undefined when they are the same. */
export function createMergePatch(from: Json, to: Json): Json | undefined {
  let patch: Json | undefined;
  for (const key in from) {
    if (ownValue(to, key) === undefined) setOwn((patch ??= {}), key, null);
  }
  for (const key in to) {
    const change = difference(ownValue(from, key), to[key]);
    if (change !== undefined) setOwn((patch ??= {}), key, change);
  }
  return patch;
}

function difference(from: unknown, to: unknown): unknown {
  if (isJsonObject(from) && isJsonObject(to)) return createMergePatch(from, to);
  return to === undefined || deepEqual(from, to) ? undefined : to;
}
