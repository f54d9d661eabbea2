import assert from 'node:assert/strict';
import { subresources } from './authorization.js';
import { requestUrl } from './request-url.js';
import { Router } from './router.js';

describe('the path of a request', () => {
  const table: [written: string, path: string, query?: string][] = [
    ['', '/'],
    ['/', '/'],
    ['/logs', '/logs'],
    ['/logs/', '/logs/'],
    ['//logs/', '/logs/'],
    ['/.//logs/', '/logs/'],
    ['/./logs/.', '/logs/'],
    ['/a/..//stats/summary', '/stats/summary'],
    ['/a/%2e%2E/metrics', '/metrics'],
    ['/%6cogs/x', '/logs/x'],
    ['/metrics%2fcadvisor', '/metrics/cadvisor'],
    ['/logs/..%2f..%2fetc/passwd', '/etc/passwd'],
    ['/../../x', '/x'],
    ['/x/..', '/'],
    ['/x/y/..', '/x/'],
    ['/%252e%252e/x', '/%2e%2e/x'],
    ['/\\logs/', '/\\logs/'],
    ['https://node:10250//logs/?a=b', '/logs/', '?a=b'],
    ['HTTP://node?a=b', '/', '?a=b'],
    ['/logs?x=/../metrics#y', '/logs', '?x=/../metrics%23y'],
  ];
  for (const [written, path, query = ''] of table) {
    it(`is ${path} when ${JSON.stringify(written)} is asked for`, () => {
      const seen = requestUrl(written);
      assert.equal(seen.path, path);
      // No second reading of it says anything else.
      assert.equal(requestUrl(seen.url.pathname).path, path);
      assert.equal(seen.url.search, query);
      assert.equal(seen.url.host, 'node');
    });
  }

  it('is refused when it is none', () => {
    for (const written of ['*', 'logs', 'ftp://node/logs', '/%', '/%ff', 'node:10250']) {
      assert.throws(() => requestUrl(written), { code: 400 }, written);
    }
  });

  it('never opens a route with the permission for another', () => {
    const pieces = ['', '/', '.', '..', '%2e', '%2e%2e', '%2f', 'x', '%6c', '\\'];
    const routes = ['/logs/*', '/metrics', '/metrics/cadvisor', '/stats/summary', '/pods', '/exec/:namespace/:pod'];
    const router = new Router(routes.map((path) => ({ methods: ['GET'], path, handle: () => {} })));
    const separate = ['logs', 'metrics', 'stats', 'pods'];
    let opened = 0;
    for (const base of ['logs', '%6cogs', 'metrics', 'metrics/cadvisor', 'stats/summary', 'pods', 'exec/a/b']) {
      for (const first of pieces) {
        for (const second of pieces) {
          for (const between of ['', '/']) {
            const { path } = requestUrl(`/${first}${between}${second}/${base}`);
            try {
              const { route } = router.match('GET', path);
              opened++;
              const own = separate.find((name) => route.path.startsWith(`/${name}`));
              assert.equal(subresources(path)[0], own === undefined ? 'proxy' : own.replace('logs', 'log'), path);
            } catch (error) {
              if ((error as { code?: unknown }).code !== 404) throw error;
            }
          }
        }
      }
    }
    assert.ok(opened > 100, String(opened));
  });
});
