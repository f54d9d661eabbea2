import { META_FIELDS, type Structural } from './structural.js';
import type { UnknownFields } from './unknown-fields.js';

/**
 * Removes, in place, what the schema does not have. apiVersion, kind and metadata of resources stay: they have types of
 * their own. As apiextensions-apiserver's schema/pruning does it.
 */
export function prune(value: unknown, place: Structural | undefined, unknown: UnknownFields): void {
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) pruneList(value, place, unknown);
  else pruneMap(value as Record<string, unknown>, place, unknown);
}

function pruneList(list: unknown[], place: Structural | undefined, unknown: UnknownFields): void {
  const items = place?.items;
  // Items of a list that is kept as it is, and has no schema for them.
  if (items === undefined && place?.preservesUnknown) return;
  for (let i = 0; i < list.length; i++) {
    unknown.enter(i);
    if (place?.preservesUnknown) pruneKept(list[i], items, unknown);
    else prune(list[i], items, unknown);
    unknown.leave();
  }
}

/** Items of a list that keeps what is unknown keep it as well. */
function pruneKept(value: unknown, place: Structural | undefined, unknown: UnknownFields): void {
  if (typeof value !== 'object' || value === null || place === undefined) return;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      unknown.enter(i);
      pruneKept(value[i], place.items, unknown);
      unknown.leave();
    }
  } else pruneMembers(value as Record<string, unknown>, place, unknown, true);
}

function pruneMap(map: Record<string, unknown>, place: Structural | undefined, unknown: UnknownFields): void {
  if (place !== undefined) {
    pruneMembers(map, place, unknown, place.preservesUnknown);
    return;
  }
  for (const name in map) {
    unknown.add(name);
    // own-lookup: a member of its own
    delete map[name];
  }
}

function pruneMembers(map: Record<string, unknown>, place: Structural, unknown: UnknownFields, keeps: boolean): void {
  for (const name in map) {
    if (place.embedded && META_FIELDS.has(name)) continue;
    const property = place.properties.get(name);
    if (property === undefined && !place.hasAdditional) {
      if (keeps) continue;
      if (!META_FIELDS.has(name) || !unknown.isAtRoot) unknown.add(name);
      // own-lookup: a member of its own
      delete map[name];
      continue;
    }
    unknown.enter(name);
    // own-lookup: a member of its own
    prune(map[name], property ?? place.additional, unknown);
    unknown.leave();
  }
}
