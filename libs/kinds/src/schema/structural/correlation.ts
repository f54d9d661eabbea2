import { deepEqual, isJsonObject, ownValue } from '#apimachinery';
import type { Structural } from './structural.js';

/**
 * A value and the stored one that it takes the place of, found by name, or by the keys of a list of type map: apiserver's
 * cel/common. What is equal is known for each pair once.
 */
export class Correlation {
  private equal: boolean | undefined;
  private keyed: KeyedItems | undefined;
  private children: Map<string | number, Correlation> | undefined;

  constructor(
    private readonly value: unknown,
    private readonly old: unknown,
    private readonly place: Structural,
    /** Its apiVersion and kind are paired with nothing: both objects were brought to the same version. */
    private readonly isTop = false,
  ) {}

  /** Undefined when one of both has no such member. */
  key(name: string): Correlation | undefined {
    if (this.isTop && (name === 'apiVersion' || name === 'kind')) return undefined;
    const known = this.children?.get(name);
    if (known !== undefined) return known;
    if (!isJsonObject(this.value) || !isJsonObject(this.old)) return undefined;
    const value = ownValue(this.value, name);
    const old = ownValue(this.old, name);
    const place = this.place.member(name);
    if (value === undefined || old === undefined || place === undefined) return undefined;
    return this.keep(name, new Correlation(value, old, place));
  }

  /** Undefined unless the list is of type map and had an item with the same keys. */
  index(at: number): Correlation | undefined {
    const known = this.children?.get(at);
    if (known !== undefined) return known;
    const { items } = this.place;
    if (items === undefined || !Array.isArray(this.value) || !Array.isArray(this.old)) return undefined;
    const old = this.oldItem(this.value[at], this.old);
    return old === undefined ? undefined : this.keep(at, new Correlation(this.value[at], old, items));
  }

  /** In lists of type map the order does not matter. */
  isUnchanged(): boolean {
    return (this.equal ??= this.compare());
  }

  private compare(): boolean {
    const { value, old, place } = this;
    if (Array.isArray(value) && Array.isArray(old)) {
      if (value.length !== old.length) return false;
      if (place.listType !== 'map' || place.items === undefined) return deepEqual(value, old);
      return value.every((_, i) => this.index(i)?.isUnchanged() ?? false);
    }
    if (isJsonObject(value) && isJsonObject(old)) {
      const names = Object.keys(value);
      return names.length === Object.keys(old).length && names.every((name) => this.key(name)?.isUnchanged() ?? false);
    }
    return deepEqual(value, old);
  }

  private oldItem(item: unknown, old: readonly unknown[]): unknown {
    if (this.place.listType !== 'map') return undefined;
    this.keyed ??= new KeyedItems(old, this.place.mapKeys);
    return this.keyed.find(item);
  }

  private keep(step: string | number, child: Correlation): Correlation {
    this.children ??= new Map();
    this.children.set(step, child);
    return child;
  }
}

/** Items of a list of type map by their keys; the first of several with the same. */
export class KeyedItems {
  private byKey: Map<string, unknown> | undefined;

  constructor(
    private readonly items: readonly unknown[],
    private readonly keys: readonly string[],
  ) {}

  find(item: unknown): unknown {
    const key = this.keyOf(item);
    return key === undefined ? undefined : (this.byKey ??= this.index()).get(key);
  }

  private index(): Map<string, unknown> {
    const byKey = new Map<string, unknown>();
    for (const item of this.items) {
      const key = this.keyOf(item);
      if (key !== undefined && !byKey.has(key)) byKey.set(key, item);
    }
    return byKey;
  }

  /** Undefined for what lacks a key, or has a list or an object as one. */
  private keyOf(item: unknown): string | undefined {
    if (!isJsonObject(item) || this.keys.length === 0) return undefined;
    const values: unknown[] = [];
    for (const key of this.keys) {
      const value = ownValue(item, key);
      if (value === undefined || typeof value === 'object') return undefined;
      values.push(value);
    }
    return JSON.stringify(values);
  }
}
