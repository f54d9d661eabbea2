import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import type { OutputFormat } from '../../codec/negotiation.js';
import { encodeObject, listEnclosure, watchFrame } from '../../codec/protobuf/envelope.js';
import { metadataForm, type ProtobufForm } from '../../codec/protobuf/protobuf-form.js';
import type { ListedResult, WatchItem } from '../../registry/api-result.js';
import { peekServed, type ResourceEntry } from '../../registry/resource-table.js';
import type { CachedObject } from '../../storage/store.js';
import { CONVERTED_AT_A_TIME, type ListBody, listBody } from './list-body.js';

const NOTHING = Buffer.alloc(0);

/** The objects themselves or their metadata; a Table is refused before. */
function formOf(entry: ResourceEntry, { as, asVersion }: OutputFormat): ProtobufForm {
  if (as === undefined) return entry.protobuf!;
  let form = entry.metadataForms.get(asVersion);
  if (!form) entry.metadataForms.set(asVersion, (form = metadataForm(asVersion)));
  return form;
}

export function protobufObject(object: CachedObject, entry: ResourceEntry, format: OutputFormat): Buffer {
  return formOf(entry, format).enclosedOf(object, () => peekServed(entry, object));
}

/** The length of a list comes before its items: they are all encoded first, some of them at a time. */
export async function protobufList(
  result: ListedResult,
  entry: ResourceEntry,
  format: OutputFormat,
  metadata: object,
): Promise<ListBody> {
  const form = formOf(entry, format);
  const [apiVersion, kind] =
    format.as === undefined
      ? [entry.apiVersion, entry.definition.listKind]
      : [format.asVersion, 'PartialObjectMetadataList'];
  const itemOf = (item: CachedObject) => form.itemOf(item, () => peekServed(entry, item));
  let length = 0;
  let converted = 0;
  for (const item of result.items) {
    length += itemOf(item).length;
    converted += item.bytes.length;
    if (converted < CONVERTED_AT_A_TIME) continue;
    converted = 0;
    await turnOfTheLoop();
  }
  const frame = { ...listEnclosure(apiVersion, kind, metadata, length), separator: NOTHING };
  return listBody(
    frame,
    `protobuf ${apiVersion} ${entry.apiVersion} ${entry.definition.listKind}`,
    result.items,
    itemOf,
  );
}

/** A frame of a watch. */
export function protobufEvent(item: WatchItem, entry: ResourceEntry, format: OutputFormat): Buffer {
  const { type, object, literal } = item;
  if (object) return formOf(entry, format).frameOf(type, object, () => peekServed(entry, object));
  if (type === 'ERROR' || format.as === undefined) return watchFrame(type, encodeObject(literal!));
  return watchFrame(type, encodeObject({ ...literal!, kind: 'PartialObjectMetadata', apiVersion: format.asVersion }));
}
