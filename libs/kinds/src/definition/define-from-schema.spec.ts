import assert from 'node:assert/strict';
import type { KubeObject } from '#apimachinery';
import { allResources } from '../built-in/resources.js';
import { convertEach } from '../contract/conversion.js';
import { aggregatedDiscovery, apiResourceList } from '../discovery/discovery.js';
import { openApiV2, openApiV3 } from '../openapi/openapi.js';
import { DecodeError } from '../schema/decode.js';
import type { StructuralSchema } from '../schema/structural/structural.js';
import { fromStorage, toStorage } from '../testing/conversions.js';
import { context, now } from '../testing/spec-support.js';
import { defineFromSchema, type SchemaResource } from './define-from-schema.js';

const schema: StructuralSchema = {
  type: 'object',
  required: ['spec'],
  properties: {
    spec: {
      type: 'object',
      required: ['size', 'color'],
      properties: {
        size: { type: 'integer', format: 'int32' },
        color: { type: 'string', enum: ['', 'blue', 'red'], description: 'What it looks like.' },
        note: { type: 'string', default: 'none' },
        limits: { type: 'object', additionalProperties: { 'x-kubernetes-int-or-string': true } },
        anything: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
        parts: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name'],
          items: {
            type: 'object',
            required: ['name'],
            properties: { name: { type: 'string' }, count: { type: 'integer', default: 1 } },
          },
        },
        sides: { type: 'array', items: { type: 'string', enum: ['left', 'right'] } },
        corners: {
          type: 'object',
          additionalProperties: { type: 'object', required: ['angle'], properties: { angle: { type: 'integer' } } },
        },
      },
    },
    status: { type: 'object', properties: { phase: { type: 'string' } } },
  },
};

const source: SchemaResource = {
  group: 'shop.example.com',
  version: 'v1',
  kind: 'Widget',
  plural: 'widgets',
  singular: 'widget',
  namespaced: true,
  shortNames: ['wd'],
  schema,
  hasStatusEndpoint: true,
  fieldLabels: ['spec.color'],
};
const widgets = defineFromSchema(source);

function given(spec: object, rest: object = {}): KubeObject {
  const metadata = { name: 'it', namespace: 'ns', uid: 'uid-1', creationTimestamp: '2026-01-02T02:04:05Z' };
  const value = { apiVersion: 'shop.example.com/v1', kind: 'Widget', metadata, spec, ...rest };
  const { object } = widgets.decode(structuredClone(value));
  widgets.strategy.applyDefaults(object);
  return object;
}

function created(spec: object, rest: object = {}): KubeObject {
  const object = given(spec, rest);
  widgets.strategy.prepareForCreate(object, context());
  return object;
}

function createErrors(spec: object): string[] {
  const errors = widgets.strategy.validateCreate(created(spec), context());
  return errors.map(({ field, message }) => `${field}: ${message}`);
}

function updated(change: (object: any) => void, subresource = '') {
  const old = created({ size: 1, color: 'red' });
  old['status'] = { phase: 'Ready' };
  const object: KubeObject = structuredClone(old);
  object.metadata.resourceVersion = old.metadata.resourceVersion = '7';
  change(object);
  widgets.strategy.prepareForUpdate(object, old, context(subresource));
  const errors = widgets.strategy.validateUpdate(object, old, context(subresource));
  return { object: object as any, errors: errors.map(({ field }) => field) };
}

describe('a resource made from a schema', () => {
  it('has names, verbs and a place in storage', () => {
    assert.equal(widgets.storageResource, 'shop.example.com/widgets');
    assert.deepEqual(widgets.storageVersion, { group: 'shop.example.com', version: 'v1' });
    assert.equal(widgets.schemaName, 'com.example.shop.v1.Widget');
    assert.ok(widgets.verbs.includes('watch'));
    assert.deepEqual([widgets.conversion, widgets.deletion], [undefined, {}]);
  });

  it('is decoded: unknown fields are told and dropped, but for those that the schema keeps', () => {
    const { object, unknownFields } = widgets.decode({
      apiVersion: 'shop.example.com/v1',
      kind: 'Widget',
      metadata: { name: 'it', labels: { a: 'b' }, shape: 'round' },
      spec: { size: 1, color: '', weight: 3, anything: { at: ['all'] }, limits: { a: 1, b: '2' }, parts: [{ x: 1 }] },
    });
    assert.deepEqual(unknownFields, ['metadata.shape', 'spec.parts[0].x', 'spec.weight']);
    assert.deepEqual(object.metadata, { name: 'it', labels: { a: 'b' } });
    assert.deepEqual(object.spec, {
      size: 1,
      color: '',
      anything: { at: ['all'] },
      limits: { a: 1, b: '2' },
      parts: [{}],
    });
    assert.deepEqual(widgets.decode({ spec: { size: 'big' } }).object, { spec: { size: 'big' } });
    assert.throws(() => widgets.decode({ metadata: { labels: { a: 1 } } }), {
      name: DecodeError.name,
      message: 'json: cannot unmarshal number into Go struct field ObjectMeta.labels of type string',
    });
  });

  it('gets the defaults of its schema, for what is missing and not for what is empty', () => {
    assert.deepEqual(given({ size: 1, color: 'red', parts: [{ name: 'a' }, { name: 'b', count: 0 }] }).spec, {
      size: 1,
      color: 'red',
      note: 'none',
      parts: [
        { name: 'a', count: 1 },
        { name: 'b', count: 0 },
      ],
    });
    assert.equal(given({ note: '' }).spec.note, '');
  });

  it('is created without a status and with its first generation', () => {
    const object = created({ size: 1, color: 'red' }, { status: { phase: 'Ready' } });
    assert.deepEqual([object['status'], object.metadata.generation], [undefined, 1]);
  });

  it('is validated: metadata, required fields and allowed values', () => {
    assert.deepEqual(createErrors({ size: 0, color: '' }), []);
    assert.deepEqual(createErrors({ color: 'green', parts: [{}] }), [
      'spec.color: Unsupported value: "green": supported values: "", "blue", "red"',
      'spec.parts[0].name: Required value',
      'spec.size: Required value',
    ]);
    assert.deepEqual(createErrors({ size: 'big', color: 'red' }), [
      'spec.size: Invalid value: "string": spec.size in body must be of type integer: "string"',
    ]);
    assert.deepEqual(
      createErrors({ size: 1, color: 'red', sides: ['left', 'top'], corners: { a: { angle: 1 }, b: {} } }),
      [
        'spec.sides[1]: Unsupported value: "top": supported values: "left", "right"',
        'spec.corners.b.angle: Required value',
      ],
    );
    const nameless = created({ size: 1, color: 'red' }, { metadata: { name: 'Not This', namespace: 'ns' } });
    assert.deepEqual(
      widgets.strategy.validateCreate(nameless, context()).map(({ field }) => field),
      ['metadata.name'],
    );
  });

  it('counts changes, and keeps what an endpoint does not write', () => {
    const main = updated((object) => {
      object.spec.size = 2;
      object.status.phase = 'Broken';
    });
    assert.deepEqual([main.object.metadata.generation, main.object.status.phase, main.errors], [2, 'Ready', []]);
    const status = updated((object) => {
      object.spec.size = 2;
      object.metadata.labels = { a: 'b' };
      object.status.phase = 'Broken';
    }, 'status');
    const { metadata, spec, status: written } = status.object;
    assert.deepEqual([metadata.generation, metadata.labels, spec.size, written.phase], [1, undefined, 1, 'Broken']);
    assert.equal(updated(({ metadata }) => (metadata.labels = { a: 'b' })).object.metadata.generation, 1);
  });

  it('is validated at updates, but for those of its status', () => {
    const clear = (object: any) => delete object.spec.size;
    assert.deepEqual([updated(clear).errors, updated(clear, 'status').errors], [['spec.size'], []]);
    const number = (object: any) => (object.status.phase = 1);
    assert.deepEqual(updated(number, 'status').errors, ['status.phase']);
  });

  it('is updated only with a resourceVersion', () => {
    const { errors } = updated(({ metadata }) => delete metadata.resourceVersion);
    assert.deepEqual(errors, ['metadata.resourceVersion']);
  });

  it('has a table, of name and age if it says nothing', () => {
    const object = given({ size: 1, color: 'red' });
    assert.deepEqual(
      widgets.columns.map(({ name }) => name),
      ['Name', 'Age'],
    );
    assert.deepEqual(widgets.cells(object, now), ['it', '60m']);
    const column = { name: 'Size', type: 'integer', format: '', description: '', priority: 0 };
    const own = defineFromSchema({ ...source, table: { columns: [column], cells: ({ spec }) => [spec.size] } });
    assert.deepEqual([own.columns, own.cells(object, now)], [[column], [1]]);
  });

  it('is selected by fields', () => {
    const object = given({ size: 1, color: 'red' });
    assert.deepEqual(widgets.fieldLabels, ['spec.color']);
    assert.equal(widgets.fieldValue(object, 'spec.color'), 'red');
    assert.equal(widgets.fieldValue(object, 'metadata.name'), 'it');
  });

  it('has a schema for patches and field ownership', () => {
    const parts = widgets.schema.field('spec')?.field('parts');
    assert.deepEqual([parts?.listType, parts?.listMapKeys], ['map', ['name']]);
    assert.equal(parts?.items?.field('count')?.kind, 'scalar');
    assert.equal(widgets.schema.field('metadata')?.field('finalizers')?.listType, 'set');
  });

  it('is in the documents of discovery and OpenAPI, as every other', () => {
    const all = [...allResources(), widgets];
    const list: any = apiResourceList(all, 'shop.example.com', 'v1');
    assert.deepEqual(
      list.resources.map(({ name }: { name: string }) => name),
      ['widgets', 'widgets/status'],
    );
    assert.match(JSON.stringify(aggregatedDiscovery(all, '/apis')), /"responseKind":{"group":"shop.example.com"/);

    const v3 = JSON.parse(openApiV3(all, 'shop.example.com', 'v1')!);
    const { schemas } = v3.components;
    const widget = schemas['com.example.shop.v1.Widget'];
    assert.equal(widget.properties.spec.properties.color.description, 'What it looks like.');
    assert.deepEqual(widget['x-kubernetes-group-version-kind'], [
      { group: 'shop.example.com', version: 'v1', kind: 'Widget' },
    ]);
    const status = v3.paths['/apis/shop.example.com/v1/namespaces/{namespace}/widgets/{name}/status'];
    assert.match(JSON.stringify(status.put.requestBody), /com\.example\.shop\.v1\.Widget"/);
    for (const [, ref] of JSON.stringify(v3).matchAll(/#\/components\/schemas\/([^"]+)/g))
      assert.ok(schemas[ref!], ref);

    const v2 = openApiV2(all);
    const { definitions } = JSON.parse(v2);
    assert.equal(definitions['com.example.shop.v1.WidgetList'].properties.items.type, 'array');
    for (const [, ref] of v2.matchAll(/#\/definitions\/([^"]+)/g)) assert.ok(definitions[ref!], ref);
  });

  it('may be stored as another version, with a conversion that takes time or none', async () => {
    const as = (version: string) => (object: KubeObject) => ({ ...object, apiVersion: `shop.example.com/${version}` });
    const conversion = convertEach(as('v2'), as('v1'));
    const stored = { group: 'shop.example.com', version: 'v2', conversion };
    const both = defineFromSchema({ ...source, stored });
    const object = given({ size: 1, color: 'red' });
    assert.deepEqual(both.storageVersion, { group: 'shop.example.com', version: 'v2' });
    assert.equal(toStorage(both, object)['apiVersion'], 'shop.example.com/v2');
    assert.equal(fromStorage(both, toStorage(both, object))['apiVersion'], 'shop.example.com/v1');
    assert.equal(toStorage(widgets, object), object);

    const slow = defineFromSchema({
      ...source,
      stored: {
        ...stored,
        conversion: {
          sync: false,
          toStorage: async (objects) => conversion.toStorage(objects),
          fromStorage: async (objects) => conversion.fromStorage(objects),
        },
      },
    });
    assert.throws(() => toStorage(slow, object), /Widget cannot be converted at once/);
    const converted = await slow.conversion!.toStorage([object, object]);
    assert.deepEqual(
      converted.map(({ apiVersion }) => apiVersion),
      ['shop.example.com/v2', 'shop.example.com/v2'],
    );
  });

  it('gives what was stored under another schema as it is now', () => {
    const changed = defineFromSchema(source);
    const stored = { ...given({ size: 1, color: 'red' }), extra: true } as KubeObject;
    Object.assign(stored['spec'] as object, { note: null, weight: 3 });
    const read = changed.fromStorage(stored) as any;
    assert.deepEqual([read.spec, read.extra], [{ size: 1, color: 'red', note: 'none' }, undefined]);
    assert.deepEqual((stored as any).spec.weight, 3);
  });
});
