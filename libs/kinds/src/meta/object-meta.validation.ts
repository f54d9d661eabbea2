import {
  appendAll,
  deepEqual,
  type FieldError,
  FieldPath,
  field,
  groupOf,
  isDNS1123Label,
  isQualifiedName,
  type ManagedFieldsEntry,
  type ObjectMeta,
  type OwnerReference,
  parseGroupVersion,
  quote,
  validateLabels,
} from '#apimachinery';
import { nameCheckOf } from './names.js';

/** Checks of metadata that hold for every kind. Texts and order are those of apimachinery's object meta validation. */

interface Scope {
  group: string;
  version: string;
  kind: string;
  namespaced: boolean;
}

const root = FieldPath.of('metadata');
const annotationsMaxBytes = 256 * 1024;

export function validateObjectMeta(meta: ObjectMeta, scope: Scope): FieldError[] {
  const errors: FieldError[] = [];
  const check = nameCheckOf(scope.group, scope.version, scope.kind);
  if (meta.generateName) {
    for (const text of check(meta.generateName, true)) {
      errors.push(field.invalid(root.child('generateName'), meta.generateName, text));
    }
  }
  if (!meta.name) {
    errors.push(field.required(root.child('name'), 'name or generateName is required'));
  } else {
    for (const text of check(meta.name, false)) errors.push(field.invalid(root.child('name'), meta.name, text));
    // PostgreSQL's text does not hold it, and no path can name it.
    if (meta.name.includes('\0')) errors.push(field.invalid(root.child('name'), meta.name, 'must not contain NUL'));
  }
  if (!scope.namespaced) {
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
  appendAll(errors, finalizerErrors(meta.finalizers ?? [], scope));
  return errors;
}

export function validateObjectMetaUpdate(meta: ObjectMeta, old: ObjectMeta, scope: Scope): FieldError[] {
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
    appendAll(errors, finalizerErrors(meta.finalizers ?? [], scope));
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
  if (bytes > annotationsMaxBytes) errors.push(field.tooLong(path, annotationsMaxBytes));
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

/** Groups whose validation upstream is without core's addition: that a short name is one of the standard ones. */
const shortFinalizerGroups = new Set([
  'admissionregistration.k8s.io',
  'apiextensions.k8s.io',
  'apiregistration.k8s.io',
  'coordination.k8s.io',
  'node.k8s.io',
]);

function finalizerErrors(finalizers: string[], { group, kind }: Scope): FieldError[] {
  const errors: FieldError[] = [];
  const path = root.child('finalizers');
  for (const name of finalizers) {
    for (const text of isQualifiedName(name)) errors.push(field.invalid(path, name, text));
  }
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')) {
    const text = 'finalizer orphan and foregroundDeletion cannot be both set';
    errors.push(field.invalid(path, finalizers, text));
  }
  if (shortFinalizerGroups.has(group) || (group === '' && kind === 'Event')) return errors;
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

/** Whether an owner reference points at an object of this group and kind; versions do not matter. */
export function refersToKind(reference: OwnerReference, group: string, kind: string): boolean {
  return reference.kind === kind && groupOf(reference.apiVersion) === group;
}
