import { badRequest, FieldMatcher, LabelMatcher, parseFieldSelector, parseLabelSelector, quote } from '#apimachinery';
import { convertAhead } from '../storage/converted-objects.js';
import type { CachedObject, ListResult, ObjectFilter, WatchCache } from '../storage/store.js';
import type { ResourceEntry } from './resource-table.js';
import { servedObject } from './resource-table.js';

const ALWAYS_SELECTABLE = new Set(['metadata.name', 'metadata.namespace']);

/** What a list, a watch or a deletecollection is narrowed to. */
export interface Selection {
  /** Undefined when it takes everything. Objects have to be converted when a field is asked for: see `early`. */
  readonly filter: ObjectFilter | undefined;
  /**
   * What can be told of objects before they are converted to the endpoint's version. The same as `filter`, but where fields are
   * asked of a version whose conversion takes time.
   */
  readonly early: ObjectFilter | undefined;
}

/**
 * `name` comes from the path or from the field selector itself. Throws 400 for selectors that do not parse or name a field that the
 * resource does not offer.
 */
export function buildSelection(
  entry: ResourceEntry,
  labelSelector: string,
  fieldSelector: string,
  name: string,
): Selection {
  const labels = labelSelector === '' ? LabelMatcher.everything : parseLabelSelector(labelSelector);
  const fields = selectFields(entry, fieldSelector, name);
  const filter = filterOf(entry, labels, fields);
  if (entry.served === undefined || entry.served.conversion.sync) return { filter, early: filter };
  const known = fields.requirements.filter(({ field }) => ALWAYS_SELECTABLE.has(field));
  if (known.length === fields.requirements.length) return { filter, early: filter };
  return { filter, early: filterOf(entry, labels, new FieldMatcher(known)) };
}

function filterOf(entry: ResourceEntry, labels: LabelMatcher, fields: FieldMatcher): ObjectFilter | undefined {
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

/**
 * The objects that a list shows. Where only the converted objects tell, those that may be shown are converted first: all of them,
 * since each page has to look at what stands before the next object that it shows.
 */
export async function listSelected(
  { cache, served }: ResourceEntry,
  { filter, early }: Selection,
  options: Omit<Parameters<WatchCache['list']>[0], 'filter'>,
): Promise<ListResult | undefined> {
  if (filter === early) return cache.list({ ...options, filter });
  const { namespace, after, at } = options;
  const candidates = cache.list({ namespace, after, at, filter: early });
  if (candidates === undefined) return undefined;
  await convertAhead(served, candidates.items);
  return cache.list({ ...options, at: candidates.revision, filter });
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
