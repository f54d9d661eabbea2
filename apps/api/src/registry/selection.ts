import { badRequest, FieldMatcher, LabelMatcher, parseFieldSelector, parseLabelSelector, quote } from '#apimachinery';
import type { CachedObject, ObjectFilter } from '../storage/store.js';
import type { ResourceEntry } from './resource-table.js';
import { servedObject } from './resource-table.js';

const ALWAYS_SELECTABLE = new Set(['metadata.name', 'metadata.namespace']);

/**
 * What a list, a watch or a deletecollection is narrowed to; undefined when it takes everything. `name` comes from the
 * path or from the field selector itself. Throws 400 for selectors that do not parse or name a field that the resource
 * does not offer.
 */
export function buildFilter(
  entry: ResourceEntry,
  labelSelector: string,
  fieldSelector: string,
  name: string,
): ObjectFilter | undefined {
  const labels = labelSelector === '' ? LabelMatcher.everything : parseLabelSelector(labelSelector);
  const fields = selectFields(entry, fieldSelector, name);
  if (labels.isEverything && fields.isEverything) return undefined;
  const label = labels.exactMatch();
  const exact = fields.exactMatch();
  const stored = entry.served === undefined;
  return {
    matches: (object) => {
      if (!labels.isEverything && !labels.matches(object.labels)) return false;
      return fields.isEverything || fields.matches((field) => fieldOf(entry, object, field, stored));
    },
    equalLabel: label,
    equalField:
      exact && (stored || ALWAYS_SELECTABLE.has(exact.field)) ? { label: exact.field, value: exact.value } : undefined,
  };
}

function fieldOf(entry: ResourceEntry, object: CachedObject, field: string, stored: boolean): string {
  if (field === 'metadata.name') return object.name;
  if (field === 'metadata.namespace') return object.namespace;
  return stored ? object.field(field) : entry.definition.fieldValue(servedObject(entry, object), field);
}

function selectFields(entry: ResourceEntry, fieldSelector: string, name: string): FieldMatcher {
  const fields = fieldSelector === '' ? FieldMatcher.everything : parseFieldSelector(fieldSelector);
  for (const { field } of fields.requirements) {
    if (ALWAYS_SELECTABLE.has(field) || entry.definition.fieldLabels.includes(field)) continue;
    if (entry.definition.fieldLabels.length > 0) throw badRequest(`field label not supported: ${field}`);
    throw badRequest(`${quote(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`);
  }
  if (name === '') return fields;
  if (fields.isEverything) return new FieldMatcher([{ field: 'metadata.name', operator: '=', value: name }]);
  if (fields.exactValue('metadata.name') !== name) {
    throw badRequest("fieldSelector metadata.name doesn't match requested name");
  }
  return fields;
}
