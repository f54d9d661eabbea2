/** Builders of field errors read as upstream's: `field.required(path.child('name'))`. */

export * from './certificate-subject.js';
export * from './cidr.js';
export * from './field-compare.js';
export type { FieldError, Path } from './field-errors.js';
export * as field from './field-errors.js';
export { aggregateMessages, FieldPath, fieldErrorText } from './field-errors.js';
export * from './field-set.js';
export * from './fields.js';
export * from './go-format.js';
export * from './gvk.js';
export * from './intstr.js';
export * from './json.js';
export * from './json-decode.js';
export * from './json-patch.js';
export * from './labels.js';
export * from './lists.js';
export * from './managed-fields.js';
export * from './merge-patch.js';
export * from './meta.js';
export * from './names.js';
export * from './quantity.js';
export * from './schema.js';
export * from './status.js';
export * from './strategic-merge-patch.js';
export * from './time.js';
export * from './watch.js';
