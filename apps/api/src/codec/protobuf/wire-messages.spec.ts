import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { allResources } from '#kinds';
import { fieldsOf, messageName, messageOfKind } from './wire-messages.js';

interface Facts {
  types: Record<string, { fields?: Record<string, unknown>; gvk?: string[] }>;
}

const FACTS = new URL('../../../../../libs/kinds/src/facts/api.json', import.meta.url);
const { types }: Facts = JSON.parse(readFileSync(FACTS, 'utf8'));

/** Names of a message's fields, with those of what is inlined. */
function namesOf(message: string): string[] {
  return Object.values(fieldsOf(message)).flatMap(([name, type]) =>
    type[0] === '~' ? namesOf(type.slice(1)) : [name],
  );
}

/** The type of a kind is in its envelope. */
const ofTheMessage = (field: string) => field !== 'apiVersion' && field !== 'kind';

/** What is written otherwise than field by field has no fields in JSON, and lists have the same in all kinds. */
const others = ([name, { fields }]: [string, { fields?: object }]) =>
  fields !== undefined && !/List$|[.]version[.]Info$/.test(name);

test('each type of the release has a message with the fields of its schema', () => {
  const known = Object.entries(types).filter(others);
  assert.ok(known.length > 400);
  for (const [name, { fields }] of known) {
    const names = Object.keys(fields!).filter(ofTheMessage);
    if (names.length > 0) assert.deepEqual(namesOf(messageName(name)).filter(ofTheMessage).sort(), names.sort(), name);
  }
});

test('each kind of the release has a message', () => {
  for (const { schemaName, group, version, kind } of allResources()) {
    assert.equal(messageOfKind(group === '' ? version : `${group}/${version}`, kind), messageName(schemaName));
  }
});

test('so have the objects that are no resource', () => {
  assert.equal(messageOfKind('v1', 'Status'), 'meta.v1.Status');
  assert.equal(messageOfKind('', 'APIVersions'), 'meta.v1.APIVersions');
  assert.equal(messageOfKind('meta.k8s.io/v1beta1', 'PartialObjectMetadata'), 'meta.v1.PartialObjectMetadata');
  assert.equal(messageOfKind('autoscaling/v1', 'Scale'), 'autoscaling.v1.Scale');
  assert.equal(messageOfKind('meta.k8s.io/v1', 'Table'), undefined);
  assert.equal(messageOfKind('example.com/v1', 'Status'), undefined);
});
