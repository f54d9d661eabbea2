import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { installation } from '#host';
import { call, type TestServer, testServer } from '#testing';

interface MetricFact {
  name: string;
  type: string;
  labels: string[];
}

const facts = new Map(
  (
    JSON.parse(readFileSync(join(installation, 'libs/telemetry/src/facts/metrics.json'), 'utf8')) as {
      metrics: MetricFact[];
    }
  ).metrics.map((fact) => [fact.name, fact]),
);

/** Families that a whole server shows at least. */
const EXPECTED = [
  ...['apiserver_request_total', 'apiserver_storage_objects', 'workqueue_depth', 'running_managed_controllers'],
  ...['leader_election_master_status', 'informer_store_resource_version', 'scheduler_pending_pods'],
];

describe('/metrics of a server with controllers and scheduler', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await testServer({ components: ['controllers', 'scheduler'] });
  });
  afterAll(() => server.close());

  async function scrape(): Promise<string> {
    for (let tries = 0; ; tries += 1) {
      const text = (await call(server, '/metrics')).body.toString();
      const missing = EXPECTED.filter((name) => !new RegExp(`^${name}[{ ]`, 'm').test(text));
      if (missing.length === 0) return text;
      assert.ok(tries < 200, `not shown: ${missing.join(', ')}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  test('has the names, types and labels of the reference', async () => {
    const text = await scrape();
    for (const [, name, type] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
      const fact = facts.get(name!);
      if (!fact) {
        assert.match(name!, /^(process|berth)_/);
        continue;
      }
      // Of a collector the facts do not say what it counts with.
      if (fact.type !== 'Custom') assert.equal(type, fact.type.toLowerCase(), name);
      const line = new RegExp(`^${name}(?:_bucket|_sum|_count)?\\{(.*)\\} `, 'm').exec(text)?.[1] ?? '';
      const labels = [...line.matchAll(/(\w+)="/g)].map(([, label]) => label).filter((label) => label !== 'le');
      if (new RegExp(`^${name}`, 'm').test(text)) assert.deepEqual(labels.sort(), [...fact.labels].sort(), name);
    }
  });

  test('and /readyz?verbose show each controller that runs', async () => {
    const text = await scrape();
    const running = [...text.matchAll(/^running_managed_controllers\{name="([^"]+)".*\} 1$/gm)].map(
      ([, name]) => name!,
    );
    assert.ok(running.includes('deployment-controller'));
    const ready = (await call(server, '/readyz?verbose')).body.toString();
    for (const name of running) assert.ok(ready.includes(`[+]controller/${name} ok\n`), name);
  });
});
