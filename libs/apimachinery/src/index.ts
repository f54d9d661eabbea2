/** Builders of field errors read as upstream's: `field.required(path.child('name'))`. */

export type { FieldError, Path } from './field-errors.js';
export * as field from './field-errors.js';
export { aggregateMessages, FieldPath, fieldErrorText } from './field-errors.js';
export * from './go-format.js';
export * from './gvk.js';
export * from './meta.js';
export * from './schema.js';
export * from './status.js';
