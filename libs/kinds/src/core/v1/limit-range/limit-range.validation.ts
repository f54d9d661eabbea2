import { isQualifiedName, ownValue, Quantity } from '#apimachinery';
import type { KindValidator } from '../../../contract/kind-module.js';
import type { LimitRange, LimitRangeItem } from '../../../generated/types.js';
import { FieldCursor } from '../../../validation/field-cursor.js';
import { checkContainerResource, checkResourceName, mayOvercommit } from '../resource-names.js';

const types = ['Pod', 'Container', 'PersistentVolumeClaim'];
/** Above this, amounts are compared as whole numbers: 2^63 / 1000. */
const MAX_MILLI_VALUE = 2 ** 63 / 1000;

export const limitRangeValidator: KindValidator = {
  rules: [
    'type is Pod, Container, PersistentVolumeClaim or fully qualified, and occurs once',
    'resources have names that the type knows',
    'default and defaultRequest are forbidden for Pod',
    'PersistentVolumeClaim needs min or max of storage',
    'min <= defaultRequest <= default <= max',
    'maxLimitRequestRatio is at least 1 and at most max/min',
    'what cannot be overcommitted has the same default and defaultRequest',
  ],
  validateCreate: check,
  validateUpdate: check,
};

function check({ spec }: LimitRange) {
  const at = new FieldCursor('spec');
  const seen = new Set<string>();
  at.each('limits', spec?.limits, (limit) => {
    const type = limit.type ?? '';
    checkType(at, type);
    if (seen.has(type)) at.duplicate('type', type);
    seen.add(type);
    checkNames(at, limit, type);
    for (const name of namesOf(limit, type)) checkOrder(at, name, amountsOf(limit, type, name));
  });
  return at.all();
}

function checkType(at: FieldCursor, type: string): void {
  const problems = isQualifiedName(type);
  for (const text of problems) at.invalid('type', type, text);
  if (problems.length === 0 && !type.includes('/') && !types.includes(type)) {
    at.invalid('type', type, 'must be a standard limit type or fully qualified');
  }
}

function checkNames(at: FieldCursor, limit: LimitRangeItem, type: string): void {
  const checkName = type === 'Pod' || type === 'Container' ? checkContainerResource : checkResourceName;
  const each = (list: string, amounts: Record<string, string> | undefined): void => {
    at.within(list, () => {
      for (const name in amounts) {
        at.enterKey(name);
        checkName(at, name);
        at.leave();
      }
    });
  };
  each('max', limit.max);
  each('min', limit.min);
  for (const list of ['default', 'defaultRequest'] as const) {
    if (type !== 'Pod') each(list, limit[list]);
    else if (Object.keys(limit[list] ?? {}).length > 0) {
      at.forbidden(list, "may not be specified when `type` is 'Pod'");
    }
  }
  if (type === 'PersistentVolumeClaim' && !ownValue(limit.min, 'storage') && !ownValue(limit.max, 'storage')) {
    at.required('limits', 'either minimum or maximum storage value is required, but neither was provided');
  }
  each('maxLimitRequestRatio', limit.maxLimitRequestRatio);
}

function namesOf(limit: LimitRangeItem, type: string): Set<string> {
  const defaults = type === 'Pod' ? [] : [limit.default, limit.defaultRequest];
  const lists = [limit.max, limit.min, ...defaults, limit.maxLimitRequestRatio];
  return new Set(lists.flatMap((amounts) => Object.keys(amounts ?? {})));
}

interface Amounts {
  min: Quantity | undefined;
  max: Quantity | undefined;
  limit: Quantity | undefined;
  request: Quantity | undefined;
  ratio: Quantity | undefined;
}

function amountsOf(limit: LimitRangeItem, type: string, name: string): Amounts {
  const of = (amounts: Record<string, string> | undefined): Quantity | undefined => {
    const amount = ownValue(amounts, name);
    return amount === undefined ? undefined : Quantity.parse(amount);
  };
  return {
    min: of(limit.min),
    max: of(limit.max),
    limit: type === 'Pod' ? undefined : of(limit.default),
    request: type === 'Pod' ? undefined : of(limit.defaultRequest),
    ratio: of(limit.maxLimitRequestRatio),
  };
}

function checkOrder(at: FieldCursor, name: string, amounts: Amounts): void {
  const { min, max, limit, request, ratio } = amounts;
  const refuse = (list: string, shown: Quantity, text: string): void => {
    at.within(list, () => {
      at.enterKey(name);
      at.invalid('', shown.toString(), text);
      at.leave();
    });
  };
  const isAbove = (a: Quantity | undefined, b: Quantity | undefined): boolean =>
    a !== undefined && b !== undefined && a.compare(b) > 0;
  if (isAbove(min, max)) refuse('min', min!, `min value ${min} is greater than max value ${max}`);
  if (isAbove(min, request)) {
    refuse('defaultRequest', request!, `min value ${min} is greater than default request value ${request}`);
  }
  if (isAbove(request, max)) {
    refuse('defaultRequest', request!, `default request value ${request} is greater than max value ${max}`);
  }
  if (isAbove(request, limit)) {
    refuse('defaultRequest', request!, `default request value ${request} is greater than default limit value ${limit}`);
  }
  if (isAbove(min, limit)) refuse('default', min!, `min value ${min} is greater than default value ${limit}`);
  if (isAbove(limit, max)) refuse('default', max!, `default value ${limit} is greater than max value ${max}`);
  if (ratio !== undefined) {
    const problem = ratioProblem(ratio, min, max);
    for (const text of problem) refuse('maxLimitRequestRatio', ratio, text);
  }
  if (!mayOvercommit(name) && limit !== undefined && request !== undefined && limit.compare(request) !== 0) {
    refuse(
      'defaultRequest',
      request,
      `default value ${limit} must equal to defaultRequest value ${request} in ${name}`,
    );
  }
}

function ratioProblem(ratio: Quantity, min: Quantity | undefined, max: Quantity | undefined): string[] {
  const problems: string[] = [];
  if (ratio.compare(Quantity.of(1)) < 0) problems.push(`ratio ${ratio} is less than 1`);
  if (min === undefined || max === undefined) return problems;
  const isSmall = [ratio, min, max].every((amount) => amount.value() < MAX_MILLI_VALUE);
  const [given, most] = isSmall
    ? [ratio.milliValue() / 1000, max.milliValue() / min.milliValue()]
    : [ratio.value(), max.value() / min.value()];
  if (given > most) problems.push(`ratio ${ratio} is greater than max/min = ${most.toFixed(6)}`);
  return problems;
}
