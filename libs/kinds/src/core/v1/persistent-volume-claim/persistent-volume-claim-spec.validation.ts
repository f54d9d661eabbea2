import { isDNS1123Label, isDNS1123Subdomain, Quantity, validateLabelSelector, validateLabels } from '#apimachinery';
import type {
  PersistentVolumeClaimSpec,
  PersistentVolumeClaimTemplate,
  TypedLocalObjectReference,
  TypedObjectReference,
} from '../../../generated/types.js';
import { validateAnnotations } from '../../../meta/object-meta.validation.js';
import type { FieldCursor } from '../../../validation/field-cursor.js';
import { isName } from '../../../validation/object-names.js';

/** Specs of claims, and templates of them in other kinds. */

export const accessModes = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];
export const volumeModes = ['Block', 'Filesystem'];
/** What else a template's metadata could have, in the order in which upstream's reflection meets it. */
const forbiddenMetadata = [
  'name',
  'generateName',
  'namespace',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'ownerReferences',
  'finalizers',
  'managedFields',
] as const;

export function checkClaimTemplate(at: FieldCursor, name: string, template: PersistentVolumeClaimTemplate): void {
  const { metadata, spec } = template;
  at.enter(name);
  if (metadata !== undefined) {
    at.enter('metadata');
    if (metadata.annotations !== undefined) at.add(validateAnnotations(metadata.annotations, at.path('annotations')));
    if (metadata.labels !== undefined) at.add(validateLabels(metadata.labels, at.path('labels')));
    for (const key of forbiddenMetadata) {
      if (metadata[key] !== undefined && metadata[key] !== null) at.forbidden(key, 'cannot be set');
    }
    at.leave();
  }
  at.enter('spec');
  checkClaimSpec(at, spec);
  at.leave(2);
}

/** What an update may keep because the stored claim has it. */
export interface ClaimLeniency {
  selector: boolean;
  sourceGroups: boolean;
}

const strict: ClaimLeniency = { selector: false, sourceGroups: false };

export function checkClaimSpec(at: FieldCursor, spec: PersistentVolumeClaimSpec, lenient = strict): void {
  if ((spec.accessModes ?? []).length === 0) at.required('accessModes', 'at least 1 access mode is required');
  if (spec.selector !== undefined && !lenient.selector)
    at.add(validateLabelSelector(spec.selector, at.path('selector')));
  checkAccessModes(at, spec.accessModes ?? []);
  checkStorage(at, spec.resources?.requests?.['storage']);
  if (spec.storageClassName) at.format('storageClassName', spec.storageClassName, isName);
  at.optionalChoice('volumeMode', spec.volumeMode, volumeModes);
  checkDataSources(at, spec, lenient.sourceGroups);
  if (spec.volumeAttributesClassName) at.format('volumeAttributesClassName', spec.volumeAttributesClassName, isName);
}

export function checkAccessModes(at: FieldCursor, modes: readonly string[]): void {
  for (const mode of modes) if (!accessModes.includes(mode)) at.notSupported('accessModes', mode, accessModes);
  const known = modes.filter((mode) => accessModes.includes(mode));
  if (known.includes('ReadWriteOncePod') && known.some((mode) => mode !== 'ReadWriteOncePod')) {
    at.forbidden('accessModes', 'may not use ReadWriteOncePod with other access modes');
  }
}

function checkStorage(at: FieldCursor, storage: string | number | undefined): void {
  if (storage !== undefined && Quantity.parse(storage).sign() > 0) return;
  at.enter('resources');
  at.enterKey('storage');
  if (storage === undefined) at.required('');
  else at.invalid('', String(storage), 'must be greater than zero');
  at.leave(2);
}

function checkDataSources(
  at: FieldCursor,
  { dataSource, dataSourceRef }: PersistentVolumeClaimSpec,
  anyGroup: boolean,
): void {
  if (dataSource !== undefined) checkDataSource(at, 'dataSource', dataSource, anyGroup);
  if (dataSourceRef !== undefined) {
    checkDataSource(at, 'dataSourceRef', dataSourceRef, anyGroup);
    if (dataSourceRef.namespace) at.format('dataSourceRef.namespace', dataSourceRef.namespace, isDNS1123Label);
  }
  if (dataSource === undefined || dataSourceRef === undefined) return;
  // The value that upstream prints is the path of the field, as an empty object.
  if (dataSourceRef.namespace) at.invalid('', {}, 'may not be specified when dataSourceRef.namespace is specified');
  else if (!sameSource(dataSource, dataSourceRef)) at.invalid('', {}, 'must match dataSourceRef');
}

function sameSource(a: TypedLocalObjectReference, b: TypedObjectReference): boolean {
  return a.apiGroup === b.apiGroup && a.kind === b.kind && a.name === b.name;
}

function checkDataSource(
  at: FieldCursor,
  field: string,
  { apiGroup, kind, name }: TypedLocalObjectReference,
  anyGroup: boolean,
): void {
  at.enter(field);
  if (!name) at.required('name');
  if (!kind) at.required('kind');
  if (!apiGroup && kind !== 'PersistentVolumeClaim') {
    at.invalid('', kind, "must be 'PersistentVolumeClaim' when referencing the default apiGroup");
  }
  if (apiGroup && !anyGroup) at.format('apiGroup', apiGroup, isDNS1123Subdomain);
  at.leave();
}
