import {
  aggregateMessages,
  FieldPath,
  fieldErrorText,
  goTypeName,
  isJsonObject,
  type ObjectMeta,
  ownValue,
  setOwn,
  validateLabels,
} from '#apimachinery';
import { validateAnnotations } from '#kinds';

/** Of metadata in a converted object that cannot be used. */
export class MetadataError extends Error {}

/**
 * The metadata of a converted object: that of the original, with the labels and annotations that the webhook gave. Throws
 * MetadataError for those that no object may have.
 */
export function convertedMetadata(original: ObjectMeta, converted: unknown): ObjectMeta {
  if (converted === undefined) throw new MetadataError('missing metadata in converted object');
  if (!isJsonObject(converted)) {
    throw new MetadataError(`invalid metadata of type ${goTypeName(converted)} in converted object`);
  }
  const metadata = { ...original };
  for (const part of ['labels', 'annotations'] as const) {
    // own-lookup: a name of the type
    const given = ownValue(converted, part);
    if (given === undefined || given === null) delete metadata[part];
    else metadata[part] = checkedTexts(part, given, original[part]);
  }
  return metadata;
}

function checkedTexts(
  part: 'labels' | 'annotations',
  given: unknown,
  before: Record<string, string> | undefined,
): Record<string, string> {
  if (!isJsonObject(given)) {
    throw new MetadataError(`invalid metadata.${part} of type ${goTypeName(given)} in converted object`);
  }
  const texts: Record<string, string> = {};
  let changed = Object.keys(given).length !== Object.keys(before ?? {}).length;
  for (const [key, value] of Object.entries(given)) {
    if (typeof value !== 'string') {
      const what = `must be a string, but is ${goTypeName(value)} in converted object`;
      throw new MetadataError(`metadata.${part}[${key}] ${what}`);
    }
    changed ||= ownValue(before, key) !== value;
    setOwn(texts, key, value);
  }
  if (!changed) return texts;
  const errors =
    part === 'labels'
      ? validateLabels(texts, FieldPath.of('metadata', 'labels'))
      : validateAnnotations(texts, FieldPath.of('metadata', 'annotation'));
  if (errors.length > 0) throw new MetadataError(aggregateMessages(errors.map(fieldErrorText)));
  return texts;
}
