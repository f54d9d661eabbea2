import { forbidden, isForbidden, StatusError } from '#apimachinery';
import type { AdmissionRequest, AdmissionTarget } from './admission-request.js';

/** The 403 of a plugin. An error that is one already stays what it is. */
export function rejection(request: AdmissionRequest, why: string | unknown): StatusError {
  if (why instanceof StatusError && isForbidden(why)) return why;
  const { resource, name, object } = request;
  // Names are generated after admission.
  const shown = name || object?.metadata?.name || object?.metadata?.generateName || 'Unknown';
  return forbidden(resource, shown, why instanceof Error ? why.message : String(why));
}

/** Whether the request is for the main resource `plural` of `group`, in one of the operations. */
export function targets(
  target: AdmissionTarget,
  group: string,
  plural: string,
  operations: readonly AdmissionRequest['operation'][],
): boolean {
  return (
    target.subresource === '' &&
    target.resource.resource === plural &&
    target.resource.group === group &&
    operations.includes(target.operation)
  );
}
