import { isQualifiedName } from '#apimachinery';
import type { FieldCursor } from '../../../validation/field-cursor.js';

/** What classes of storage have in common: a driver, and parameters that it alone understands. */

const MAX_ENTRIES = 512;
const MAX_BYTES = 256 * 1024;

/** False when there are so many that no more was looked at. */
export function checkParameters(at: FieldCursor, parameters: Record<string, string> | undefined): boolean {
  const entries = Object.entries(parameters ?? {});
  if (entries.length > MAX_ENTRIES) {
    at.tooLong('parameters', MAX_ENTRIES);
    return false;
  }
  let bytes = 0;
  for (const [key, value] of entries) {
    if (key === '') at.invalid('parameters', key, 'field can not be empty.');
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (bytes > MAX_BYTES) at.tooLong('parameters', MAX_BYTES);
  return true;
}

/** Whose absence is checked elsewhere. */
export function checkProvisioner(at: FieldCursor, name: string, provisioner: string): void {
  if (provisioner !== '') at.format(name, provisioner.toLowerCase(), isQualifiedName);
}
