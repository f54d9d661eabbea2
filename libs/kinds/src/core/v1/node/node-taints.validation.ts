import { appendAll, type FieldError, type FieldPath, field, isLabelValue, isQualifiedName } from '#apimachinery';
import type { Taint } from '../../../generated/types.js';
import { choiceErrors, duplicateWith, formatErrors } from '../../../validation/fields.js';
import { goStruct } from '../../../validation/go-struct.js';

const effects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

export function taintErrors(taints: readonly Partial<Taint>[], list: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  taints.forEach((taint, i) => {
    const path = list.index(i);
    const { key = '', value = '', effect = '' } = taint;
    appendAll(errors, formatErrors(isQualifiedName, key, path.child('key')));
    const problems = isLabelValue(value);
    if (problems.length > 0) errors.push(field.invalid(path.child('value'), value, problems.join(';')));
    appendAll(errors, choiceErrors(effect, effects, path.child('effect')));
    const pair = `${effect}\0${key}`;
    if (seen.has(pair)) {
      const shown = goStruct('Key Value Effect TimeAdded', { ...taint, key, value, effect });
      errors.push(duplicateWith(path, shown, 'taints must be unique by key and effect pair'));
    }
    seen.add(pair);
  });
  return errors;
}
