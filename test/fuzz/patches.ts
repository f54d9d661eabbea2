import { type Body, bodyOf } from './bodies.js';
import type { Dice } from './dice.js';
import { hostileText, hostileValue } from './hostile.js';
import { type Json, mutated } from './mutations.js';
import { RawJson } from './raw-json.js';
import type { TypeSchema, Types } from './types.js';

export interface Patch extends Body {
  query: string;
}

/** A patch of any type against `stored`; `sample` is what an applier would send. */
export function patchOf(dice: Dice, types: Types, schema: TypeSchema, stored: Json, sample: Json): Patch {
  const applied = (type: string): Patch => ({
    ...bodyOf(dice, dice.chance(0.3) ? sample : mutated(dice, types, schema, sample), type),
    query: `fieldManager=${dice.pick(['a', 'b', 'kubectl', ''])}&force=${dice.pick(['true', 'true', 'false', 'x'])}`,
  });
  return dice.oneOf<Patch>(
    () => ({
      ...bodyOf(dice, operations(dice, types, schema, stored) as never, 'application/json-patch+json'),
      query: '',
    }),
    () => ({ ...bodyOf(dice, part(dice, types, schema, stored), 'application/merge-patch+json'), query: '' }),
    () => ({
      ...bodyOf(
        dice,
        withDirectives(dice, part(dice, types, schema, stored)),
        'application/strategic-merge-patch+json',
      ),
      query: '',
    }),
    () => applied('application/apply-patch+yaml'),
    () => applied(dice.chance(0.9) ? 'application/apply-patch+yaml' : 'application/apply-patch+cbor'),
  );
}

function operations(dice: Dice, types: Types, schema: TypeSchema, stored: Json): unknown {
  const list = dice.times(5, () => {
    const { path, type } = pointer(dice, types, schema, stored);
    const operation: Json = {
      op: dice.pick(['add', 'add', 'replace', 'replace', 'remove', 'test', 'move', 'copy']),
      path,
    };
    if (operation['op'] === 'move' || operation['op'] === 'copy')
      operation['from'] = pointer(dice, types, schema, stored).path;
    else if (operation['op'] !== 'remove') operation['value'] = types.value(dice, type);
    return dice.chance(0.05) ? hostileValue(dice) : operation;
  });
  return dice.chance(0.03) ? hostileValue(dice) : list;
}

/** A JSON pointer to a member that is there, that could be there, or to nowhere. */
function pointer(dice: Dice, types: Types, schema: TypeSchema, stored: Json): { path: string; type: TypeSchema } {
  let [path, type, value]: [string, TypeSchema, unknown] = ['', schema, stored];
  for (let depth = 1 + dice.below(6); depth > 0; depth--) {
    const known = Array.isArray(value)
      ? [...value.keys(), '-', value.length, -1, '01', 1e21]
      : [
          ...(value !== null && typeof value === 'object' ? Object.keys(value) : []),
          ...Object.keys(types.resolved(type).properties ?? {}),
        ];
    const key = known.length > 0 && dice.chance(0.95) ? dice.pick(known) : hostileText(dice);
    path += `/${dice.chance(0.98) ? String(key).replaceAll('~', '~0').replaceAll('/', '~1') : `${key}~2`}`;
    type = types.member(type, key);
    value = value !== null && typeof value === 'object' && Object.hasOwn(value, key) ? (value as Json)[key] : undefined;
  }
  return { path, type };
}

/** Some of the members of a changed object, and some that are to go. */
function part(dice: Dice, types: Types, schema: TypeSchema, stored: Json): Json {
  const changed = mutated(dice, types, schema, stored);
  const thin = (value: unknown, depth: number): unknown => {
    if (value === null || typeof value !== 'object' || value instanceof RawJson || Array.isArray(value)) {
      return dice.chance(0.06) ? null : value;
    }
    const kept = Object.entries(value).filter(([key]) => depth === 0 || key === 'spec' || dice.chance(0.6));
    return Object.fromEntries(kept.map(([key, member]) => [key, thin(member, depth + 1)]));
  };
  const patch = thin(changed, 0) as Json;
  const metadata = patch['metadata'];
  if (dice.chance(0.9) && metadata !== null && typeof metadata === 'object' && !(metadata instanceof RawJson)) {
    // Without these nearly all patches would be refused before they are merged.
    for (const name of ['resourceVersion', 'uid', 'managedFields', 'creationTimestamp'])
      delete (metadata as Json)[name];
  }
  return patch;
}

/** With directives of strategic merges in places where they make sense, and where they do not. */
function withDirectives(dice: Dice, patch: Json): Json {
  const visit = (value: unknown): void => {
    if (value === null || typeof value !== 'object' || value instanceof RawJson) return;
    if (Array.isArray(value)) {
      if (dice.chance(0.1)) value.push({ $patch: dice.pick(['replace', 'delete', 'merge', 'x']) });
      value.forEach(visit);
      return;
    }
    const object = value as Json;
    for (const key of Object.keys(object)) {
      visit(object[key]);
      if (dice.chance(0.06))
        object[`$setElementOrder/${key}`] = dice.pick<unknown>([[], [{ name: 'c' }], ['a'], {}, null, 'x']);
      if (dice.chance(0.04)) object[`$deleteFromPrimitiveList/${key}`] = dice.pick<unknown>([[], ['a'], [{}], null, 1]);
    }
    if (dice.chance(0.05)) object['$retainKeys'] = dice.pick<unknown>([[], ['name'], [1], null, {}]);
    if (dice.chance(0.05)) object['$patch'] = dice.pick<unknown>(['delete', 'replace', 'merge', 'x', 1, null]);
  };
  visit(patch);
  return patch;
}
