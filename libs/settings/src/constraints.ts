import type { ValidationArguments, ValidationOptions } from 'class-validator';
import { ownValue } from '#apimachinery';
import { IsBoolean, IsIn, IsIP, Matches, ValidateBy } from './class-validator.js';
import { isRange, rangesOverlap } from './formats/address-ranges.js';
import type { Program } from './setting.js';

/** Programs that a check is for; all of them, if it is left out. */
interface For {
  groups?: Program[];
}

/** A value as messages quote it: in quotation marks only where one could not see where it begins and ends. */
export function shown(value: unknown): string {
  return typeof value === 'string' && !/^[\x21-\x7e]+$/.test(value) ? JSON.stringify(value) : String(value);
}

const got = (rule: string) => ({ message: ({ value }: ValidationArguments) => `${rule}: got ${shown(value)}` });

/** `problem` returns what is wrong with a value. */
function check(name: string, problem: (value: unknown, all: object) => string | undefined, options?: For) {
  return ValidateBy(
    {
      name,
      validator: {
        validate: (value, args) => problem(value, args!.object) === undefined,
        defaultMessage: (args) => problem(args!.value, args!.object) ?? '',
      },
    },
    options as ValidationOptions,
  );
}

export const IsSwitch = () => IsBoolean(got('must be true or false'));

export const IsOneOf = (choices: readonly string[], options?: For) =>
  IsIn(choices, { ...got(`must be one of ${choices.join(', ')}`), ...options });

/** Both ends are included. */
export const IsWhole = (from: number, to = Number.MAX_SAFE_INTEGER, options?: For) => {
  const range = to === Number.MAX_SAFE_INTEGER ? `of at least ${from}` : `from ${from} to ${to}`;
  return numberWithin(`must be a whole number ${range}`, from, to, options);
};

/** Port 0 lets the system choose one. */
export const IsPort = (from: 0 | 1, options?: For) =>
  numberWithin(`must be a port number (${from}-65535)`, from, 65535, options);

function numberWithin(rule: string, from: number, to: number, options?: For) {
  const within = (value: unknown) => Number.isInteger(value) && Number(value) >= from && Number(value) <= to;
  return check('numberWithin', (value) => (within(value) ? undefined : `${rule}: got ${shown(value)}`), options);
}

/** The value is well-formed if `parse` does not throw; the message of its error says what is wrong. */
export const Parses = (parse: (value: string) => unknown, options?: For) =>
  check(
    'parses',
    (value) => {
      try {
        parse(String(value));
        return undefined;
      } catch (error) {
        return (error as Error).message;
      }
    },
    options,
  );

export const IsText = (pattern: RegExp, rule: string, options?: For) => Matches(pattern, { ...got(rule), ...options });

export const IsDnsName = (what: string) => IsText(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/i, `must be a DNS ${what}`);

export const IsAddress = (options?: For) => IsIP(undefined, { ...got('must be an IP address'), ...options });

/** Every item of a list with commas. The empty text is a list of none. */
export const EachItem = (isGood: (item: string) => boolean, rule: string, options?: For) =>
  check(
    'eachItem',
    (value) => {
      const bad = splitList(String(value)).find((item) => !isGood(item));
      return bad === undefined ? undefined : `${rule}: got ${shown(bad)}`;
    },
    options,
  );

/** `components` with a comma too many has an empty item, which no rule accepts. */
export function splitList(text: string): string[] {
  return text === '' ? [] : text.split(',').map((item) => item.trim());
}

/** Ranges of which the first is IPv4. `six`: prefix lengths of the second one. */
export const IsIpv4FirstRanges = (
  from: number,
  to: number,
  example: string,
  options?: For,
  six = { from: 64, to: 126, example: 'fd00:10:96::/112' },
) =>
  check(
    'ipv4FirstRanges',
    (value) => {
      const [first = '', second, ...more] = String(value).split(',');
      if (!isRange(first, 'IPv4', from, to))
        return `must be an IPv4 range from /${from} to /${to}, such as ${example}: got ${shown(first)}`;
      if (second === undefined || (more.length === 0 && isRange(second, 'IPv6', six.from, six.to))) return undefined;
      return `only one IPv6 range, such as ${six.example}, can follow the IPv4 range`;
    },
    options,
  );

/** `flag` names the other range in the message. */
export const IsApartFrom = (other: string, flag: string, options?: For) =>
  check(
    'apartFrom',
    (value, all) => {
      const [mine, its] = [String(value), String(neighbour(all, other))].map((ranges) => ranges.split(',')[0]!);
      const comparable = [mine!, its!].every((range) => isRange(range, 'IPv4', 0, 32));
      return comparable && rangesOverlap(mine!, its!) ? `${mine} and --${flag} ${its} overlap` : undefined;
    },
    options,
  );

export const IsNotAbove = (other: string, flag: string) =>
  check('notAbove', (value, all) => {
    const limit = neighbour(all, other);
    return Number(value) > Number(limit) ? `must not be above --${flag} (${limit}): got ${shown(value)}` : undefined;
  });

function neighbour(section: object, key: string): unknown {
  return ownValue(section as Record<string, unknown>, key);
}
