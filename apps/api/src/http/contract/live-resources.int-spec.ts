import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { defineFromSchema } from '#kinds';
import { call, type TestServer, testServer, WatchReader } from '#testing';

const GROUP = 'example.com';
const widgets = '/apis/example.com/v1/namespaces/default/widgets';

/** A kind that the release does not have. */
const definition = defineFromSchema({
  group: GROUP,
  version: 'v1',
  kind: 'Widget',
  plural: 'widgets',
  singular: 'widget',
  shortNames: ['wg'],
  namespaced: true,
  hasStatusEndpoint: true,
  schema: {
    type: 'object',
    properties: { spec: { type: 'object', properties: { color: { type: 'string' } } }, status: { type: 'object' } },
  },
  fieldLabels: ['spec.color'],
});

function widget(name: string, color: string): object {
  return { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name }, spec: { color } };
}

describe('a resource that comes and goes while the server runs', () => {
  let server: TestServer;
  before(async () => {
    server = await testServer();
  });
  after(() => server.close());

  const get = async (path: string, accept?: string) => {
    const answer = await call(server, path, { headers: accept ? { accept } : {} });
    return answer.code === 200 ? answer.json : answer.code;
  };
  const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
  const aggregatedGroups = async () => {
    const { items } = await get('/apis', AGGREGATED);
    return items.map(({ metadata }: { metadata: { name: string } }) => metadata.name);
  };

  test('is nowhere before', async () => {
    assert.equal(await get(widgets), 404);
    assert.equal(await get('/apis/example.com'), 404);
    assert.equal(await get('/openapi/v3/apis/example.com/v1'), 404);
    assert.equal((await aggregatedGroups()).includes(GROUP), false);
  });

  test('is in discovery and in OpenAPI as soon as it is there', async () => {
    const before = await get('/openapi/v3');
    server.catalog.add([definition]);
    const groups = (await get('/apis')).groups.map(({ name }: { name: string }) => name);
    assert.ok(groups.includes(GROUP));
    assert.ok((await aggregatedGroups()).includes(GROUP));
    assert.deepEqual((await get('/apis/example.com')).versions, [{ groupVersion: 'example.com/v1', version: 'v1' }]);
    const [resource] = (await get('/apis/example.com/v1')).resources;
    assert.deepEqual([resource.name, resource.kind, resource.shortNames], ['widgets', 'Widget', ['wg']]);
    const document = await get('/openapi/v3/apis/example.com/v1');
    assert.ok(document.paths['/apis/example.com/v1/namespaces/{namespace}/widgets/{name}']);
    const after = await get('/openapi/v3');
    assert.ok(after.paths['apis/example.com/v1']);
    assert.deepEqual(after.paths['apis/apps/v1'], before.paths['apis/apps/v1'], 'others keep their hash');
    assert.ok((await get('/')).paths.includes('/apis/example.com/v1'));
  });

  test('is created, listed by its fields, watched, and deleted', async () => {
    for (const [name, color] of [
      ['a', 'red'],
      ['b', 'blue'],
    ] as const) {
      const made = await call(server, widgets, { method: 'POST', body: widget(name, color) });
      assert.equal(made.code, 201, made.body.toString());
    }
    const listed = await get(`${widgets}?fieldSelector=spec.color%3Dblue`);
    assert.deepEqual([listed.kind, listed.items.length, listed.items[0].metadata.name], ['WidgetList', 1, 'b']);
    const watch = await WatchReader.open(server, `${widgets}?watch=1&fieldSelector=metadata.name%3Da`);
    assert.equal((await watch.next())?.object.spec.color, 'red');
    assert.equal((await call(server, `${widgets}/a`, { method: 'DELETE' })).code, 200);
    assert.equal((await watch.next())?.type, 'DELETED');
    watch.close();
  });

  test('counts requests under its name', async () => {
    const text = (await call(server, '/metrics')).body.toString();
    assert.match(text, /apiserver_request_total\{.*group="example.com".*resource="widgets".*code="201"\} 2/);
    assert.match(text, /apiserver_storage_objects\{resource="widgets.example.com"\} 1/);
  });

  test('ends its watches and is nowhere any more once it is gone', async () => {
    const watch = await WatchReader.open(server, `${widgets}?watch=1`);
    assert.equal((await watch.next())?.object.metadata.name, 'b');
    server.catalog.remove([definition]);
    assert.equal(await watch.next(), undefined);
    assert.equal(await get(widgets), 404);
    assert.equal(await get('/apis/example.com/v1'), 404);
    assert.equal(await get('/openapi/v3/apis/example.com/v1'), 404);
    assert.equal((await aggregatedGroups()).includes(GROUP), false);
    const { code } = await call(server, widgets, { method: 'POST', body: widget('c', 'red') });
    assert.equal(code, 404);
  });

  test('has its objects again when it comes back', async () => {
    server.catalog.add([definition]);
    const { items } = await get(widgets);
    assert.deepEqual(
      items.map(({ metadata }: { metadata: { name: string } }) => metadata.name),
      ['b'],
    );
  });
});
