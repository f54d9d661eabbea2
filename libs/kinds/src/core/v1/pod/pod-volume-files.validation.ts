import type { DownwardAPIVolumeFile, KeyToPath } from '../../../generated/types.js';
import type { FieldCursor } from '../../../validation/field-cursor.js';
import { checkLocalFile } from '../path.validation.js';
import { checkFieldRef, checkResourceFieldRef } from './pod-env.validation.js';

/** Files that volumes make of keys and of a pod's own fields. */

const maxFileMode = 0o777;

const volumeFieldPaths = [
  'metadata.annotations',
  'metadata.labels',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
];

export function checkFileMode(at: FieldCursor, name: string, mode: number | undefined): void {
  if (mode === undefined || (mode >= 0 && mode <= maxFileMode)) return;
  at.invalid(name, mode, 'must be a number between 0 and 0777 (octal), both inclusive');
}

export function checkItems(at: FieldCursor, items: readonly KeyToPath[] | undefined): void {
  if (items === undefined) return;
  at.enter('items');
  for (let i = 0; i < items.length; i++) {
    at.enter(i);
    checkItem(at, items[i]!);
    at.leave();
  }
  at.leave();
}

export function checkItem(at: FieldCursor, { key, path, mode }: KeyToPath): void {
  if (!key) at.required('key');
  if (!path) at.required('path');
  else checkLocalFile(at, 'path', path);
  checkFileMode(at, 'mode', mode);
}

export function checkDownwardFile(at: FieldCursor, file: DownwardAPIVolumeFile): void {
  if (!file.path) at.required('path');
  else checkLocalFile(at, 'path', file.path);
  if (file.fieldRef !== undefined) {
    checkFieldRef(at, file.fieldRef, volumeFieldPaths);
    if (file.resourceFieldRef !== undefined) {
      at.invalid('', 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously');
    }
  } else if (file.resourceFieldRef !== undefined) checkResourceFieldRef(at, file.resourceFieldRef, true);
  else at.required('', 'one of fieldRef and resourceFieldRef is required');
  checkFileMode(at, 'mode', file.mode);
}
