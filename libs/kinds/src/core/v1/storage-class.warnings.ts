import type { ObjectMeta } from '#apimachinery';
import type { WarningCursor } from '../../validation/warning-cursor.js';

const ANNOTATION = 'volume.beta.kubernetes.io/storage-class';

/** Volumes and claims named their class in an annotation once. */
export function warnOfClassAnnotation(at: WarningCursor, { annotations }: ObjectMeta): void {
  if (annotations?.[ANNOTATION] === undefined) return;
  at.warn(`metadata.annotations[${ANNOTATION}]`, 'deprecated since v1.8; use "storageClassName" attribute instead');
}
