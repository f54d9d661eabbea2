import assert from 'node:assert/strict';
import type { SpanAttributes, Tracer } from '#telemetry';
import type { ApiHandler } from './api-handler.js';
import type { AuthorizedRequest } from './api-request.js';
import { tracedHandler } from './traced-handler.js';

test('each request has a span that says what is asked of what, and by whom', async () => {
  const spans: [string, SpanAttributes][] = [];
  const tracer: Tracer = {
    span: (name, attributes, work) => {
      spans.push([name, attributes]);
      return work();
    },
  };
  const result = { kind: 'object', code: 200 };
  const handler = { handle: async () => result } as unknown as ApiHandler;
  const names = { group: 'apps', version: 'v1', resource: 'deployments', subresource: '', namespace: 'a', name: 'web' };
  const request = { verb: 'get', ...names, body: 'secret', user: { name: 'ann', groups: [] } };
  const traced = tracedHandler(handler, tracer);
  assert.equal(await traced.handle(request as unknown as AuthorizedRequest, { warnings: [] }), result);
  assert.deepEqual(spans, [['get deployments', { verb: 'get', ...names, user: 'ann' }]]);
});
