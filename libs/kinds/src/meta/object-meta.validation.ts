import {
  appendAll,
  deepEqual,
  type FieldError,
  FieldPath,
  field,
  isDNS1123Label,
  isQualifiedName,
  type ManagedFieldsEntry,
  type ObjectMeta,
  type OwnerReference,
  parseGroupVersion,
  quote,
  validateLabels,
} from '#apimachinery';
import type { NameCheck } from '../contract/kind-module.js';

/** Checks of metadata that hold for every kind. Texts and order are those of apimachinery's object meta validation. */

/** What the checks have to know of the kind. */
export interface MetaRules {
  readonly namespaced: boolean;
  readonly checkName: NameCheck;
  /** A finalizer may have any name without a domain, not only one of the standard ones: core's addition upstream. */
  readonly shortFinalizers: boolean;
}

const root = FieldPath.of('metadata');
export const ANNOTATIONS_MAX_BYTES = 256 * 1024;

export function validateObjectMeta(meta: ObjectMeta, rules: MetaRules): FieldError[] {
  const errors: FieldError[] = [];
  const { checkName } = rules;
  if (meta.generateName) {
    for (const text of checkName(meta.generateName, true)) {
      errors.push(field.invalid(root.child('generateName'), meta.generateName, text));
    }
  }
  if (!meta.name) {
    errors.push(field.required(root.child('name'), 'name or generateName is required'));
  } else {
    for (const text of checkName(meta.name, false)) errors.push(field.invalid(root.child('name'), meta.name, text));
    // PostgreSQL's text does not hold it, and no path can name it.
    if (meta.name.includes('\0')) errors.push(field.invalid(root.child('name'), meta.name, 'must not contain NUL'));
  }
  if (!rules.namespaced) {
    if (meta.namespace) errors.push(field.forbidden(root.child('namespace'), 'not allowed on this type'));
  } else if (!meta.namespace) {
    errors.push(field.required(root.child('namespace')));
  } else {
    for (const text of isDNS1123Label(meta.namespace)) {
      errors.push(field.invalid(root.child('namespace'), meta.namespace, text));
    }
  }
  if ((meta.generation ?? 0) < 0) {
    errors.push(field.invalid(root.child('generation'), meta.generation, 'must be greater than or equal to 0'));
  }
  appendAll(errors, commonErrors(meta));
  appendAll(errors, finalizerErrors(meta.finalizers ?? [], rules.shortFinalizers));
  return errors;
}

export function validateObjectMetaUpdate(meta: ObjectMeta, old: ObjectMeta, rules: MetaRules): FieldError[] {
  const errors: FieldError[] = [];
  if (old.deletionTimestamp !== undefined) {
    const known = new Set(old.finalizers);
    const added = (meta.finalizers ?? []).filter((name) => !known.has(name)).sort();
    if (added.length > 0) {
      const names = `[]string{${added.map((name) => quote(name)).join(', ')}}`;
      const text = `no new finalizers can be added if the object is being deleted, found new finalizers ${names}`;
      errors.push(field.forbidden(root.child('finalizers'), text));
    }
  }
  if ((meta.generation ?? 0) < (old.generation ?? 0)) {
    errors.push(field.invalid(root.child('generation'), meta.generation ?? 0, 'must not be decremented'));
  }
  for (const key of ['name', 'namespace', 'uid', 'creationTimestamp', 'deletionTimestamp'] as const) {
    if ((meta[key] ?? '') !== (old[key] ?? '')) errors.push(field.immutable(root.child(key), meta[key] ?? ''));
  }
  if (meta.deletionGracePeriodSeconds !== old.deletionGracePeriodSeconds) {
    errors.push(field.immutable(root.child('deletionGracePeriodSeconds'), meta.deletionGracePeriodSeconds ?? null));
  }
  appendAll(errors, commonErrors(meta));
  if (!deepEqual(meta.finalizers ?? [], old.finalizers ?? [])) {
    appendAll(errors, finalizerErrors(meta.finalizers ?? [], rules.shortFinalizers));
  }
  return errors;
}

function commonErrors(meta: ObjectMeta): FieldError[] {
  return [
    ...validateLabels(meta.labels, root.child('labels')),
    ...validateAnnotations(meta.annotations, root.child('annotations')),
    ...ownerReferenceErrors(meta.ownerReferences ?? []),
    ...managedFieldsErrors(meta.managedFields ?? []),
  ];
}

export function validateAnnotations(annotations: Record<string, string> | undefined, path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  let bytes = 0;
  for (const key in annotations) {
    for (const text of isQualifiedName(key.toLowerCase())) errors.push(field.invalid(path, key, text));
    bytes += Buffer.byteLength(key) + Buffer.byteLength(annotations[key]!);
  }
  if (bytes > ANNOTATIONS_MAX_BYTES) errors.push(field.tooLong(path, ANNOTATIONS_MAX_BYTES));
  return errors;
}

function ownerReferenceErrors(references: OwnerReference[]): FieldError[] {
  const errors: FieldError[] = [];
  const path = root.child('ownerReferences');
  let controller = '';
  references.forEach((reference, i) => {
    const at = path.index(i);
    const parsed = parseGroupVersion(reference.apiVersion ?? '');
    if (!reference.apiVersion) errors.push(field.required(at.child('apiVersion'), 'must not be empty'));
    else if (parsed === undefined || parsed.version === '') {
      const text = 'must be <group>/<version> or <version>';
      errors.push(field.invalid(at.child('apiVersion'), reference.apiVersion, text));
    }
    for (const key of ['kind', 'name', 'uid'] as const) {
      if (!reference[key]) errors.push(field.required(at.child(key), 'must not be empty'));
    }
    if (reference.kind === 'Event' && reference.apiVersion === 'v1') {
      errors.push(field.invalid(at, reference, '/v1, Kind=Event is disallowed from being an owner'));
    }
    if (reference.controller === true) {
      const name = `${reference.kind}/${reference.name}`;
      if (controller !== '') {
        const text = `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${name}`;
        errors.push(field.invalid(path, references, text));
      } else {
        controller = name;
      }
    }
  });
  return errors;
}

const standardFinalizers = ['kubernetes', 'orphan', 'foregroundDeletion'];

function finalizerErrors(finalizers: string[], shortNames: boolean): FieldError[] {
  const errors: FieldError[] = [];
  const path = root.child('finalizers');
  for (const name of finalizers) {
    for (const text of isQualifiedName(name)) errors.push(field.invalid(path, name, text));
  }
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')) {
    const text = 'finalizer orphan and foregroundDeletion cannot be both set';
    errors.push(field.invalid(path, finalizers, text));
  }
  if (shortNames) return errors;
  finalizers.forEach((name, i) => {
    if (name.includes('/') || standardFinalizers.includes(name)) return;
    const text = 'name is neither a standard finalizer name nor is it fully qualified';
    errors.push(field.invalid(path.index(i), name, text));
  });
  return errors;
}

const managerMaxCharacters = 128;

function managedFieldsErrors(entries: ManagedFieldsEntry[]): FieldError[] {
  const errors: FieldError[] = [];
  entries.forEach((entry, i) => {
    const at = root.child('managedFields').index(i);
    if (!entry.operation) errors.push(field.required(at.child('operation'), 'must not be empty'));
    else if (entry.operation !== 'Apply' && entry.operation !== 'Update') {
      errors.push(field.notSupported(at.child('operation'), entry.operation, ['Apply', 'Update']));
    }
    if (entry.fieldsType && entry.fieldsType !== 'FieldsV1') {
      errors.push(field.invalid(at.child('fieldsType'), entry.fieldsType, 'must be `FieldsV1`'));
    }
    if (Buffer.byteLength(entry.manager ?? '') > managerMaxCharacters) {
      errors.push(field.tooLong(at.child('manager'), managerMaxCharacters));
    }
  });
  return errors;
}
