import { deepCopy, ownValue, setOwn } from '#apimachinery';
import { dropMalformedMetadata } from './embedded-metadata.js';
import { prune } from './prune.js';
import { reaching, type Structural } from './structural.js';
import { UnknownFields } from './unknown-fields.js';

/** Defaults of a schema, and what null stands for: apiextensions-apiserver's schema/defaulting. */

const hasDefaults = reaching((place) => place.hasDefault);

/** Removes, in place, members that are null where the schema allows no null and has no default to take its place. */
export function dropNulls(value: unknown, place: Structural | undefined): void {
  if (typeof value !== 'object' || value === null || place === undefined) return;
  if (Array.isArray(value)) {
    const { items } = place;
    if (items !== undefined) for (const item of value) dropNulls(item, items);
    return;
  }
  const map = value as Record<string, unknown>;
  for (const name in map) {
    const member = place.member(name);
    // own-lookup: a member of its own
    const item = map[name];
    // own-lookup: as above
    if (item === null && member !== undefined && !member.nullable && !member.hasDefault) delete map[name];
    else dropNulls(item, member);
  }
}

/** Fills in, in place, what is missing and has a default, and what is null and may not be. */
export function applySchemaDefaults(value: unknown, place: Structural): void {
  if (typeof value !== 'object' || value === null || !hasDefaults(place)) return;
  if (Array.isArray(value)) {
    const { items } = place;
    if (items === undefined) return;
    for (let i = 0; i < value.length; i++) {
      if (value[i] === null && takesDefault(items)) value[i] = defaultOf(items);
      applySchemaDefaults(value[i], items);
    }
    return;
  }
  applyToMap(value as Record<string, unknown>, place);
}

function applyToMap(map: Record<string, unknown>, place: Structural): void {
  for (const [name, property] of place.properties) {
    if (!property.hasDefault) continue;
    const item = ownValue(map, name);
    if (item === undefined || (item === null && !property.nullable)) setOwn(map, name, defaultOf(property));
  }
  for (const name in map) {
    const property = place.properties.get(name);
    const member = property ?? place.additional;
    if (member === undefined || !hasDefaults(member)) continue;
    // own-lookup: a member of its own
    if (property === undefined && map[name] === null && takesDefault(member)) setOwn(map, name, defaultOf(member));
    // own-lookup: as above
    applySchemaDefaults(map[name], member);
  }
}

function takesDefault(place: Structural): boolean {
  return place.hasDefault && !place.nullable;
}

function defaultOf(place: Structural): unknown {
  return deepCopy(place.preparedDefault((value) => prunedDefault(value, place)));
}

/** A schema may be stored with defaults that have more than it says: the reference prunes them before it uses them. */
function prunedDefault(value: unknown, place: Structural): unknown {
  if (place.insideMeta) return value;
  dropMalformedMetadata(value, place);
  prune(value, place, new UnknownFields());
  return value;
}
