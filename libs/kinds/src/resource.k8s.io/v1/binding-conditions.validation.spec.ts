import assert from 'node:assert/strict';
import { FieldCursor } from '../../validation/field-cursor.js';
import { checkBindingConditions } from './binding-conditions.validation.js';

const COUNT = 100_000;
/** Comparing each condition with each other would take a minute. */
const MAX_MS = 5_000;

test('many conditions take as long as they are', () => {
  const names = (prefix: string) => Array.from({ length: COUNT }, (_, i) => `${prefix}${i}`);
  const conditions = { bindingConditions: names('a'), bindingFailureConditions: names('b') };
  const at = new FieldCursor();
  const started = performance.now();
  checkBindingConditions(at, conditions);
  assert.ok(performance.now() - started < MAX_MS);
  assert.deepEqual(
    at.all().map(({ field, message }) => `${field}: ${message}`),
    ['bindingConditions', 'bindingFailureConditions'].map(
      (field) => `${field}: Too many: ${COUNT}: must have at most 4 items`,
    ),
  );
});
