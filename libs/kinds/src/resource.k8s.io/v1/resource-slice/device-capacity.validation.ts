import { Quantity } from '#apimachinery';
import type { CapacityRequestPolicy, CapacityRequestPolicyRange, Device } from '../../../generated/types.js';
import type { FieldCursor } from '../../../validation/field-cursor.js';
import { checkQualifiedName } from '../device-names.validation.js';
import { eachNamed } from '../limited-lists.validation.js';

/**
 * How much of a device a claim can ask for. The reference counts whole units: DRAFractionalCapacityRange is off unless
 * every component of a cluster is of its version.
 */

const MAX_OPTIONS = 10;
const MAX_INTEGER = 2n ** 63n - 1n;

/** With the cursor at the device. */
export function checkDeviceCapacity(at: FieldCursor, { capacity, allowMultipleAllocations }: Device): void {
  eachNamed(
    at,
    'capacity',
    capacity,
    (key) => checkQualifiedName(at, '', key),
    (entry) => {
      const policy = entry?.requestPolicy;
      if (policy === undefined) return;
      if (!allowMultipleAllocations) at.forbidden('requestPolicy', 'allowMultipleAllocations must be true');
      else at.within('requestPolicy', () => checkPolicy(at, Quantity.parse(entry.value ?? 0), policy));
    },
  );
}

function checkPolicy(at: FieldCursor, most: Quantity, policy: CapacityRequestPolicy): void {
  const { default: given, validRange, validValues = [] } = policy;
  const hasValues = validValues.length > 0;
  if (hasValues && validRange !== undefined) {
    at.forbidden(
      '',
      'exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time',
    );
    return;
  }
  if (!hasValues && validRange === undefined) return;
  if (!given) {
    at.required('default', `required when ${hasValues ? 'validValues' : 'validRange'} is defined`);
    return;
  }
  const standard = Quantity.parse(given);
  if (validRange === undefined) checkValues(at, standard, most, validValues.map(Quantity.parse));
  else at.within('validRange', () => checkRange(at, standard, most, validRange));
}

function checkValues(at: FieldCursor, standard: Quantity, most: Quantity, values: readonly Quantity[]): void {
  at.each('validValues', values, (value, index) => {
    if (index > 0 && values[index - 1]!.compare(value) > 0) {
      at.invalid('', value.toString(), 'values must be sorted in ascending order');
    }
  });
  let isKnown = false;
  if (values.length > MAX_OPTIONS) at.tooMany('validValues', values.length, MAX_OPTIONS);
  else {
    at.each('validValues', values, (value) => {
      if (value.compare(most) > 0) {
        at.invalid('', value.toString(), `option is larger than capacity value: ${most}`);
      }
      isKnown ||= value.equals(standard);
    });
    const seen = new Set<string>();
    at.each('validValues', values, (value) => {
      const key = String(integerOf(value));
      if (seen.has(key)) at.duplicate('', key);
      seen.add(key);
    });
  }
  if (!isKnown) {
    at.invalid('validValues', standard.toString(), 'default value is not valid according to the requestPolicy');
  }
}

/** With the cursor at the range. */
function checkRange(at: FieldCursor, standard: Quantity, most: Quantity, range: CapacityRequestPolicyRange): void {
  if (!range.min) {
    at.required('min', 'required when validRange is defined');
    return;
  }
  const min = Quantity.parse(range.min);
  const max = range.max ? Quantity.parse(range.max) : undefined;
  const refuse = (name: string, value: Quantity, detail: string) => at.invalid(name, value.toString(), detail);
  if (min.compare(most) > 0) refuse('min', min, `min is larger than capacity value: ${most}`);
  if (standard.compare(min) < 0) refuse('default', standard, `default is less than min: ${min}`);
  if (max !== undefined) {
    if (min.compare(max) > 0) refuse('max', min, `min is larger than max: ${max}`);
    if (max.compare(most) > 0) refuse('max', max, `max is larger than capacity value: ${most}`);
    if (standard.compare(max) > 0) refuse('default', standard, `default is more than max: ${max}`);
  }
  if (!range.step) return;
  const step = Quantity.parse(range.step);
  if (step.sign() <= 0) {
    refuse('step', step, 'must be greater than zero');
    return;
  }
  const first = min.add(step);
  if (first.compare(most) > 0) {
    refuse('step', step, `one step ${first} is larger than capacity value: ${most}`);
  }
  const before = at.errors.length;
  checkInteger(at, 'default', standard);
  checkInteger(at, 'min', min);
  if (max !== undefined) checkInteger(at, 'max', max);
  checkInteger(at, 'step', step);
  if (at.errors.length > before) return;
  for (const value of max === undefined ? [standard] : [standard, max]) {
    if ((integerOf(value) - integerOf(min)) % integerOf(step) === 0n) continue;
    refuse('step', value, `value is not a multiple of a given step (${step}) from (${min})`);
  }
}

function checkInteger(at: FieldCursor, name: string, value: Quantity): void {
  if (value.sign() < 0) at.invalid(name, value.toString(), 'must be greater than or equal to 0');
  else if (value.compare(Quantity.of(MAX_INTEGER)) > 0) {
    at.invalid(name, value.toString(), `must not be larger than ${MAX_INTEGER}`);
  }
}

/** Whole units, rounded up; what 64 bits do not hold is read as 0. */
function integerOf(value: Quantity): bigint {
  const whole = BigInt(value.scaled(0));
  return whole === BigInt.asIntN(64, whole) ? whole : 0n;
}
