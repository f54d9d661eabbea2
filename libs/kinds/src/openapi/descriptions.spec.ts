import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { allResources } from '../built-in/resources.js';
import { servedGroups } from '../discovery/discovery.js';
import { apiFacts } from '../facts/facts.js';
import { openDescriptions } from './descriptions.js';
import { openApiV2, openApiV3 } from './openapi.js';

/** Longer ones are documentation, not a description. */
const MOST_CHARACTERS = 300;
/** A sentence that suits fields of more names than these says nothing of any. */
const MOST_NAMES = 3;

const folder = new URL('../facts/descriptions/', import.meta.url);
const read = (file: string): Record<string, Record<string, string>> =>
  JSON.parse(readFileSync(new URL(file, folder), 'utf8'));
const typeFacts = new Map(Object.entries(apiFacts().types));
const fieldsOf = (type: string): string[] => Object.keys(typeFacts.get(type)?.fields ?? {});

interface Entry {
  type: string;
  field: string;
  text: string;
}

/** What the files say, by full type names. */
function written(): Entry[] {
  const entries: Entry[] = [];
  for (const place of readdirSync(folder, { withFileTypes: true }).filter((item) => item.isDirectory())) {
    for (const file of readdirSync(new URL(`${place.name}/`, folder))) {
      for (const [names, texts] of Object.entries(read(`${place.name}/${file}`))) {
        for (const name of names.split('|')) {
          for (const [field, text] of Object.entries(texts)) {
            entries.push({ type: `${place.name}.${name}`, field, text });
          }
        }
      }
    }
  }
  return entries;
}

const entries = written();
const descriptions = openDescriptions();

describe('descriptions', () => {
  it('are there for every type and every field', () => {
    const missing: string[] = [];
    for (const type of typeFacts.keys()) {
      const textOf = descriptions.ofType(type);
      for (const field of ['', ...fieldsOf(type)]) {
        if (!textOf(field)) missing.push(`${type}.${field}`);
      }
    }
    assert.deepEqual(missing, []);
  });

  it('are of types and fields that exist, and each is written once', () => {
    const seen = new Set<string>();
    const wrong: string[] = [];
    for (const { type, field } of entries) {
      const key = `${type} ${field}`;
      if (!typeFacts.has(type) || (field !== '' && !fieldsOf(type).includes(field)) || seen.has(key)) wrong.push(key);
      seen.add(key);
    }
    assert.deepEqual(wrong, []);
  });

  it('are one or two plain sentences', () => {
    const requests = Object.entries(read('requests.json')).flatMap(([type, texts]) =>
      Object.entries(texts).map(([field, text]) => ({ type, field, text })),
    );
    for (const { type, field, text } of [...entries, ...requests]) {
      const where = `${type}.${field}: ${text}`;
      assert.match(text, /\S \S.*\.$/, where);
      assert.ok(text.length <= MOST_CHARACTERS, `${text.length} characters: ${where}`);
      // Text beyond ASCII takes two bytes a character for a whole document in V8.
      assert.match(text, /^[\x20-\x7e]+$/, where);
      assert.doesNotMatch(text, / {2}|^\s|\s$/, where);
    }
  });

  it('say something of their field: no sentence fits fields of many names', () => {
    const names = new Map<string, Set<string>>();
    for (const { type, field, text } of entries) {
      const name = field === '' ? type : field;
      names.set(text, (names.get(text) ?? new Set()).add(name));
    }
    const filler = [...names].filter(([, fields]) => fields.size > MOST_NAMES);
    assert.deepEqual(filler, []);
  });

  it('of a field do not repeat its type: clients show one after the other', () => {
    const repeated: string[] = [];
    for (const [type, facts] of typeFacts) {
      for (const [field, expression] of Object.entries(facts.fields ?? {})) {
        const of = /#([^=|]+)/.exec(typeof expression === 'string' ? expression : expression.t)?.[1];
        const text = descriptions.ofType(type)(field);
        if (of !== undefined && text === descriptions.ofType(of)('')) repeated.push(`${type}.${field}: ${text}`);
      }
    }
    assert.deepEqual(repeated, []);
  });

  it('of a kind and its metadata come from the families only where a type has a kind', () => {
    const own = new Set(entries.map(({ type, field }) => `${type} ${field}`));
    for (const [type, facts] of typeFacts) {
      if (facts.gvk !== undefined) continue;
      for (const field of Object.keys(read('families.json')['*']!)) {
        if (fieldsOf(type).includes(field)) assert.ok(own.has(`${type} ${field}`), `${type}.${field}`);
      }
    }
  });

  it('say that a field behind a feature gate that is off is dropped', () => {
    assert.match(
      descriptions.ofType('io.k8s.api.core.v1.EmptyDirVolumeSource')('mode')!,
      / Dropped: the feature gate EmptyDirVolumeMode is off\.$/,
    );
    assert.doesNotMatch(descriptions.ofType('io.k8s.api.core.v1.Container')('restartPolicyRules')!, /feature gate/);
  });

  it('of what nobody knows are missing', () => {
    assert.equal(descriptions.ofType('example.com.v1.Widget')('spec'), undefined);
    assert.equal(descriptions.ofType('io.k8s.api.core.v1.Pod')('constructor'), undefined);
    assert.equal(descriptions.ofParameter('constructor'), undefined);
    assert.equal(descriptions.ofOperation('constructor', 'one Pod'), undefined);
  });
});

describe('OpenAPI documents', () => {
  const all = allResources();
  const groupVersions = servedGroups(all).flatMap(({ name, versions }) => versions.map((version) => [name, version]));
  const documents = groupVersions.map(([group, version]) => JSON.parse(openApiV3(all, group!, version!)!));
  const v2 = JSON.parse(openApiV2(all));

  it('describe every type and field that they have', () => {
    const bare: string[] = [];
    for (const schemas of [...documents.map((document) => document.components.schemas), v2.definitions]) {
      for (const [name, schema] of Object.entries<any>(schemas)) {
        if (!schema.description) bare.push(name);
        for (const [field, property] of Object.entries<any>(schema.properties ?? {})) {
          if (!property.description) bare.push(`${name}.${field}`);
        }
      }
    }
    assert.deepEqual(bare, []);
  });

  it('describe every operation and parameter, and no parameter that is not there', () => {
    const bare: string[] = [];
    const used = new Set<string>();
    for (const [path, item] of [...documents, v2].flatMap((document) => Object.entries<any>(document.paths))) {
      for (const operation of Object.values<any>(item)) {
        const parameters = Array.isArray(operation) ? operation : (operation.parameters ?? []);
        if (!Array.isArray(operation) && !operation.description) bare.push(path);
        for (const { name, description } of parameters.filter(({ name }: any) => name !== 'body')) {
          if (!description) bare.push(`${path} ${name}`);
          used.add(name);
        }
      }
    }
    assert.deepEqual(bare, []);
    assert.deepEqual(Object.keys(read('requests.json')['parameters']!).sort(), [...used].sort());
  });
});
