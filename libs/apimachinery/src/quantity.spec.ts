import assert from 'node:assert/strict';
import fc from 'fast-check';
import { canonicalQuantity, milliValueOf, Quantity } from './quantity.js';

test('canonical forms', () => {
  const cases: [string | number, string][] = [
    ['0', '0'],
    ['0.5', '500m'],
    ['1.5', '1500m'],
    ['1000m', '1'],
    ['100m', '100m'],
    ['1500m', '1500m'],
    [1, '1'],
    [0.1, '100m'],
    ['1024Mi', '1Gi'],
    ['100Mi', '100Mi'],
    ['1.5Gi', '1536Mi'],
    ['0.5Gi', '512Mi'],
    ['1000Ki', '1000Ki'],
    ['512', '512'],
    ['1024', '1024'],
    ['1e3', '1e3'],
    ['1500e0', '1500e0'],
    ['1E', '1E'],
    ['1000000', '1M'],
    ['10000000k', '10G'],
    ['0.1n', '1n'],
    ['1.0000000001', '1000000001n'],
    ['-1.5', '-1500m'],
    ['0.5Ki', '512'],
    ['0.0001Ki', '102400u'],
    ['100Ei', '9223372036854775807'],
    ['12345678901234567890', '12345678901234567890'],
  ];
  for (const [input, expected] of cases) assert.equal(canonicalQuantity(input), expected, String(input));
});

test('what is no quantity is told so', () => {
  const format = /^QuantityError: quantities must match the regular expression/;
  for (const text of ['', ' ', 'a', '1.2.3', '1 Gi', '0x10', 'Infinity'])
    assert.throws(() => Quantity.parse(text), format);
  for (const text of ['1mm', '1ki', '1e', '1+3']) {
    assert.throws(() => Quantity.parse(text), { message: "unable to parse quantity's suffix" }, text);
  }
  assert.throws(() => Quantity.parse('9'.repeat(5000)), { message: 'unable to parse numeric part of quantity' });
  assert.throws(() => Quantity.parse('1e999999999'), { message: "unable to parse quantity's suffix" });
});

const quantityText = fc
  .tuple(
    fc.constantFrom('', '-'),
    fc.bigInt({ min: 0n, max: 10n ** 21n }),
    fc.constantFrom('', '.5', '.125', '.000000001'),
    fc.constantFrom('', 'n', 'u', 'm', 'k', 'M', 'G', 'T', 'Ki', 'Mi', 'Gi', 'e3', 'e-3'),
  )
  .map((parts) => parts.join(''))
  // The largest binary values are capped, which breaks arithmetic laws on purpose.
  .filter((text) => !text.endsWith('i') || text.length < 12);

test('the canonical form is the same number and canonical itself', () => {
  fc.assert(
    fc.property(quantityText, (text) => {
      const quantity = Quantity.parse(text);
      const canonical = quantity.add(Quantity.zero).toString();
      assert.equal(canonicalQuantity(canonical), canonical);
      assert.ok(Quantity.parse(canonical).equals(quantity));
      assert.ok(!canonical.includes('.'));
    }),
  );
});

test('arithmetic is exact', () => {
  fc.assert(
    fc.property(quantityText, quantityText, (left, right) => {
      const a = Quantity.parse(left);
      const b = Quantity.parse(right);
      const nano = (q: Quantity) => BigInt(q.scaled(-9));
      assert.equal(nano(a.add(b)), nano(a) + nano(b));
      assert.equal(nano(a.sub(b)), nano(a) - nano(b));
      assert.equal(nano(a.mul(7)), nano(a) * 7n);
      assert.equal(a.compare(b), nano(a) < nano(b) ? -1 : nano(a) > nano(b) ? 1 : 0);
      assert.ok(a.add(b).sub(b).equals(a));
      const up = nano(a.roundUp(-3));
      assert.ok(up % 1_000_000n === 0n);
      const gap = nano(a) < 0n ? nano(a) - up : up - nano(a);
      assert.ok(gap >= 0n && gap < 1_000_000n);
    }),
  );
});

test('sums keep the format of the first that is not zero', () => {
  assert.equal(Quantity.zero.add(Quantity.parse('1Gi')).toString(), '1Gi');
  assert.equal(Quantity.parse('1Gi').add(Quantity.parse('1024')).toString(), '1048577Ki');
  assert.equal(Quantity.parse('1').add(Quantity.parse('1Ki')).toString(), '1025');
});

test('values for schedulers and cgroups', () => {
  assert.equal(milliValueOf('1.5'), 1500);
  assert.equal(milliValueOf('1u'), 1);
  assert.equal(milliValueOf(undefined), 0);
  assert.equal(Quantity.parse('1.5Gi').value(), 1.5 * 2 ** 30);
  assert.equal(Quantity.parse('100m').value(), 1);
});
