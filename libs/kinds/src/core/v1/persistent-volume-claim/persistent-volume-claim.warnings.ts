import { quote } from '#apimachinery';
import type { PersistentVolumeClaim, PersistentVolumeClaimSpec } from '../../../generated/types.js';
import { isFraction } from '../../../validation/quantities.js';
import { WarningCursor } from '../../../validation/warning-cursor.js';
import { warnOfClassAnnotation } from '../storage-class.warnings.js';

export function persistentVolumeClaimWarnings({ metadata, spec }: PersistentVolumeClaim): string[] {
  const at = new WarningCursor();
  warnOfClassAnnotation(at, metadata);
  at.enter('spec');
  warnOfClaim(at, spec);
  return at.warnings;
}

/** Claims, too, come in whole bytes. */
export function warnOfClaim(at: WarningCursor, { resources }: PersistentVolumeClaimSpec): void {
  for (const list of ['requests', 'limits'] as const) {
    const amount = resources?.[list]?.['storage'];
    if (typeof amount !== 'string' || !isFraction(amount)) continue;
    at.warn(`resources.${list}[storage]`, `fractional byte value ${quote(amount)} is invalid, must be an integer`);
  }
}
