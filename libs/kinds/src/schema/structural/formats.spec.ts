import assert from 'node:assert/strict';
import { textFormat } from './formats.js';

const table: [format: string, good: readonly string[], bad: readonly string[]][] = [
  ['bsonobjectid', ['507f1f77bcf86cd799439011'], ['507f1f77bcf86cd79943901', 'x07f1f77bcf86cd799439011']],
  ['byte', ['AAAA', 'AAA=', 'AA=='], ['', 'AAA', 'A-A=', 'AAAA=']],
  ['cidr', ['10.0.0.0/8', '010.0.0.1/8', '::1/128'], ['10.0.0.0', '10.0.0.0/33', 'a/8']],
  ['creditcard', ['4111 1111 1111 1111', '378282246310005'], ['4111111111111112', '']],
  ['date', ['2020-02-29'], ['2021-02-29', '2020-1-1', '2020-13-01', '2020-01-01T00:00:00Z']],
  ['date-time', ['2020-01-01T00:00:00Z', '2020-01-01t23:59:59.123+02:00'], ['2020-01-01', '2020-01-01T24:00:00Z']],
  ['datetime', ['2020-01-01T00:00:00Z'], ['2020-01-01 00:00:00Z', '2020-01-01T00:60:00Z']],
  ['duration', ['1h30m', '-1.5s', '3 days', '2 weeks', '0'], ['', '5', 'soon', '99999999999999999999 s']],
  ['email', ['a@b.c', 'Some One <a@b.c>', '"a b"@c'], ['a', '@b', 'a@', 'a b@c']],
  ['hexcolor', ['#fff', 'AbCdEf'], ['#ffff', 'red']],
  [
    'hostname',
    ['a', 'a-', 'w-eb1', 'web-1.example.com', 'a.example.com', '1.example.com', 'é.fr'],
    ['', '-a', 'web-1', 'a..b', 'a_b', 'a.b.1'],
  ],
  ['ipv4', ['10.0.0.1', '010.000.0.1', '::ffff:1.2.3.4'], ['10.0.0', '256.0.0.1', '::1']],
  ['ipv6', ['::1', 'FE80::1'], ['10.0.0.1', 'fe80::1%eth0', ':::']],
  ['isbn', ['0321751043', '978-0321751041'], ['0321751044', '']],
  ['isbn10', ['0-321-75104-3', '080442957X'], ['9780321751041']],
  ['isbn13', ['978 0321751041'], ['0321751043', '9780321751042']],
  ['k8s-short-name', ['a', 'a-1'], ['A', '-a', 'a.b', 'a'.repeat(64)]],
  ['k8s-long-name', ['a.b-c.1', `${'a'.repeat(100)}.b`], ['a..b', 'A.b', 'a'.repeat(254)]],
  [
    'mac',
    ['00:00:5e:00:53:01', '00-00-5E-00-53-01', '0000.5e00.5301', '00005e005301', '02:00:5e:10:00:00:00:01'],
    ['00:00:5e:00:53', '00:00-5e:00:53:01', '00:00:5e:00:53:0g', ''],
  ],
  ['password', ['', 'anything'], []],
  ['rgbcolor', ['rgb(0,255,12)', 'rgb( 1 , 2 , 3 )'], ['rgb(256,0,0)', 'rgb(1,2)', 'rgb(1,2,3,)']],
  ['ssn', ['111-22-3333', '111 22 3333'], ['111223333', '111-22-333']],
  [
    'uri',
    ['http://a/b?c#d', '/path', 'mailto:a@b', 'http://[::1]:80/x', '*', 'x:y'],
    ['', 'a', '%zz', 'http://a b/', 'http://[::1/', '/a%2', ':', 'http://a:b/'],
  ],
  ['uuid', ['12345678-1234-1234-1234-123456789ABC', '12345678123412341234123456789abc'], ['1234', '']],
  ['uuid3', ['12345678-1234-3234-1234-123456789012'], ['12345678-1234-4234-1234-123456789012']],
  ['uuid4', ['12345678-1234-4234-8234-123456789012'], ['12345678-1234-4234-1234-123456789012']],
  ['uuid5', ['12345678-1234-5234-a234-123456789012'], ['12345678-1234-5234-c234-123456789012']],
];

describe('formats of texts', () => {
  for (const [name, good, bad] of table) {
    it(`${name}`, () => {
      const check = textFormat(name)!;
      assert.deepEqual(
        good.filter((text) => !check(text)),
        [],
      );
      assert.deepEqual(
        bad.filter((text) => check(text)),
        [],
      );
    });
  }

  it('are no more than these: others are passed over', () => {
    for (const name of ['int32', 'float', 'nonsense', 'constructor', '__proto__', '']) {
      assert.equal(textFormat(name), undefined, name);
    }
  });

  it('take little time over a long text that nearly fits', () => {
    const long = `${'a-'.repeat(50_000)}!`;
    for (const [name] of table) assert.equal(textFormat(name)!(long), name === 'password', name);
  });
});
