import assert from 'node:assert/strict';
import * as names from './names.js';

const long = (n: number) => 'a'.repeat(n);

const GOOD: [names.FormatCheck, string[]][] = [
  [names.isDNS1123Label, ['a', '0', 'a-b', long(63)]],
  [names.isDNS1123Subdomain, ['a.b', '1.2', 'a-1.b-2', long(253)]],
  [names.isDNS1035Label, ['a', 'a-1']],
  [names.isWildcardDNS1123Subdomain, ['*.example.com']],
  [names.isQualifiedName, ['simple', 'now-with-dashes', '1-starts', 'example.com/Name_1.x', long(63)]],
  [names.isLabelValue, ['', 'A_b.c-1', long(63)]],
  [names.isPathSegmentName, ['system:node', 'a b']],
  [names.isPortName, ['http', 'p-1', '80http']],
  [names.isEnvVarName, ['A', '1a.b-c', 'a b']],
  [names.isConfigMapKey, ['a', '.a', 'A_b-c.d']],
  [names.isCIdentifier, ['_a', 'A1']],
  [names.isPercent, ['5%', '100%']],
];

test('good values give no message', () => {
  for (const [check, values] of GOOD)
    for (const value of values) assert.deepEqual(check(value), [], `${check.name} ${value}`);
});

const LABEL =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const NAME =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

const BAD: [names.FormatCheck, string, string[]][] = [
  [names.isDNS1123Label, 'A', [LABEL]],
  [names.isDNS1123Label, '', [LABEL]],
  [names.isDNS1123Label, 'a.b', ['must not contain dots']],
  [names.isDNS1123Label, long(64), ['must be no more than 63 characters']],
  [names.isDNS1123Subdomain, long(254), ['must be no more than 253 characters']],
  [names.isQualifiedName, '', ['name part must be non-empty', NAME]],
  [names.isQualifiedName, '/a', ['prefix part must be non-empty']],
  [names.isQualifiedName, long(64), ['name part must be no more than 63 bytes']],
  [names.isQualifiedName, 'a/-b', [NAME]],
  [names.isLabelValue, long(64), ['must be no more than 63 bytes']],
  [names.isPathSegmentName, '..', ["may not be '..'"]],
  [names.isPathSegmentName, 'a/b%', ["may not contain '/'", "may not contain '%'"]],
  [
    names.isPortName,
    '-1--',
    [
      'must contain at least one letter (a-z)',
      'must not contain consecutive hyphens',
      'must not begin or end with a hyphen',
    ],
  ],
  [names.isEnvVarName, '', ['environment variable name must be non-empty']],
  [names.isConfigMapKey, '..a', ["must not start with '..'"]],
];

test('bad values give the words of Kubernetes', () => {
  for (const [check, value, messages] of BAD) assert.deepEqual(check(value), messages, `${check.name} ${value}`);
});

test('a key with two slashes is explained whole', () => {
  assert.match(
    names.isQualifiedName('a/b/c')[0]!,
    /^a valid label key must consist.*with an optional DNS subdomain prefix/,
  );
});

test('generated names keep to 63 characters and to the alphabet', () => {
  assert.match(names.generateName('web-'), /^web-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  assert.equal(names.generateName(long(80)).length, 63);
  assert.deepEqual(names.checkNamePrefix(names.isDNS1123Label, 'web-'), []);
  assert.equal(names.checkNamePrefix(names.isDNS1123Label, '-').length, 1);
});

test('random suffixes use the whole alphabet', () => {
  assert.equal(new Set(names.randomSuffix(5000)).size, 27);
});
