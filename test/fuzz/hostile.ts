import type { Dice } from './dice.js';
import { RawJson, writeEntries } from './raw-json.js';

/** Values that no type expects, and values at the edges of types. */

export const LANGUAGE_NAMES = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf', 'prototype'];

const TEXTS = [
  '',
  ' ',
  'a',
  'A',
  '-',
  '.',
  '..',
  '/',
  'a/b',
  'a/b/c',
  '../../etc/passwd',
  '%2e%2e',
  '*',
  '\0',
  '\n',
  '\u2028',
  '\ud800',
  '\u{1f600}',
  'é'.normalize('NFD'),
  'true',
  'null',
  '0',
  '-1',
  '1e3',
  '100%',
  '-5%',
  '99999999999999999999%',
  '1Gi',
  '1.5.5',
  '1e9999999',
  '-0',
  '0x10',
  '9223372036854775807',
  '9223372036854775808',
  '999999999999999999999999999999Ei',
  '0.0000000000000000000001n',
  '10.0.0.1',
  '010.0.0.1',
  '::1',
  '::ffff:10.0.0.1',
  'fe80::1%eth0',
  '10.0.0.0/8',
  '10.0.0.1/33',
  '::/0',
  'example.com',
  'example.com/name',
  '*.example.com',
  'https://example.com/?a=b#c',
  '2026-01-01T00:00:00Z',
  '0000-01-01T00:00:00Z',
  '9999-12-31T23:59:59.999999999+23:59',
  '2026-02-30T00:00:00Z',
  '1h',
  '-1ns',
  '@every 1ns',
  '0 0 31 2 *',
  '*/0 * * * *',
  'TZ=UTC 0 0 * * *',
  '(a+)+$',
  '[',
  '(?<n>a)\\k<n>',
  "object.metadata.name == 'a'",
  'object.spec.all(x, object.spec.all(y, x == y))',
  '1 +',
  '{.spec.a[*].b}',
  '$(A)$(B)',
  '{{ . }}',
  'AQ==',
  'A',
  '=',
  '-----BEGIN CERTIFICATE-----\nAQ==\n-----END CERTIFICATE-----\n',
  '<script>',
  "' OR 1=1 --",
  'kubernetes.io/a',
  'system:masters',
  'kube-system',
  'default',
];

const NUMBERS = [
  '0',
  '-0',
  '1',
  '-1',
  '0.1',
  '1.0',
  '1e0',
  '1e2',
  '255',
  '256',
  '65535',
  '65536',
  '2147483647',
  '2147483648',
  '-2147483649',
  '9007199254740991',
  '9007199254740993',
  '9223372036854775807',
  '9223372036854775808',
  '-9223372036854775808',
  '-9223372036854775809',
  '18446744073709551616',
  '1e19',
  '1e308',
  '1e309',
  '-1e309',
  '1e-400',
  '1e2147483648',
  `1${'0'.repeat(400)}`,
  `0.${'0'.repeat(400)}1`,
];

/** No JSON. */
const BROKEN = [
  '',
  'NaN',
  'Infinity',
  '01',
  '+1',
  '.5',
  '1.',
  "'a'",
  '{a:1}',
  '[1,]',
  '{"a":1,}',
  '"\\x"',
  '"\t"',
  'nul',
];

export function hostileText(dice: Dice): string {
  if (dice.chance(0.8)) return dice.pick(TEXTS);
  if (dice.chance(0.5)) return dice.pick(LANGUAGE_NAMES);
  return dice.pick(['a', 'a-', 'a.', 'é', '\0', '0', '/']).repeat(dice.pick([54, 64, 254, 5000, 70_000]));
}

export function hostileNumber(dice: Dice): RawJson {
  return new RawJson(dice.pick(NUMBERS));
}

/** Any JSON value, well-formed apart from `broken` ones, of which few are enough. */
export function hostileValue(dice: Dice, depth = 2): unknown {
  return dice.oneOf<unknown>(
    () => hostileText(dice),
    () => hostileNumber(dice),
    () => dice.pick([null, true, false, {}, [], [null], [{}], [[]], { '': '' }]),
    () => (depth === 0 ? {} : { [hostileText(dice)]: hostileValue(dice, depth - 1) }),
    () => (depth === 0 ? [] : dice.times(3, () => hostileValue(dice, depth - 1))),
    () => languageNames(dice, depth),
    () => (dice.chance(0.3) ? nested(dice) : {}),
    () => (dice.chance(0.2) ? new RawJson(dice.pick(BROKEN)) : null),
  );
}

/** An object literal would lose `__proto__`. */
function languageNames(dice: Dice, depth: number): RawJson {
  const value = () => (depth === 0 ? 'x' : hostileValue(dice, depth - 1));
  return new RawJson(writeEntries(dice.times(3, () => [dice.pick(LANGUAGE_NAMES), value()] as const)));
}

function nested(dice: Dice): RawJson {
  const levels = dice.pick([20, 200, 2000, 12_000]);
  return dice.chance(0.5)
    ? new RawJson('['.repeat(levels) + ']'.repeat(levels))
    : new RawJson(`${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`);
}
