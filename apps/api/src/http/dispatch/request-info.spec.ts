import assert from 'node:assert/strict';
import { parseRequestInfo } from './request-info.js';

describe('request info', () => {
  const table: [method: string, url: string, verb: string, path: string][] = [
    ['GET', '/api/v1/pods', 'list', '/v1/pods'],
    ['GET', '/api/v1/namespaces', 'list', '/v1/namespaces'],
    ['GET', '/api/v1/namespaces/ns', 'get', '/v1/namespaces ns/ns'],
    ['PUT', '/api/v1/namespaces/ns/finalize', 'update', '/v1/namespaces ns/ns finalize'],
    ['GET', '/api/v1/namespaces/ns/pods', 'list', '/v1/pods ns/'],
    ['GET', '/api/v1/namespaces/ns/pods/p', 'get', '/v1/pods ns/p'],
    ['GET', '/api/v1/namespaces/ns/pods/p/log?follow=1', 'get', '/v1/pods ns/p log'],
    ['GET', '/api/v1/namespaces/ns/pods?watch=true', 'watch', '/v1/pods ns/'],
    ['GET', '/api/v1/watch/namespaces/ns/pods', 'watch', '/v1/pods ns/'],
    ['GET', '/api/v1/pods?fieldSelector=metadata.name%3Dp', 'list', '/v1/pods /p'],
    ['POST', '/apis/apps/v1/namespaces/ns/deployments', 'create', 'apps/v1/deployments ns/'],
    ['PATCH', '/apis/apps/v1/namespaces/ns/deployments/d/status', 'patch', 'apps/v1/deployments ns/d status'],
    ['DELETE', '/apis/apps/v1/namespaces/ns/deployments', 'deletecollection', 'apps/v1/deployments ns/'],
    ['DELETE', '/apis/apps/v1/namespaces/ns/deployments/d', 'delete', 'apps/v1/deployments ns/d'],
    ['GET', '/api/v1/nodes/n/proxy/stats/summary', 'get', '/v1/nodes /n proxy stats/summary'],
  ];
  for (const [method, url, verb, expected] of table) {
    test(`${method} ${url}`, () => {
      const info = parseRequestInfo(method, url);
      assert.ok(info.isResourceRequest);
      assert.equal(info.verb, verb);
      const where = info.namespace === '' && info.name === '' ? '' : ` ${info.namespace}/${info.name}`;
      const below = info.subresource === '' ? '' : ` ${info.subresource}`;
      const rest = info.rest.length === 0 ? '' : ` ${info.rest.join('/')}`;
      assert.equal(`${info.group}/${info.version}/${info.resource}${where}${below}${rest}`, expected);
    });
  }

  test('what names no resource keeps its method as verb', () => {
    for (const url of ['/', '/api', '/apis/apps/v1', '/healthz', '/openapi/v3']) {
      const info = parseRequestInfo('GET', url);
      assert.equal(info.isResourceRequest, false, url);
      assert.equal(info.verb, 'get');
    }
  });
});
