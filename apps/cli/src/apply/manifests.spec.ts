import assert from 'node:assert/strict';
import { parseManifests } from './manifests.js';

test('several documents and a List become single objects with their lines', () => {
  const text = `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
---
# nothing in this one
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: b}}
- {apiVersion: v1, kind: ConfigMap, metadata: {name: c}}
`;
  const manifests = parseManifests(text, 'f.yaml');
  assert.deepEqual(
    manifests.map(({ object, origin }) => [object.metadata.name, origin]),
    [
      ['a', 'f.yaml:1'],
      ['b', 'f.yaml:7'],
      ['c', 'f.yaml:7'],
    ],
  );
});

const bad: [what: string, text: string, message: RegExp][] = [
  ['broken YAML names the file', 'a: [', /^f\.yaml: /],
  ['a missing kind is named', 'apiVersion: v1\nmetadata: {name: a}', /^f\.yaml:1: kind is missing$/],
  ['a missing name is named', 'apiVersion: v1\nkind: Pod', /^f\.yaml:1: metadata\.name is missing$/],
  ['a scalar is no object', 'hello', /^f\.yaml:1: not an object$/],
];
for (const [what, text, message] of bad) {
  test(what, () => assert.throws(() => parseManifests(text, 'f.yaml'), { message }));
}
