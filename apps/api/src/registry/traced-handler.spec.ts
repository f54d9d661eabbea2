import assert from 'node:assert/strict';
import { noTracer, type SpanAttributes, type Tracer } from '#telemetry';
import type { ApiHandler } from './api-handler.js';
import type { AuthorizedRequest } from './api-request.js';
import { tracedHandler } from './traced-handler.js';

test('each request has a span that says what is asked of what, and by whom', async () => {
  const spans: [string, SpanAttributes, trusted?: boolean][] = [];
  const tracer: Tracer = {
    ...noTracer,
    span: (name, attributes, work, trusted) => {
      spans.push([name, attributes, trusted]);
      return work();
    },
  };
  const result = { kind: 'object', code: 200 };
  const handler = { handle: async () => result } as unknown as ApiHandler;
  const names = { group: 'apps', version: 'v1', resource: 'deployments', subresource: '', namespace: 'a', name: 'web' };
  const request = { verb: 'get', ...names, body: 'secret', user: { name: 'ann', groups: [] } };
  const traced = tracedHandler(handler, tracer);
  assert.equal(await traced.handle(request as unknown as AuthorizedRequest, { warnings: [] }), result);
  const admin = { ...request, user: { name: 'root', groups: ['system:masters'] } };
  await traced.handle(admin as unknown as AuthorizedRequest, { warnings: [] });
  // Only an administrator's trace is continued.
  assert.deepEqual(spans, [
    ['get deployments', { verb: 'get', ...names, user: 'ann' }, false],
    ['get deployments', { verb: 'get', ...names, user: 'root' }, true],
  ]);
});
