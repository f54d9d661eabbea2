import assert from 'node:assert/strict';
import { formatTime } from '#apimachinery';
import { type TestServer, testDatabase, testServer } from '#testing';
import { CRDS, condition, DefinitionClient, definition } from './testing/definitions.js';
import { StaleReplica } from './testing/stale-replica.js';

const DEFINITIONS = 'apiextensions.k8s.io/customresourcedefinitions';
const WIDGETS = '/apis/example.com/v1/namespaces/default/widgets';
const WIDGET = { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'late' }, spec: { color: 'red' } };

/** Two servers on one database: each of them accepts names, and serves what it knows of. */
describe('CustomResourceDefinitions of two servers', () => {
  let first: TestServer;
  let second: TestServer;
  let api: DefinitionClient;
  let other: DefinitionClient;
  let stale: StaleReplica;

  beforeAll(async () => {
    const { url } = await testDatabase();
    first = await testServer({ databaseUrl: url });
    second = await testServer({ databaseUrl: url, dataDir: first.dataDir });
    api = new DefinitionClient(first);
    other = new DefinitionClient(second);
    stale = await StaleReplica.of(first, url);
  });
  afterAll(async () => {
    await stale?.close();
    await second?.close();
    await first?.close();
  });
  afterEach(() => other.removeAll());

  test('never have one name both, when they come at the same time', async () => {
    for (let round = 0; round < 5; round++) {
      const group = `g${round}.example.com`;
      const one = definition({ group, plural: 'ones', names: { kind: 'Thing', shortNames: ['th'] } });
      const two = definition({ group, plural: 'twos', names: { kind: 'Thing', shortNames: ['th'] } });
      await Promise.all([api.ok('POST', CRDS, one), other.ok('POST', CRDS, two)]);
      const decided = (crd: any) => condition(crd, 'NamesAccepted') !== undefined;
      const found = [await api.until(`ones.${group}`, decided), await api.until(`twos.${group}`, decided)];
      const kinds = found.map((crd) => crd.status.acceptedNames.kind).filter(Boolean);
      const shortNames = found.flatMap((crd) => crd.status.acceptedNames.shortNames ?? []);
      assert.deepEqual([kinds, shortNames], [['Thing'], ['th']], `round ${round}`);
    }
  });

  test('give a name to the one that waits for it when the other goes', async () => {
    await api.establish(definition({ plural: 'ones', names: { kind: 'Thing' } }));
    await other.ok('POST', CRDS, definition({ plural: 'twos', names: { kind: 'Thing' } }));
    const name = 'twos.example.com';
    const waits = await other.until(name, (crd) => condition(crd, 'NamesAccepted')?.status === 'False');
    assert.equal(condition(waits, 'NamesAccepted').message, '"Thing" is already in use');
    await api.remove('ones.example.com');
    await other.until(name, (crd) => condition(crd, 'Established')?.status === 'True');
  });

  test('create nothing once another server deletes the definition', async () => {
    await api.establish(definition());
    const crd = await api.get(`${CRDS}/widgets.example.com`);
    // No controller removes it meanwhile: its finalizer is somebody else's.
    const deletionTimestamp = formatTime(new Date());
    await stale.update(DEFINITIONS, {
      ...crd,
      metadata: { ...crd.metadata, deletionTimestamp, finalizers: ['example.com/held'] },
    });
    for (const [method, path] of [
      ['POST', WIDGETS],
      ['PATCH', `${WIDGETS}/late?fieldManager=me`],
    ] as const) {
      const contentType = method === 'POST' ? 'application/json' : 'application/apply-patch+yaml';
      const { code, json } = await api.ask(method, path, WIDGET, { 'content-type': contentType });
      assert.equal(code, 403, method);
      assert.equal(
        json.message,
        'widgets.example.com "late" is forbidden: create not allowed while custom resource definition is terminating',
      );
    }
    assert.equal(await stale.stored('example.com/widgets', 'late'), undefined);
    await other.merge(`${CRDS}/widgets.example.com`, { metadata: { finalizers: null } });
  });

  test('create nothing once another server has removed the definition', async () => {
    await api.establish(definition());
    const crd = await api.get(`${CRDS}/widgets.example.com`);
    await stale.delete(DEFINITIONS, crd);
    const { code, json } = await api.ask('POST', WIDGETS, WIDGET);
    assert.equal(code, 404);
    // This server may have heard of it by now: then it serves no such group, and answers in plain text.
    if (json) assert.equal(json.message, 'the server could not find the requested resource');
    assert.equal(await stale.stored('example.com/widgets', 'late'), undefined);
  });

  test('judge an object by the schema that another server has changed', async () => {
    await api.establish(definition());
    const crd = await api.get(`${CRDS}/widgets.example.com`);
    const { spec } = structuredClone(crd);
    spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.color.enum = ['blue'];
    await stale.update(DEFINITIONS, {
      ...crd,
      metadata: { ...crd.metadata, generation: crd.metadata.generation + 1 },
      spec,
    });
    const { code, json } = await api.ask('POST', WIDGETS, WIDGET);
    assert.equal(code, 422);
    assert.match(json.message, /spec\.color: Unsupported value: "red": supported values: "blue"/);
  });

  test('keep no object that was created while its definition went', async () => {
    for (let round = 0; round < 5; round++) {
      await api.establish(definition());
      const created = Array.from({ length: 40 }, (_, i) => {
        const metadata = { name: `r${round}-${i}` };
        return (i % 2 ? api : other).ask('POST', WIDGETS, { ...WIDGET, metadata });
      });
      const removed = api.remove('widgets.example.com');
      await Promise.all([...created, removed]);
      for (let i = 0; i < 40; i++) {
        assert.equal(await stale.stored('example.com/widgets', `r${round}-${i}`), undefined, `round ${round}, ${i}`);
      }
    }
  });
});
