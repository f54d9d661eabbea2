import { isPathSegmentName, parseGroupVersion } from '#apimachinery';
import type { CrossVersionObjectReference } from '../../../generated/types.js';
import type { FieldCursor } from '../../../validation/field-cursor.js';

/** What an autoscaler scales, or looks at. With the cursor at the reference. */
export function checkReferencedObject(
  at: FieldCursor,
  { kind, name, apiVersion = '' }: CrossVersionObjectReference,
  { anyApiVersion, mayBeCore }: { anyApiVersion: boolean; mayBeCore: boolean },
): void {
  if (kind) at.format('kind', kind, isPathSegmentName);
  else at.required('kind');
  if (name) at.format('name', name, isPathSegmentName);
  else at.required('name');
  const problem = anyApiVersion ? undefined : apiVersionProblem(apiVersion, mayBeCore);
  if (problem !== undefined) at.invalid('apiVersion', apiVersion, problem);
}

export function apiVersionProblem(apiVersion: string, mayBeCore: boolean): string | undefined {
  const parsed = parseGroupVersion(apiVersion);
  if (parsed === undefined) return `unexpected GroupVersion string: ${apiVersion}`;
  return mayBeCore || parsed.group !== '' ? undefined : 'apiVersion must specify API group';
}
