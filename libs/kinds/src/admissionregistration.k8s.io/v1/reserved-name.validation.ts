import { quote } from '#apimachinery';
import type { ObjectMeta } from '../../generated/types.js';
import type { FieldCursor } from '../../validation/field-cursor.js';

const SUFFIX = '.static.k8s.io';

export const reservedNameRule = `names that end in ${SUFFIX} are reserved`;

/** On create: configurations from files of the server have such names. With the cursor at the object. */
export function checkReservedName(at: FieldCursor, { name = '' }: ObjectMeta): void {
  if (!name.endsWith(SUFFIX)) return;
  const text = `names ending with ${quote(SUFFIX)} are reserved for static manifest-based configurations and cannot be managed via the API`;
  at.invalid('metadata.name', name, text);
}
