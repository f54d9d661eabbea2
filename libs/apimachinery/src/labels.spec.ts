import assert from 'node:assert/strict';
import fc from 'fast-check';
import { FieldPath } from './field-errors.js';
import { escapeFieldValue, parseFieldSelector } from './fields.js';
import {
  cachedLabelMatcher,
  LabelMatcher,
  labelSelectorMatcher,
  parseLabelSelector,
  validateLabelSelector,
} from './labels.js';

test('string selectors match as they say', () => {
  const cases: [string, Record<string, string>, boolean][] = [
    ['', {}, true],
    ['a', { a: '' }, true],
    ['a', {}, false],
    ['!a', {}, true],
    ['a=b', { a: 'b' }, true],
    ['a==b', { a: 'c' }, false],
    ['a!=b', {}, true],
    ['a!=b', { a: 'b' }, false],
    ['a in (b, c)', { a: 'c' }, true],
    ['a in (b,)', { a: '' }, true],
    ['a notin (b,c)', { a: 'd' }, true],
    ['a notin (b,c)', {}, true],
    ['a>5', { a: '6' }, true],
    ['a<5', { a: 'x' }, false],
    ['a=,b=1', { a: '', b: '1' }, true],
    ['in in (notin)', { in: 'notin' }, true],
    [' x = y , ! z ', { x: 'y' }, true],
    ['toString', {}, false],
  ];
  for (const [text, labels, expected] of cases) {
    assert.equal(parseLabelSelector(text).matches(labels), expected, `${text} on ${JSON.stringify(labels)}`);
  }
});

test('bad selectors are a 400 with the words of the reference', () => {
  const cases: [string, string][] = [
    ['a in b', "unable to parse requirement: found 'b' expected: '('"],
    ['a=b,', "found '', expected: identifier after ','"],
    ['a b', "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
    ['=a', "found '=', expected: !, identifier, or 'end of string'"],
    ['a=(b', "unable to parse requirement: found '(', expected: identifier"],
    ['a in (b', "unable to parse requirement: found '', expected: ',' or ')'"],
    ['a=b c', "found 'c', expected: ',' or 'end of string'"],
    [
      'a>x',
      "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an integer",
    ],
  ];
  for (const [text, message] of cases) {
    assert.throws(() => parseLabelSelector(text), { message, code: 400 }, text);
  }
  assert.throws(
    () => parseLabelSelector('a=-b'),
    /^StatusError: unable to parse requirement: values\[0\]\[a\]: Invalid/,
  );
  assert.throws(() => parseLabelSelector('-a'), /unable to parse requirement: <nil>: Invalid value: "-a": name part/);
});

const word = fc.stringMatching(/^[a-c][a-c0-2]{0,2}$/);
const requirement = fc.oneof(
  fc.record({ key: word, operator: fc.constantFrom('=', '==', '!=') as fc.Arbitrary<'='>, values: fc.tuple(word) }),
  fc.record({
    key: word,
    operator: fc.constantFrom('in', 'notin') as fc.Arbitrary<'in'>,
    values: fc.uniqueArray(word, { minLength: 1, maxLength: 3 }),
  }),
  fc.record({ key: word, operator: fc.constantFrom('exists', '!') as fc.Arbitrary<'!'>, values: fc.constant([]) }),
);

test('the text of a selector parses to the same selector', () => {
  fc.assert(
    fc.property(fc.array(requirement, { maxLength: 4 }), fc.dictionary(word, word), (requirements, labels) => {
      const matcher = LabelMatcher.of(requirements);
      const again = parseLabelSelector(matcher.toString());
      assert.equal(again.toString(), matcher.toString());
      assert.equal(again.matches(labels), matcher.matches(labels));
      const exact = matcher.exactMatch();
      if (exact !== undefined && matcher.matches(labels)) assert.equal(labels[exact.key], exact.value);
    }),
  );
});

test('selectors of objects: none selects nothing, an empty one everything', () => {
  assert.ok(!labelSelectorMatcher(undefined).matches({ a: 'b' }));
  assert.ok(labelSelectorMatcher({}).matches(undefined));
  const selector = {
    matchLabels: { a: '1' },
    matchExpressions: [
      { key: 'b', operator: 'NotIn', values: ['x'] },
      { key: 'c', operator: 'Exists' },
    ],
  };
  assert.ok(cachedLabelMatcher(selector).matches({ a: '1', c: '' }));
  assert.ok(!cachedLabelMatcher(selector).matches({ a: '1', b: 'x', c: '' }));
  assert.throws(() => labelSelectorMatcher({ matchExpressions: [{ key: 'a', operator: 'Is' }] }), {
    message: '"Is" is not a valid label selector operator',
  });
});

test('selectors of objects are validated', () => {
  const errors = validateLabelSelector(
    {
      matchExpressions: [
        { key: 'a', operator: 'In' },
        { key: 'b', operator: 'Exists', values: ['x'] },
      ],
    },
    FieldPath.of('spec', 'selector'),
  );
  assert.deepEqual(
    errors.map((error) => `${error.field}: ${error.message}`),
    [
      "spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
      "spec.selector.matchExpressions[1].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
    ],
  );
});

test('field selectors', () => {
  const matcher = parseFieldSelector('spec.nodeName=n1,status.phase!=Failed');
  const read = (values: Record<string, string>) => (name: string) => values[name] ?? '';
  assert.ok(matcher.matches(read({ 'spec.nodeName': 'n1' })));
  assert.ok(!matcher.matches(read({ 'spec.nodeName': 'n1', 'status.phase': 'Failed' })));
  assert.equal(matcher.exactValue('spec.nodeName'), 'n1');
  assert.deepEqual(matcher.exactMatch()?.field, 'spec.nodeName');
  assert.throws(() => parseFieldSelector('a'), { message: "invalid selector: 'a'; can't understand 'a'" });
  assert.throws(() => parseFieldSelector('a=b\\x'), {
    message: 'invalid field selector: invalid escape sequence: \\x',
  });
  assert.throws(() => parseFieldSelector('a=b=c'), {
    message: 'invalid field selector: unescaped character in value: 61',
  });
});

test('any value survives escaping', () => {
  fc.assert(
    fc.property(fc.string(), (value) => {
      assert.equal(parseFieldSelector(`a=${escapeFieldValue(value)}`).exactValue('a'), value);
    }),
  );
});
