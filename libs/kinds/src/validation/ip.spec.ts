import assert from 'node:assert/strict';
import { FieldPath } from '#apimachinery';
import { validateCanonicalIp, validateCidr } from './ip.js';

const path = FieldPath.of('spec', 'range');
const form = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';
const zeros = 'must not have leading 0s in IP or prefix length';
const bits = 'must not have bits set beyond the prefix length';
const mapped = 'must not have an IPv4-mapped IPv6 address';

const ranges: [value: string, problem: string | undefined][] = [
  ['10.9.8.0/24', undefined],
  ['0.0.0.0/0', undefined],
  ['10.9.8.7/32', undefined],
  ['2001:db8::/64', undefined],
  ['2001:0DB8:0::/64', undefined],
  ['::/0', undefined],
  ['10.9.8.7/24', bits],
  ['2001:db8::1/64', bits],
  ['010.9.8.0/24', zeros],
  ['10.9.8.0/024', zeros],
  ['::ffff:10.0.0.0/104', mapped],
  ['10.9.8.0', form],
  ['10.9.8.0/', form],
  ['10.9.8.0/33', form],
  ['10.9.8/24', form],
  ['fe80::%eth0/64', form],
  ['x/8', form],
  ['', form],
];
for (const [value, problem] of ranges) {
  test(`the range ${value} ${problem ?? 'is one'}`, () =>
    assert.deepEqual(
      validateCidr(path, value).map(({ message }) => message),
      problem === undefined ? [] : [`Invalid value: ${JSON.stringify(value)}: ${problem}`],
    ));
}

test('a range that is stored already stays', () =>
  assert.deepEqual(validateCidr(path, '10.9.8.7/24', new Set(['10.9.8.7/24'])), []));

test('a canonical address is written as everybody writes it', () => {
  assert.deepEqual(validateCanonicalIp(path, 'fd00::1'), []);
  assert.deepEqual(
    validateCanonicalIp(path, 'FD00:0:0::1').map(({ message }) => message),
    ['Invalid value: "FD00:0:0::1": must be in canonical form ("fd00::1")'],
  );
});
