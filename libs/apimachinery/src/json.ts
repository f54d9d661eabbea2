/** Plain JSON values: comparing, copying, freezing. All of it runs on every write. */

const hasOwn = Object.prototype.hasOwnProperty;

/** A copy of plain JSON data that shares nothing with the original. */
export function deepCopy<T>(value: T): T {
  return copy(value) as T;
}

function copy(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const list = new Array(value.length);
    for (let i = 0; i < value.length; i++) list[i] = copy(value[i]);
    return list;
  }
  const object: Record<string, unknown> = {};
  for (const key in value) setOwn(object, key, copy((value as Record<string, unknown>)[key]));
  return object;
}

/** Assigns as JSON.parse does: `__proto__` becomes an ordinary key. */
export function setOwn(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
  } else {
    // own-lookup: the one name that is no ordinary member is dealt with above
    object[key] = value;
  }
}

/** The object's own member: what all objects inherit, such as `constructor`, is not there. */
export function ownValue<T>(object: Readonly<Record<string, T>> | null | undefined, key: string): T | undefined {
  return object !== undefined && object !== null && hasOwn.call(object, key) ? object[key] : undefined;
}

/** A table by text that may be anybody's: it has no prototype, so nothing is found in it that was not written there. */
export interface Bare<T> {
  readonly [key: string]: T;
}

export function bare<T>(entries: Readonly<Record<string, T>>): Bare<T> {
  // own-lookup: without a prototype `__proto__` is a name like any other
  return Object.freeze(Object.assign(Object.create(null), entries));
}

/** Same JSON; the order of keys does not matter, and undefined is the same as absent. */
export function deepEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    for (let i = 0; i < a.length; i++) if (!deepEqual(a[i], b[i])) return false;
    return true;
  }
  if (Array.isArray(b)) return false;
  let defined = 0;
  for (const key in a) {
    const left = (a as Record<string, unknown>)[key];
    if (left === undefined) continue;
    defined++;
    // own-lookup: asked before
    if (!hasOwn.call(b, key) || !deepEqual(left, (b as Record<string, unknown>)[key])) return false;
  }
  for (const key in b) if ((b as Record<string, unknown>)[key] !== undefined) defined--;
  return defined === 0;
}

/** As deepEqual, and absent, null, {} and [] are all the same: how Kubernetes compares typed objects. */
export function semanticEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (isVoid(a)) return isVoid(b);
  if (isVoid(b) || typeof a !== 'object' || typeof b !== 'object') return false;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    for (let i = 0; i < a.length; i++) if (!semanticEqual(a[i], b[i])) return false;
    return true;
  }
  if (Array.isArray(b)) return false;
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  for (const key in left) if (!semanticEqual(left[key], ownValue(right, key))) return false;
  for (const key in right) if (!hasOwn.call(left, key) && !isVoid(right[key])) return false;
  return true;
}

/** Absent, null, {} or []. */
function isVoid(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (typeof value !== 'object') return false;
  if (Array.isArray(value)) return value.length === 0;
  for (const _ in value) return false;
  return true;
}

/** Freezes a plain JSON value all the way down, and returns it. What is frozen already is not visited. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    for (const key in value) deepFreeze(value[key]);
    Object.freeze(value);
  }
  return value;
}

/**
 * Removes members that are null, in place and all the way down: to typed objects null means absent. List elements
 * stay. Nothing is removed from objects that are frozen, so copy those first.
 */
export function pruneNulls<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    for (const item of value) pruneNulls(item);
    return value;
  }
  const object = value as Record<string, unknown>;
  for (const key in object) {
    if (object[key] === null) delete object[key];
    else pruneNulls(object[key]);
  }
  return value;
}

export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
