import { isDNS1035Label, semanticEqual } from '#apimachinery';
import type {
  CustomResourceColumnDefinition,
  CustomResourceDefinitionVersion,
  CustomResourceSubresourceScale,
  SelectableField,
} from '../../../generated/types.js';
import { fieldPathIn } from '../../../schema/structural/field-path.js';
import { Structural } from '../../../schema/structural/structural.js';
import type { FieldCursor } from '../../../validation/field-cursor.js';
import { goStruct } from '../../../validation/go-struct.js';
import { checkRootSchema } from './schema.validation.js';
import type { StoredRules } from './schema-rules.validation.js';

/** Versions of a kind: schema, subresources, columns, fields for selectors. */

const MAX_SELECTABLE_FIELDS = 8;
const MAX_WARNING_LENGTH = 256;
const columnTypes = ['boolean', 'date', 'integer', 'number', 'string'];
const columnFormats = ['byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password'];
const parts = ['schema', 'subresources', 'additionalPrinterColumns', 'selectableFields'] as const;

export type VersionParts = Pick<CustomResourceDefinitionVersion, (typeof parts)[number]>;

/** What the versions share stands beside them: that is how the reference keeps it, and what the paths of errors say. */
export interface InternalForm {
  versions: readonly CustomResourceDefinitionVersion[];
  shared: VersionParts;
}

export function internalForm(versions: readonly CustomResourceDefinitionVersion[]): InternalForm {
  const first = versions[0];
  if (first === undefined) return { versions, shared: {} };
  const shared: VersionParts = {};
  for (const part of parts) {
    // own-lookup: a name of the type
    if (versions.every((version) => semanticEqual(version[part], first[part]))) {
      // own-lookup: as above
      Object.assign(shared, { [part]: first[part] });
    }
  }
  const rest = versions.map((version) => {
    return { ...version, ...Object.fromEntries(Object.keys(shared).map((part) => [part, undefined])) };
  });
  return { versions: rest as unknown as CustomResourceDefinitionVersion[], shared };
}

/** `stored` tells of a version what the stored definition has of it; of what all share for no version. */
export type StoredRulesOf = (version: string | undefined) => StoredRules;

export function checkVersions(at: FieldCursor, { versions, shared }: InternalForm, stored: StoredRulesOf): void {
  if (shared.schema?.openAPIV3Schema === undefined) {
    at.each('versions', versions, ({ schema }) => {
      if (schema?.openAPIV3Schema === undefined) at.required('schema.openAPIV3Schema');
    });
  }
  at.each('versions', versions, (version) => {
    const problems = isDNS1035Label(version.name ?? '');
    if (problems.length > 0) at.invalid('name', version.name ?? '', problems.join(','));
    checkWarning(at, version);
    const hasStatus = (shared.subresources ?? version.subresources)?.status !== undefined;
    checkVersionParts(at, version, 'schema', stored(version.name), hasStatus);
  });
  const names = versions.map(({ name }) => name);
  const shown = (): unknown => versions.map(shownVersion);
  if (new Set(names).size < names.length) at.invalid('versions', shown(), 'must contain unique version names');
  if (versions.filter(({ storage }) => storage).length !== 1) {
    at.invalid('versions', shown(), 'must have exactly one version marked as storage version');
  }
}

/** As the reference prints it, but for what lies below schemas. */
function shownVersion(version: CustomResourceDefinitionVersion): Map<string, unknown> {
  const names =
    'Name Served Storage Deprecated DeprecationWarning Schema Subresources AdditionalPrinterColumns SelectableFields';
  return goStruct(names, { deprecated: false, ...version });
}

function checkWarning(at: FieldCursor, { deprecated, deprecationWarning: warning }: CustomResourceDefinitionVersion) {
  if (warning === undefined) return;
  const refuse = (text: string): void => at.invalid('deprecationWarning', warning, text);
  if (!deprecated) {
    refuse('can only be set for deprecated versions');
    return;
  }
  if (Buffer.byteLength(warning) > MAX_WARNING_LENGTH) refuse(`must be <= ${MAX_WARNING_LENGTH} characters long`);
  if (warning === '') refuse('must not be an empty string');
  const bad = /[^\P{C}]|[^\P{Z} ]/u.exec(warning);
  if (bad !== null) {
    const index = Buffer.byteLength(warning.slice(0, bad.index));
    refuse(`must only contain printable UTF-8 characters; non-printable character found at index ${index}`);
  }
}

/** With the cursor at the version, or at the spec for what all versions share. */
export function checkVersionParts(
  at: FieldCursor,
  version: VersionParts,
  schemaName: 'schema' | 'validation',
  stored: StoredRules,
  hasStatus = version.subresources?.status !== undefined,
): void {
  const { schema, subresources, additionalPrinterColumns, selectableFields } = version;
  const root = schema?.openAPIV3Schema;
  if (root !== undefined) at.within(schemaName, () => checkRootSchema(at, root, hasStatus, stored));
  const scale = subresources?.scale;
  if (scale !== undefined) at.within('subresources', () => checkScale(at, scale));
  at.each('additionalPrinterColumns', additionalPrinterColumns, (column) => checkColumn(at, column));
  checkSelectableFields(at, selectableFields ?? [], version, schemaName);
}

/** Paths of errors stand behind a dot of their own: `subresources.scale.specReplicasPath`. */
function checkScale(at: FieldCursor, scale: CustomResourceSubresourceScale): void {
  for (const side of ['spec', 'status'] as const) {
    const name = `scale.${side}ReplicasPath`;
    const path = side === 'spec' ? scale.specReplicasPath : scale.statusReplicasPath;
    if (!path) at.required(name);
    else if (checkPath(at, name, path) && !path.startsWith(`.${side}.`)) {
      at.invalid(name, path, `should be a json path under .${side}`);
    }
  }
  const selector = scale.labelSelectorPath;
  if (selector && checkPath(at, 'scale.labelSelectorPath', selector) && !/^\.(spec|status)\./.test(selector)) {
    at.invalid('scale.labelSelectorPath', selector, 'should be a json path under either .spec or .status');
  }
}

function checkPath(at: FieldCursor, name: string, path: string): boolean {
  if (path.startsWith('.')) return true;
  at.invalid(name, path, 'must be a simple json path starting with .');
  return false;
}

function checkColumn(at: FieldCursor, { name, type = '', format, jsonPath }: CustomResourceColumnDefinition): void {
  if (!name) at.required('name');
  const types = `must be one of ${columnTypes.join(',')}`;
  if (type === '') at.required('type', types);
  else if (!columnTypes.includes(type)) at.invalid('type', type, types);
  if (format && !columnFormats.includes(format)) {
    at.invalid('format', format, `must be one of ${columnFormats.join(',')}`);
  }
  if (!jsonPath) at.required('JSONPath');
  else checkPath(at, 'JSONPath', jsonPath);
}

function checkSelectableFields(
  at: FieldCursor,
  fields: readonly SelectableField[],
  { schema }: VersionParts,
  schemaName: 'schema' | 'validation',
): void {
  if (fields.length === 0) return;
  const root = schema?.openAPIV3Schema;
  if (root === undefined) {
    const text =
      schemaName === 'schema'
        ? 'may only be set when `version.schema.openAPIV3Schema` is not included'
        : 'may only be set when validations.schema is included';
    at.invalid('selectableFields', '', text);
    return;
  }
  const seen = new Set<string>();
  at.each('selectableFields', fields, ({ jsonPath: path }) => {
    if (!path) {
      at.required('jsonPath');
      return;
    }
    const found = fieldPathIn(Structural.root(root), path, false);
    if (typeof found === 'string') {
      at.invalid('jsonPath', path, `is an invalid path: ${found}`);
      return;
    }
    if (/^\.metadata\b/.test(path)) at.invalid('jsonPath', path, 'must not point to fields in metadata');
    if (!['string', 'boolean', 'integer'].includes(found.place.schema.type ?? '')) {
      const text =
        'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.';
      at.invalid('jsonPath', path, text);
    }
    if (seen.has(path)) at.duplicate('jsonPath', path);
    seen.add(path);
  });
  if (seen.size > MAX_SELECTABLE_FIELDS) at.tooMany('selectableFields', seen.size, MAX_SELECTABLE_FIELDS);
}
