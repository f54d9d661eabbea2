import { readFileSync } from 'node:fs';
import { ownValue, parseGroupVersion } from '#apimachinery';

/**
 * Names and numbers of the fields of all messages, as the published `generated.proto` files have them. `wire-numbers.json` is by the
 * last three parts of a message's name: `core.v1.Pod`.
 */

/**
 * By field number: JSON name and type. Types: s b i y d for scalars, a message name; `[` list, `{` map, `~` inlined. Go's encoder writes
 * the fields that are marked also when they are zero.
 */
export type WireFields = Readonly<Record<string, readonly [name: string, type: string, always?: 1]>>;

/** The body is no protobuf, or not of this type. */
export class WireError extends Error {
  override readonly name = 'WireError';
}

/** What every encoded object begins with. */
export const MAGIC: Buffer = Buffer.from('k8s\0');

let messages: Record<string, WireFields> | undefined;

function fieldsOrNone(message: string): WireFields | undefined {
  messages ??= JSON.parse(readFileSync(new URL('./wire-numbers.json', import.meta.url), 'utf8')) as typeof messages;
  return ownValue(messages!, message);
}

/** Throws WireError. */
export function fieldsOf(message: string): WireFields {
  const fields = fieldsOrNone(message);
  if (!fields) throw new WireError(`no protobuf message ${message}`);
  return fields;
}

/** By the OpenAPI name of a type. */
export function messageName(schemaName: string): string {
  return schemaName.split('.').slice(-3).join('.');
}

/** The message of a kind of the release; undefined where there is none, as for Table. Documents of discovery may have no version. */
export function messageOfKind(apiVersion: string, kind: string): string | undefined {
  const { group, version } = parseGroupVersion(apiVersion || 'v1')!;
  // One type has both versions.
  if (kind === 'PartialObjectMetadata') return 'meta.v1.PartialObjectMetadata';
  const families = group === '' ? ['core', 'meta'] : [group.split('.')[0]];
  return families.map((family) => `${family}.${version}.${kind}`).find((name) => fieldsOrNone(name) !== undefined);
}
