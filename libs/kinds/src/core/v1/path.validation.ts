import type { FieldCursor } from '../../validation/field-cursor.js';

/** Paths of files inside volumes. */

export function checkNoBacksteps(at: FieldCursor, name: string, path: string): void {
  if (hasBacksteps(path)) at.invalid(name, path, "must not contain '..'");
}

export function hasBacksteps(path: string): boolean {
  return path.includes('..') && path.split('/').includes('..');
}

/** Relative, and never above where it starts. */
export function checkLocalPath(at: FieldCursor, name: string, path: string): void {
  if (path.startsWith('/')) at.invalid(name, path, 'must be a relative path');
  checkNoBacksteps(at, name, path);
}

/** As checkLocalPath; names that start with two dots are the kubelet's own. */
export function checkLocalFile(at: FieldCursor, name: string, path: string): void {
  checkLocalPath(at, name, path);
  if (path.startsWith('..') && !path.startsWith('../')) at.invalid(name, path, "must not start with '..'");
}
