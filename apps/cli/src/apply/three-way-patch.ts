import { childNode, deepEqual, ownValue, type SchemaNode, setOwn } from '#apimachinery';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type Fields = { [key: string]: Json };

/**
 * A strategic merge patch that brings a live object to `next`: everything `next` says, plus the removal of what the last
 * apply said and `next` no longer does. Fields that neither names belong to others and stay.
 */
export function threeWayPatch(last: Fields | undefined, next: Fields, schema: SchemaNode): Fields {
  return last ? withRemovals(last, next, schema) : next;
}

function withRemovals(last: Fields, next: Fields, schema: SchemaNode): Fields {
  const patch: Fields = { ...next };
  for (const [name, before] of Object.entries(last)) {
    const after = ownValue(next, name);
    if (after === undefined || after === null) setOwn(patch, name, null);
    else if (isFields(before) && isFields(after))
      setOwn(patch, name, withRemovals(before, after, childNode(schema, name)));
    else if (Array.isArray(before) && Array.isArray(after))
      mergeList(patch, name, before, after, childNode(schema, name));
  }
  return patch;
}

/** Lists without a merge strategy are replaced as they are; the others need their removals spelled out. */
function mergeList(patch: Fields, name: string, before: Json[], after: Json[], schema: SchemaNode): void {
  if (!schema.patchStrategy.includes('merge')) return;
  const key = schema.mergeKey;
  if (!key) {
    const gone = before.filter((item) => !after.some((other) => deepEqual(item, other)));
    if (gone.length > 0) patch[`$deleteFromPrimitiveList/${name}`] = gone;
    return;
  }
  const keyOf = (item: Json) => (isFields(item) ? ownValue(item, key) : undefined);
  const items = after.map((item) => {
    const old = before.find((candidate) => keyOf(candidate) === keyOf(item));
    return isFields(item) && isFields(old) && schema.items ? withRemovals(old, item, schema.items) : item;
  });
  for (const item of before) {
    const value = keyOf(item);
    if (value !== undefined && !after.some((other) => keyOf(other) === value))
      items.push({ $patch: 'delete', [key]: value });
  }
  setOwn(patch, name, items);
}

function isFields(value: Json | undefined): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
