import assert from 'node:assert/strict';
import { allResources, ResourceCatalog, type ResourceDefinition } from '#kinds';
import { ResourceTable } from '../../registry/resource-table.js';
import { DocumentPaths } from '../documents/document-paths.js';
import { PING } from '../documents/health-checks.js';
import { isLongRunning } from '../metrics/request-metrics.js';
import { type Route, resolveRoute } from './route.js';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
const PROTOTYPE_NAMES = ['constructor', '__proto__', 'toString', 'hasOwnProperty', 'valueOf'];

const catalog = new ResourceCatalog(allResources());
const resources = new ResourceTable(catalog, [], {} as never);
const surface = { catalog, checks: [PING], documents: new Map([['/openid/v1/jwks', () => never()]]) };
const documents = new DocumentPaths(surface as never);
const route = (method: string, url: string) => resolveRoute({ resources, documents }, method, url);

function never(): never {
  throw new Error('not asked for');
}

function rootOf({ group, version }: ResourceDefinition): string {
  return group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
}

/** Where a resource is, and where it is not. */
function places(definition: ResourceDefinition): { own: string; all: string; wrong: string[] } {
  const { plural, namespaced } = definition;
  const root = rootOf(definition);
  const cluster = `${root}/${plural}`;
  const inside = `${root}/namespaces/own/${plural}`;
  const doubled = [
    `${root}/namespaces/own/namespaces/any/${plural}`,
    `${root}/namespaces/own/namespaces/own/${plural}`,
  ];
  return namespaced
    ? { own: inside, all: cluster, wrong: doubled }
    : { own: cluster, all: cluster, wrong: [inside, `${root}/namespaces//${plural}`, ...doubled] };
}

function isNothing(found: Route): boolean {
  return found.kind === 'nothing' || (found.kind === 'objects' && found.pathError?.code === 404);
}

describe('what a URL means', () => {
  test('all resources of the release are looked at', () => assert.ok(allResources().length >= 70));

  for (const definition of allResources()) {
    const { group, version, plural, namespaced, subresources } = definition;
    const { own, all, wrong } = places(definition);

    test(`${group}/${version} ${plural}: the paths that reach it`, () => {
      const mine = (found: Route, subresource = '') => {
        assert.ok(found.kind === 'objects' || found.kind === 'connect', `${found.info.path}: ${found.kind}`);
        assert.equal(found.entry.definition, definition);
        assert.equal(found.info.subresource, subresource);
        return found.info;
      };
      for (const path of [own, `${own}/`, `${own}///`, all, own.replace('v1', '%761')]) {
        assert.equal(mine(route('GET', path)).verb, 'list', path);
        assert.equal(mine(route('GET', `${path}?watch=1`)).verb, 'watch');
        assert.equal(mine(route('GET', `${path}?fieldSelector=metadata.name%3Dx`)).name, 'x');
      }
      for (const path of [`${own}/x`, `${own}/x/`, `${own}/%78`]) {
        const info = mine(route('GET', path));
        assert.equal(info.name, 'x');
        // A namespace is in itself, as far as authorization goes.
        const namespace = namespaced ? 'own' : plural === 'namespaces' ? 'x' : '';
        assert.equal(info.namespace, namespace);
        for (const { name } of subresources) mine(route('GET', `${path.replace(/\/$/, '')}/${name}`), name);
      }
      const watched = own.replace(rootOf(definition), `${rootOf(definition)}/watch`);
      for (const path of [watched, `${watched}/x`]) assert.equal(mine(route('GET', path)).verb, 'watch');
    });

    test(`${group}/${version} ${plural}: the paths that do not`, () => {
      const root = rootOf(definition);
      const bad = wrong.flatMap((path) => [path, path.replace(root, `${root}/watch`)]);
      const below = [...subresources.map(({ name }) => `/x/${name}`), '/x', '/x/proxy/a/b', '/x/status', ''];
      const paths = bad.flatMap((path) => below.map((end) => `${path}${end}`));
      if (namespaced) {
        for (const end of ['/x', ...subresources.map(({ name }) => `/x/${name}`)]) {
          paths.push(`${all}${end}`, `${all.replace(root, `${root}/watch`)}${end}`);
        }
      }
      paths.push(`/${own}`, `/${own}/x`, own.replace(root, `${root}/`), `${root}/proxy/${plural}/x`);
      paths.push(`${own}/x/nothing`, `${own}/x/nothing/proxy`, `${own}/x/status/more`, own.toUpperCase());
      for (const name of PROTOTYPE_NAMES) paths.push(`${own}/x/${name}`, `${root}/${name}/x/proxy`, `${root}/${name}`);
      for (const path of paths) {
        for (const method of METHODS) {
          for (const form of [
            path,
            `${path}/`,
            path.replace(plural, `%${plural.charCodeAt(0).toString(16)}${plural.slice(1)}`),
          ]) {
            const found = route(method, form);
            assert.ok(isNothing(found), `${method} ${form}: ${found.kind} ${JSON.stringify(found.info.rest)}`);
          }
        }
      }
    });
  }

  test('a namespace below a namespace is none, its own self neither', () => {
    for (const path of ['victim', 'own', 'own/status', 'victim/finalize', 'own/finalize', '']) {
      for (const method of METHODS)
        assert.equal(route(method, `/api/v1/namespaces/own/namespaces/${path}`).kind, 'nothing');
    }
    assert.equal(route('PUT', '/api/v1/namespaces/own/finalize').kind, 'objects');
  });

  test('streams and proxies are reached where their objects are, and nowhere else', () => {
    const streams = [
      'pods/x/log',
      'pods/x/exec',
      'pods/x/attach',
      'pods/x/portforward',
      'pods/x/proxy',
      'services/x/proxy',
    ];
    for (const path of streams) {
      const found = route('GET', `/api/v1/namespaces/own/${path}`);
      assert.equal(found.kind, 'connect', path);
      assert.equal(found.kind === 'connect' && found.upgrades, /exec|attach|portforward/.test(path));
      assert.equal(route('GET', `/api/v1/${path}`).kind, 'nothing');
      assert.equal(route('GET', `/apis/apps/v1/namespaces/own/${path}`).kind, 'nothing');
    }
    const proxied = route('GET', '/api/v1/nodes/x:10250/proxy/logs/a//b');
    assert.equal(proxied.kind, 'connect');
    assert.deepEqual(proxied.info.rest, ['logs', 'a', '', 'b']);
    assert.equal(route('GET', '/api/v1/namespaces/own/nodes/x/proxy/pods').kind, 'nothing');
    assert.equal(route('GET', '/api/v1/namespaces/own/pods/x/log/more').kind, 'nothing');
  });

  const KNOWN: [path: string, document: string | undefined][] = [
    ['/', '/'],
    ['/api', '/api'],
    ['/api/', '/api'],
    ['/api//', '/api'],
    ['/api/v1', '/api/v1'],
    ['/api/v1/', '/api/v1'],
    ['/api/%76%31', '/api/v1'],
    ['/apis', '/apis'],
    ['/apis/', '/apis'],
    ['/apis//', undefined],
    ['/apis/apps', '/apis/apps'],
    ['/apis/apps/', '/apis/apps'],
    ['/apis/apps/v1/', '/apis/apps/v1'],
    ['/version/', '/version'],
    ['/openid/v1/jwks/', '/openid/v1/jwks'],
    ['/healthz', '/healthz'],
    ['/livez/ping', '/livez/ping'],
    ['/openapi/v3/apis/apps/v1', '/openapi/v3/apis/apps/v1'],
    ['/openapi/v3/apis%2Fapps%2Fv1', '/openapi/v3/apis/apps/v1'],
    ...[
      '//',
      '//api',
      '/healthz/',
      '/livez/ping/',
      '/livez/none',
      '/metrics/',
      '/openapi/v2/',
      '/openapi/v3/',
      '/API',
    ].map((path): [string, undefined] => [path, undefined]),
    ...['/./api', '/api/.', '/x/../api', '/api/v2', '/apis/none', '/api;x', '/healthz%00'].map(
      (path): [string, undefined] => [path, undefined],
    ),
    ...PROTOTYPE_NAMES.flatMap((name): [string, undefined][] => [
      [`/${name}`, undefined],
      [`/api/${name}`, undefined],
      [`/livez/${name}`, undefined],
      [`/openapi/v3/${name}`, undefined],
    ]),
  ];
  for (const [path, expected] of KNOWN) {
    test(`${path} is ${expected ?? 'no document'}`, () => {
      const found = route('GET', `${path}?timeout=32s`);
      assert.equal(found.kind, expected === undefined ? 'nothing' : 'document');
      if (found.kind === 'document') assert.equal(found.document.path, expected);
    });
  }

  test('what is no percent encoding, or names no resource, is refused', () => {
    for (const url of ['/%zz', '/api/v1/%', '/api/v1/watch', '/api/v1/proxy', '/apis/apps/v1/watch/', '/%ff']) {
      assert.throws(() => route('GET', url), URIError, url);
    }
  });
});

describe('what another API server answers', () => {
  const api = { group: 'metrics.k8s.io', version: 'v1' };
  const aggregated = { size: 1, find: () => api as never };
  const paths = '/apis/metrics.k8s.io/v1/namespaces/a/things';
  test.each([
    [`${paths}`, false],
    [`${paths}?watch=1`, true],
    [`${paths}/x`, false],
    [`${paths}/x/status`, false],
    ...['log', 'exec', 'attach', 'portforward', 'proxy'].map((name): [string, boolean] => [`${paths}/x/${name}`, true]),
  ])('%s runs long: %s', (url, expected) => {
    const found = resolveRoute({ resources, documents: { find: () => undefined }, aggregated }, 'GET', url);
    assert.equal(found.kind, 'aggregated');
    assert.equal(isLongRunning(found), expected);
  });
});
