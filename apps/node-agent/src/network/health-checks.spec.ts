import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import type { KubeObject } from '#apimachinery';
import type { Service } from '#kinds';
import { HealthChecks } from './health-checks.js';

const logger = { info() {}, warn() {}, error() {} };
let told: string[];
let checks: HealthChecks;

beforeEach(() => {
  told = [];
  const event = (_: KubeObject, _type: string, reason: string, message: string) =>
    void told.push(`${reason}: ${message}`);
  checks = new HealthChecks({ nodeName: 'here', events: { event }, logger });
});
afterEach(() => checks.close());

const service = (healthCheckNodePort: number): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { namespace: 'shop', name: 'web' },
  spec: { healthCheckNodePort, externalTrafficPolicy: 'Local', type: 'LoadBalancer' },
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Connects again until it listens. */
async function ask(port: number): Promise<Response> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await fetch(`http://127.0.0.1:${port}/healthz`);
    } catch (error) {
      if (attempt === 100) throw error;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

test('a load balancer is told whether the node has endpoints, and whether the proxy works', async () => {
  const port = await freePort();
  checks.set('shop/web', service(port), 2);
  const answer = await ask(port);
  assert.deepEqual(
    [answer.status, answer.headers.get('x-load-balancing-endpoint-weight'), await answer.json()],
    [200, '2', { service: { namespace: 'shop', name: 'web' }, localEndpoints: 2, serviceProxyHealthy: true }],
  );
  checks.setHealthy(false);
  assert.equal((await ask(port)).status, 503);
  checks.setHealthy(true);
  checks.set('shop/web', service(port), 0);
  assert.equal((await ask(port)).status, 503);
});

test('a port is free again once its Service needs it no more', async () => {
  const [first, second] = [await freePort(), await freePort()];
  checks.set('shop/web', service(first), 1);
  await ask(first);
  checks.set('shop/web', service(second), 1);
  assert.equal((await ask(second)).status, 200);
  checks.set('shop/web', undefined, 0);
  await assert.rejects(fetch(`http://127.0.0.1:${first}/`));
  await assert.rejects(fetch(`http://127.0.0.1:${second}/`));
});

test('a port that something else has is named by an event', async () => {
  const other = createServer().listen(0);
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  checks.set('shop/web', service(port), 1);
  while (told.length === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.match(told[0]!, /^FailedToStartServiceHealthcheck: node here failed to start healthcheck "shop\/web" on port/);
  other.close();
});
