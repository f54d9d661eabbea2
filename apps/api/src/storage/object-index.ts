import { ownValue } from '#apimachinery';
import type { CacheEntry } from './cached-object.js';

/** Indexes cost memory and a parse a write: only what lists ask for gets one, and not more than this many a resource. */
const MAX_INDEXES = 12;

/** One index: value -> keys of the objects that have it. */
class ValueIndex {
  private readonly keys = new Map<string, Set<string>>();

  constructor(private readonly valueIn: (entry: CacheEntry) => string | undefined) {}

  add(key: string, entry: CacheEntry): void {
    const value = this.valueIn(entry);
    if (value === undefined) return;
    const set = this.keys.get(value);
    if (set) set.add(key);
    else this.keys.set(value, new Set([key]));
  }

  remove(key: string, entry: CacheEntry): void {
    const value = this.valueIn(entry);
    if (value === undefined) return;
    const set = this.keys.get(value);
    set?.delete(key);
    if (set?.size === 0) this.keys.delete(value);
  }

  replace(key: string, before: CacheEntry | undefined, after: CacheEntry): void {
    if (before && this.valueIn(before) === this.valueIn(after)) return;
    if (before) this.remove(key, before);
    this.add(key, after);
  }

  get(value: string): Iterable<string> {
    return this.keys.get(value) ?? [];
  }
}

/** The exact-match indexes of one resource, by label and by field, made when first asked for. */
export class ObjectIndexes {
  private readonly indexes = new Map<string, ValueIndex>();

  constructor(private entries: ReadonlyMap<string, CacheEntry>) {}

  byLabel(label: string, value: string): Iterable<string> {
    return this.index(`l ${label}`, (entry) => ownValue(entry.labels, label)).get(value);
  }

  byField(field: string, value: string): Iterable<string> {
    return this.index(`f ${field}`, (entry) => entry.field(field)).get(value);
  }

  upserted(key: string, before: CacheEntry | undefined, after: CacheEntry): void {
    for (const index of this.indexes.values()) index.replace(key, before, after);
  }

  removed(key: string, before: CacheEntry): void {
    for (const index of this.indexes.values()) index.remove(key, before);
  }

  reset(entries: ReadonlyMap<string, CacheEntry>): void {
    this.entries = entries;
    this.indexes.clear();
  }

  private index(name: string, valueIn: (entry: CacheEntry) => string | undefined): ValueIndex {
    let index = this.indexes.get(name);
    if (index) {
      // Least recently used goes first.
      this.indexes.delete(name);
    } else {
      index = new ValueIndex(valueIn);
      for (const [key, entry] of this.entries) index.add(key, entry);
      if (this.indexes.size >= MAX_INDEXES) this.indexes.delete(this.indexes.keys().next().value!);
    }
    this.indexes.set(name, index);
    return index;
  }
}
