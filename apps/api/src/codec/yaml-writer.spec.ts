import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parse } from 'yaml';
import { yamlText } from './yaml-writer.js';

const texts = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('a', ' ', '\n', '\t', '-', ':', '#', '\u2028', '\u0085', '"') }),
  fc.constantFrom('yes', 'NO', 'y', 'null', '~', '1', '1e3', '0x1', '012', '1:30', '2024-01-01', '.inf', '<<', '=', ''),
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    texts,
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    tie('list'),
    tie('map'),
  ),
  list: fc.array(tie('value'), { maxLength: 4 }),
  map: fc.dictionary(texts, tie('value'), { maxKeys: 4 }),
}));

describe('yamlText', () => {
  for (const version of ['1.1', '1.2'] as const) {
    it(`is read by YAML ${version} as what was written`, () => {
      fc.assert(
        fc.property(value, (data) => {
          const json = JSON.parse(JSON.stringify(data));
          assert.deepEqual(JSON.parse(JSON.stringify(parse(yamlText(json), { version }))), json);
        }),
        { numRuns: 2000 },
      );
    });
  }

  it('looks as people write it', () => {
    const object = {
      kind: 'ConfigMap',
      metadata: { name: 'a', labels: {}, finalizers: [], creationTimestamp: null },
      data: { script: 'set -e\nexit\n', on: 'yes', number: '1' },
      list: [{ a: 1, b: [2, [3]] }, 'x'],
    };
    assert.equal(
      yamlText(object),
      `kind: ConfigMap
metadata:
  name: a
  labels: {}
  finalizers: []
  creationTimestamp: null
data:
  script: |
    set -e
    exit
  "on": "yes"
  number: "1"
list:
- a: 1
  b:
  - 2
  - - 3
- x
`,
    );
  });

  it('quotes what YAML 1.1 reads as a number without digits before its exponent', () => {
    assert.equal(yamlText({ E0: 'e12', e: 'e1x' }), '"E0": "e12"\ne: e1x\n');
  });

  it('marks keys that are too long to stand alone', () => {
    const key = 'k'.repeat(5000);
    assert.deepEqual(parse(yamlText({ [key]: { a: [1] } })), { [key]: { a: [1] } });
  });
});
