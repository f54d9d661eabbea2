import { appendAll, type FieldError, type FieldPath, field, isQualifiedName } from '#apimachinery';
import type { KindValidator } from '../../../contract/kind-module.js';
import type { Event } from '../../../generated/types.js';
import { formatErrors } from '../../../validation/fields.js';

const maxCharacters = 128;
const maxNote = 1024;

/** core/v1 events: few rules, and stricter ones for those that have an eventTime. */
export const eventValidator: KindValidator = {
  rules: [
    'involvedObject.namespace must equal the namespace (or be empty with namespace default)',
    'with eventTime: reportingController (qualifiedName), reportingInstance (max 128), action (max 128), reason (max 128) required; note max 1024; type Normal or Warning',
  ],
  validateCreate: (event: Event) => legacyErrors(event, 'reportingComponent'),
  validateUpdate: (event: Event) => legacyErrors(event, 'reportingComponent'),
};

/** Of both versions, in the stored form; `controllerField` is what the version calls the reporting controller. */
export function legacyErrors(event: Event, controllerField: string): FieldError[] {
  const errors: FieldError[] = [];
  const involved = event.involvedObject?.namespace ?? '';
  const own = event.metadata.namespace ?? '';
  const mismatch = (): void => {
    errors.push(field.invalid('involvedObject.namespace', involved, 'does not match event.namespace'));
  };
  if (!event.eventTime) {
    if (involved === '' ? own !== '' && own !== 'default' : own !== involved) mismatch();
    return errors;
  }
  if (involved === '' && own !== 'default' && own !== 'kube-system') mismatch();
  const controller = event.reportingComponent ?? '';
  if (controller === '') errors.push(field.required(controllerField));
  appendAll(errors, formatErrors(isQualifiedName, controller, controllerField));
  appendAll(errors, textErrors(event.reportingInstance, 'reportingInstance', maxCharacters));
  appendAll(errors, textErrors(event.action, 'action', maxCharacters));
  appendAll(errors, textErrors(event.reason, 'reason', maxCharacters));
  if (Buffer.byteLength(event.message ?? '') > maxNote) errors.push(tooLong('message', maxNote));
  return errors;
}

function textErrors(text: string | undefined, path: string, max: number): FieldError[] {
  if (!text) return [field.required(path)];
  return Buffer.byteLength(text) > max ? [tooLong(path, max)] : [];
}

function tooLong(path: string | FieldPath, max: number): FieldError {
  return field.invalid(path, '', `can have at most ${max} characters`);
}
