import assert from 'node:assert/strict';
import { request, type TestServer, testServer, WatchReader } from '#testing';
import { CRDS, conditions, DefinitionClient, definition, version } from './testing/definitions.js';

const widgets = '/apis/example.com/v1/namespaces/default/widgets';
const TABLE = { accept: 'application/json;as=Table;g=meta.k8s.io;v=v1' };

function widget(name: string, spec: object, more: object = {}): object {
  return { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name, ...more }, spec };
}

describe('a CustomResourceDefinition', () => {
  let server: TestServer;
  let api: DefinitionClient;
  beforeAll(async () => {
    server = await testServer();
    api = new DefinitionClient(server);
  });
  afterEach(() => api.removeAll());
  afterAll(() => server.close());

  test('is established, and then its objects are created, read, listed, watched and deleted', async () => {
    const crd = await api.establish(definition());
    assert.deepEqual(conditions(crd), ['NamesAccepted=True NoConflicts', 'Established=True InitialNamesAccepted']);
    assert.deepEqual(crd.status.acceptedNames, {
      kind: 'Widget',
      listKind: 'WidgetList',
      plural: 'widgets',
      singular: 'widget',
    });
    assert.deepEqual(crd.status.storedVersions, ['v1']);
    const made = await api.ok('POST', widgets, widget('a', { color: 'red' }));
    assert.equal(made.metadata.generation, 1);
    const watch = await WatchReader.open(server, `${widgets}?watch=1`);
    assert.equal((await watch.next())?.object.spec.color, 'red');
    const patched = await api.merge(`${widgets}/a`, { spec: { color: 'blue' } });
    assert.equal(patched.metadata.generation, 2);
    assert.equal((await watch.next())?.type, 'MODIFIED');
    const list = await api.get(widgets);
    assert.deepEqual([list.kind, list.apiVersion, list.items.length], ['WidgetList', 'example.com/v1', 1]);
    await api.ok('DELETE', `${widgets}/a`);
    assert.equal((await watch.next())?.type, 'DELETED');
    watch.close();
  });

  test('deletes its objects before it goes, and ends their watches', async () => {
    await api.establish(definition());
    await api.ok('POST', widgets, widget('free', {}));
    await api.ok('POST', widgets, widget('held', {}, { finalizers: ['example.com/wait'] }));
    assert.match((await request(server, '/metrics')).body.toString(), /resource="widgets"/);
    const watch = await WatchReader.open(server, `${widgets}?watch=1&fieldSelector=metadata.name%3Dfree`);
    assert.equal((await watch.next())?.type, 'ADDED');
    const marked = await api.ok('DELETE', `${CRDS}/widgets.example.com`);
    assert.deepEqual(marked.metadata.finalizers, ['customresourcecleanup.apiextensions.k8s.io']);
    assert.equal(conditions(marked).at(-1), 'Terminating=True InstanceDeletionPending');
    await api.until(
      'widgets.example.com',
      (crd) => conditions(crd).at(-1) === 'Terminating=True InstanceDeletionInProgress',
    );
    assert.equal((await watch.next())?.type, 'DELETED');
    const refused = await api.ask('POST', widgets, widget('late', {}));
    assert.equal(refused.code, 403);
    assert.equal(
      refused.json.message,
      'widgets.example.com "late" is forbidden: create not allowed while custom resource definition is terminating',
    );
    await api.merge(`${widgets}/held`, { metadata: { finalizers: null } });
    await api.until('widgets.example.com', (crd) => crd === undefined);
    assert.equal(await watch.next(), undefined);
    assert.equal((await api.ask('GET', widgets)).code, 404);
    const { body } = await request(server, '/metrics');
    assert.deepEqual(body.toString().match(/^.*widgets.*$/gm), null, 'no series of it is left');
    await api.establish(definition());
    assert.deepEqual((await api.get(widgets)).items, []);
  });

  test('shows its columns in tables, and age where it has none', async () => {
    const columns = [
      { name: 'Color', type: 'string', jsonPath: '.spec.color' },
      { name: 'Size', type: 'integer', jsonPath: '.spec.size', priority: 1, description: 'How large it is.' },
      { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
      { name: 'Made', type: 'date', jsonPath: '.metadata.creationTimestamp' },
    ];
    await api.establish(
      definition({ versions: [version('v1', { storage: true, additionalPrinterColumns: columns })] }),
    );
    await api.ok('POST', widgets, {
      ...widget('a', { color: 'red', size: 3 }),
      status: { conditions: [{ type: 'Ready', status: 'True' }] },
    });
    const table = await api.ok('GET', widgets, undefined, TABLE);
    assert.deepEqual(
      table.columnDefinitions.map(({ name, type, priority }: any) => [name, type, priority]),
      [
        ['Name', 'string', 0],
        ['Color', 'string', 0],
        ['Size', 'integer', 1],
        ['Ready', 'string', 0],
        ['Made', 'date', 0],
      ],
    );
    assert.deepEqual(table.rows[0].cells.slice(0, 4), ['a', 'red', 3, 'True']);
    assert.match(table.rows[0].cells[4], /^\d+s$/);
  });

  test('has a status subresource when it asks for one', async () => {
    await api.establish(definition({ versions: [version('v1', { storage: true, subresources: { status: {} } })] }));
    const made = await api.ok('POST', widgets, { ...widget('a', { color: 'red' }), status: { phase: 'x' } });
    assert.equal(made.status, undefined);
    const shown = await api.merge(`${widgets}/a/status`, { spec: { color: 'blue' }, status: { phase: 'Ready' } });
    assert.deepEqual([shown.spec.color, shown.status, shown.metadata.generation], ['red', { phase: 'Ready' }, 1]);
    const changed = await api.merge(`${widgets}/a`, { spec: { color: 'blue' }, status: { phase: 'y' } });
    assert.deepEqual(
      [changed.spec.color, changed.status, changed.metadata.generation],
      ['blue', { phase: 'Ready' }, 2],
    );
    assert.equal((await api.ask('GET', `${widgets}/a/scale`)).code, 404);
  });

  test('has a scale subresource when it asks for one', async () => {
    const scale = {
      specReplicasPath: '.spec.size',
      statusReplicasPath: '.status.size',
      labelSelectorPath: '.status.selector',
    };
    const subresources = { status: {}, scale };
    await api.establish(definition({ versions: [version('v1', { storage: true, subresources })] }));
    await api.ok('POST', widgets, widget('a', { size: 2 }));
    await api.merge(`${widgets}/a/status`, { status: { size: 1, selector: 'app=a' } });
    const shown = await api.get(`${widgets}/a/scale`);
    assert.deepEqual(
      [shown.kind, shown.apiVersion, shown.spec, shown.status],
      ['Scale', 'autoscaling/v1', { replicas: 2 }, { replicas: 1, selector: 'app=a' }],
    );
    const put = await api.ok('PUT', `${widgets}/a/scale`, { ...shown, spec: { replicas: 5 } });
    assert.equal(put.spec.replicas, 5);
    await api.merge(`${widgets}/a/scale`, { spec: { replicas: 7 } });
    const after = await api.get(`${widgets}/a`);
    assert.deepEqual([after.spec.size, after.metadata.generation], [7, 3]);
    const owner = after.metadata.managedFields.find((entry: any) => entry.subresource === 'scale');
    assert.deepEqual([owner.apiVersion, owner.fieldsV1], ['example.com/v1', { 'f:spec': { 'f:size': {} } }]);
    await api.ok('POST', widgets, widget('none', {}));
    const missing = await api.ask('GET', `${widgets}/none/scale`);
    assert.deepEqual(
      [missing.code, missing.json.message],
      [500, 'Internal error occurred: the spec replicas field ".spec.size" does not exist'],
    );
    const negative = await api.ask('POST', widgets, widget('b', { size: -1 }));
    assert.equal(negative.code, 422);
    assert.match(negative.json.message, /\.spec\.size: Invalid value: -1: should be a non-negative integer$/);
  });

  test('takes no strategic patches', async () => {
    await api.establish(definition());
    await api.ok('POST', widgets, widget('a', {}));
    const headers = { 'content-type': 'application/strategic-merge-patch+json' };
    const { code, json } = await api.ask('PATCH', `${widgets}/a`, { spec: {} }, headers);
    assert.equal(code, 415);
    assert.match(
      json.message,
      /accepted media types include: application\/json-patch\+json, application\/merge-patch\+json, application\/apply-patch\+yaml/,
    );
  });

  test('have the form of a schema that changed after they were stored', async () => {
    const crd = await api.establish(definition());
    await api.ok('POST', widgets, widget('a', { color: 'red', size: 1 }));
    const { generation } = await api.get(`${widgets}/a`).then(({ metadata }) => metadata);
    const properties = { size: { type: 'integer' }, weight: { type: 'integer', default: 5 } };
    const schema = { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties } } } };
    await api.merge(`${CRDS}/${crd.metadata.name}`, { spec: { versions: [version('v1', { storage: true, schema })] } });
    let read = await api.get(`${widgets}/a`);
    for (let attempt = 0; read.spec.weight !== 5 && attempt < 250; attempt++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      read = await api.get(`${widgets}/a`);
    }
    assert.deepEqual(read.spec, { size: 1, weight: 5 });
    assert.equal(read.metadata.generation, generation);
    const [listed] = (await api.get(widgets)).items;
    assert.deepEqual(listed.spec, { size: 1, weight: 5 });
    const scaled = await api.merge(`${widgets}/a`, { spec: { size: 2 } });
    assert.deepEqual([scaled.spec, scaled.metadata.generation], [{ size: 2, weight: 5 }, 2]);
  });
});
