import assert from 'node:assert/strict';
import type { KubeObject } from '#apimachinery';
import { defineFromSchema } from '#kinds';
import { request, type Sent, type TestServer, testServer, WatchReader } from '#testing';

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
  beforeAll(async () => {
    server = await testServer();
  });
  afterAll(() => server.close());

  const get = async (path: string, accept?: string) => {
    const answer = await request(server, path, { headers: accept ? { accept } : {} });
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
      const made = await request(server, widgets, { method: 'POST', body: widget(name, color) });
      assert.equal(made.code, 201, made.body.toString());
    }
    const listed = await get(`${widgets}?fieldSelector=spec.color%3Dblue`);
    assert.deepEqual([listed.kind, listed.items.length, listed.items[0].metadata.name], ['WidgetList', 1, 'b']);
    const watch = await WatchReader.open(server, `${widgets}?watch=1&fieldSelector=metadata.name%3Da`);
    assert.equal((await watch.next())?.object.spec.color, 'red');
    assert.equal((await request(server, `${widgets}/a`, { method: 'DELETE' })).code, 200);
    assert.equal((await watch.next())?.type, 'DELETED');
    watch.close();
  });

  test('counts requests under its name', async () => {
    const text = (await request(server, '/metrics')).body.toString();
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
    const { code } = await request(server, widgets, { method: 'POST', body: widget('c', 'red') });
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

/** Widgets again, stored as v2, where the color is called paint; somebody else knows how to convert, and takes time. */
function slowVersions() {
  const calls: string[] = [];
  let failure: Error | undefined;
  const asked = async (to: 'v1' | 'v2', objects: readonly KubeObject[]): Promise<KubeObject[]> => {
    calls.push(`${to} ${objects.length}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
    if (failure) throw failure;
    return objects.map((object) => {
      const { color, paint, ...spec } = object['spec'];
      const shown = color ?? paint;
      return {
        ...object,
        apiVersion: `slow.example.com/${to}`,
        spec: { ...spec, [to === 'v1' ? 'color' : 'paint']: shown },
      };
    });
  };
  const source = (version: string, field: string) =>
    ({
      group: 'slow.example.com',
      version,
      kind: 'Widget',
      plural: 'widgets',
      singular: 'widget',
      namespaced: true,
      hasStatusEndpoint: false,
      schema: {
        type: 'object',
        properties: {
          spec: { type: 'object', properties: { [field]: { type: 'string' }, size: { type: 'integer' } } },
        },
      },
    }) as const;
  const conversion = {
    sync: false as const,
    toStorage: (objects: readonly KubeObject[]) => asked('v2', objects),
    fromStorage: (objects: readonly KubeObject[]) => asked('v1', objects),
  };
  const stored = { group: 'slow.example.com', version: 'v2', conversion };
  return {
    calls,
    definitions: [defineFromSchema(source('v2', 'paint')), defineFromSchema({ ...source('v1', 'color'), stored })],
    fail: (error: Error | undefined) => {
      failure = error;
    },
  };
}

describe('a version that somebody else converts', () => {
  let server: TestServer;
  const versions = slowVersions();
  const base = (version: string) => `/apis/slow.example.com/${version}/namespaces/default/widgets`;
  const body = (name: string, color: string) => ({
    apiVersion: 'slow.example.com/v1',
    kind: 'Widget',
    metadata: { name },
    spec: { color, size: 1 },
  });
  const ok = async (path: string, sent: Sent = {}) => {
    const answer = await request(server, path, sent);
    assert.ok(answer.code < 300, answer.body.toString());
    return answer.json;
  };
  beforeAll(async () => {
    server = await testServer();
    server.catalog.add(versions.definitions);
  });
  afterAll(() => server.close());

  test('is written and read through, and stored as the other', async () => {
    const made = await ok(base('v1'), { method: 'POST', body: body('a', 'red') });
    assert.deepEqual([made.apiVersion, made.spec], ['slow.example.com/v1', { color: 'red', size: 1 }]);
    assert.deepEqual((await ok(`${base('v2')}/a`)).spec, { size: 1, paint: 'red' });
    assert.deepEqual((await ok(`${base('v1')}/a`)).spec.color, 'red');
    const patched = await ok(`${base('v1')}/a`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/merge-patch+json' },
      body: { spec: { color: 'blue' } },
    });
    assert.equal(patched.spec.color, 'blue');
    assert.equal((await ok(`${base('v2')}/a`)).spec.paint, 'blue');
    const applied = await ok(`${base('v1')}/b?fieldManager=me`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/apply-patch+yaml' },
      body: body('b', 'green'),
    });
    assert.equal(applied.spec.color, 'green');
  });

  test('is listed with one question for all that nobody asked about before', async () => {
    for (const name of ['c', 'd', 'e']) {
      await ok(base('v2'), {
        method: 'POST',
        body: { ...body(name, ''), apiVersion: 'slow.example.com/v2', spec: { paint: name } },
      });
    }
    versions.calls.length = 0;
    const colors = (list: any) => list.items.map(({ spec }: any) => spec.color);
    assert.deepEqual(colors(await ok(base('v1'))), ['blue', 'green', 'c', 'd', 'e']);
    assert.deepEqual(colors(await ok(base('v1'))), ['blue', 'green', 'c', 'd', 'e']);
    assert.deepEqual(versions.calls, ['v1 3']);
    const table = await ok(base('v1'), {
      headers: { accept: 'application/json;as=Table;g=meta.k8s.io;v=v1' },
    });
    assert.equal(table.rows.length, 5);
  });

  test('is watched: the state, changes, and objects that leave the selection', async () => {
    const watch = await WatchReader.open(server, `${base('v1')}?watch=1&labelSelector=shown!%3Dno`);
    for (const color of ['blue', 'green', 'c', 'd', 'e']) {
      assert.equal((await watch.next())?.object.spec.color, color);
    }
    const patch = (spec: object) =>
      ok(`${base('v2')}/c`, {
        method: 'PATCH',
        headers: { 'content-type': 'application/merge-patch+json' },
        body: spec,
      });
    await patch({ spec: { paint: 'black' } });
    const changed = await watch.next();
    assert.deepEqual([changed?.type, changed?.object.spec.color], ['MODIFIED', 'black']);
    await patch({ metadata: { labels: { shown: 'no' } } });
    const left = await watch.next();
    assert.deepEqual([left?.type, left?.object.apiVersion], ['DELETED', 'slow.example.com/v1']);
    watch.close();
  });

  test('says why when it cannot be converted, and the other version goes on', async () => {
    const watch = await WatchReader.open(server, `${base('v1')}?watch=1&fieldSelector=metadata.name%3Dd`);
    await watch.next();
    versions.fail(new Error('the converter is away'));
    await ok(`${base('v2')}/d`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/merge-patch+json' },
      body: { spec: { paint: 'white' } },
    });
    const told = await watch.next();
    assert.deepEqual([told?.type, told?.object.code], ['ERROR', 500]);
    assert.match(told?.object.message, /the converter is away/);
    assert.equal(await watch.next(), undefined);
    const answer = await request(server, `${base('v1')}/d`);
    assert.equal(answer.code, 500);
    assert.equal((await ok(`${base('v2')}/d`)).spec.paint, 'white');
    versions.fail(undefined);
    assert.equal((await ok(`${base('v1')}/d`)).spec.color, 'white');
  });
});
