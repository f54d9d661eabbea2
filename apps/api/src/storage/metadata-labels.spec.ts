import assert from 'node:assert/strict';
import fc from 'fast-check';
import { readLabels } from './metadata-labels.js';

test('labels read from the bytes are the labels of the parsed object', () => {
  // Text that would mislead a scanner comes up often.
  const text = fc.oneof(fc.string(), fc.constantFrom('labels', '"labels":{', '\\', '\\"', '}', '{', ',', 'é"'));
  const map = fc.dictionary(text, text);
  const metadata = fc.record(
    { name: text, count: fc.integer(), flag: fc.boolean(), annotations: map, labels: map, owners: fc.array(fc.json()) },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(metadata, fc.jsonValue(), (meta, spec) => {
      const object = { apiVersion: 'v1', kind: 'Pod', metadata: meta, spec: { labels: { not: 'these' }, spec } };
      const bytes = Buffer.from(JSON.stringify(object));
      assert.deepEqual(readLabels(bytes), JSON.parse(bytes.toString()).metadata.labels);
    }),
  );
});

test('an object without labels has none, whatever its spec says', () => {
  const body = '{"kind":"X","metadata":{"resourceVersion":"1","name":"a"},"spec":{"labels":{"a":"b"}}}';
  assert.equal(readLabels(Buffer.from(body)), undefined);
  assert.equal(readLabels(Buffer.from('{"metadata":{}}')), undefined);
});
