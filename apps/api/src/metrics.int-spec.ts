import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { installation } from '#host';
import { gvr } from '#kinds';
import { call, type TestServer, testServer, WatchReader } from '#testing';

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

describe('/metrics count', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await testServer();
  });
  afterAll(() => server.close());

  /** The value of the series that begins with these texts. */
  async function value(series: string): Promise<number | undefined> {
    const text = (await call(server, '/metrics')).body.toString();
    const line = text.split('\n').find((one) => one.startsWith(`${series} `));
    return line === undefined ? undefined : Number(line.slice(series.length));
  }

  async function until(series: string, wanted: number): Promise<void> {
    for (let tries = 0; (await value(series)) !== wanted; tries += 1) {
      assert.ok(tries < 100, `${series} is ${await value(series)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  const of = (resource: string, more = '') => `group="",version="v1",resource="${resource}"${more}`;

  test('bytes of answers to reads, and nothing of writes', async () => {
    const path = '/api/v1/namespaces/default/configmaps';
    const { body } = await call(server, path);
    const labels = (verb: string) =>
      `{verb="${verb}",${of('configmaps', ',subresource="",scope="namespace",component="apiserver"')}}`;
    await until(`apiserver_response_sizes_sum${labels('LIST')}`, body.length);
    await until(`apiserver_response_sizes_count${labels('LIST')}`, 1);
    const made = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'counted' } };
    assert.equal((await call(server, path, { method: 'POST', body: made })).code, 201);
    const { body: metrics } = await call(server, '/metrics');
    assert.doesNotMatch(metrics.toString(), /^apiserver_response_sizes_count\{verb="POST"/m);
  });

  test('deprecated APIs from when somebody asks for them', async () => {
    const series = `apiserver_requested_deprecated_apis{${of('endpoints', ',subresource="",removed_release=""')}}`;
    assert.equal(await value(series), undefined);
    await call(server, '/api/v1/endpoints');
    await until(series, 1);
  });

  test('events of watches, and the state that they begin with', async () => {
    const client = server.client();
    await client.create(gvr.secrets, 'default', { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'one' } });
    const initial = 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
    const watch = await WatchReader.open(server, `/api/v1/namespaces/default/secrets?watch=1&${initial}`);
    while ((await watch.next())?.type !== 'BOOKMARK');
    const counted = (await value(`apiserver_watch_events_total{${of('secrets')}}`))!;
    assert.ok(counted >= 2);
    await until(`apiserver_watch_list_duration_seconds_count{${of('secrets', ',scope="namespace"')}}`, 1);
    await client.delete(gvr.secrets, 'default', 'one');
    await watch.next();
    await until(`apiserver_watch_events_total{${of('secrets')}}`, counted + 1);
    await until(`apiserver_watch_events_sizes_count{${of('secrets')}}`, counted + 1);
    watch.close();
    await until('apiserver_storage_events_received_total{group="",resource="secrets"}', 2);
  });

  test('the size of the database, and the build', async () => {
    assert.ok((await value('apiserver_storage_size_bytes{storage_cluster_id="postgres"}'))! > 1_000_000);
    const text = (await call(server, '/metrics')).body.toString();
    assert.match(text, /^kubernetes_build_info\{major="1",minor="37",git_version="v1\.37\.\d+\+berth",.*\} 1$/m);
  });

  test('what pods ask for, at a path of their own', async () => {
    const client = server.client();
    const resources = { requests: { cpu: '250m' } };
    const spec = { containers: [{ name: 'c', image: 'i', resources }], automountServiceAccountToken: false };
    await client.create(gvr.serviceaccounts, 'default', {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'default' },
    });
    await client.create(gvr.pods, 'default', { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'asks' }, spec });
    const text = (await call(server, '/metrics/resources')).body.toString();
    assert.match(
      text,
      /^kube_pod_resource_request\{namespace="default",pod="asks",.*resource="cpu",unit="cores"\} 0\.25$/m,
    );
    assert.equal((await call(server, '/metrics/resources', { as: 'nobody' })).code, 403);
  });

  test('health checks', async () => {
    const labels = '{name="ping",type="livez"';
    await call(server, '/livez');
    await until(`kubernetes_healthcheck${labels}}`, 1);
    await until(`kubernetes_healthchecks_total${labels},status="success"}`, 1);
  });

  test('rules of custom resources', async () => {
    const schema = {
      type: 'object',
      properties: {
        spec: {
          type: 'object',
          properties: { size: { type: 'integer' } },
          'x-kubernetes-validations': [{ rule: 'self.size < 3' }],
        },
      },
    };
    const definition = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'things.example.com' },
      spec: {
        group: 'example.com',
        scope: 'Namespaced',
        names: { plural: 'things', kind: 'Thing' },
        versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }],
      },
    };
    const post = (path: string, body: object) => call(server, path, { method: 'POST', body });
    const made = await post('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition);
    assert.equal(made.code, 201, made.body.toString());
    const series = 'apiserver_cel_evaluation_duration_seconds_count';
    const before = (await value(series))!;
    const thing = { apiVersion: 'example.com/v1', kind: 'Thing', metadata: { name: 'a' }, spec: { size: 5 } };
    for (
      let tries = 0;
      (await post('/apis/example.com/v1/namespaces/default/things', thing)).code !== 422;
      tries += 1
    ) {
      assert.ok(tries < 100);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await until(series, before + 1);
    assert.ok((await value('apiserver_cel_compilation_duration_seconds_count'))! >= 1);
  });

  test('who is let in, and what is allowed', async () => {
    const counts = async () => {
      const [success, error, allowed, refused] = await Promise.all([
        value('authentication_attempts{result="success"}'),
        value('authentication_attempts{result="error"}'),
        value('authorization_attempts_total{result="allowed"}'),
        value('authorization_attempts_total{result="no-opinion"}'),
      ]);
      return { success: success!, error: error!, allowed: allowed!, refused: refused! };
    };
    const before = await counts();
    assert.equal((await call(server, '/api/v1/nodes', { as: 'nobody' })).code, 403);
    const headers = { Authorization: 'Bearer nonsense' };
    assert.equal((await call(server, '/api/v1/nodes', { as: 'nobody', headers })).code, 401);
    const after = await counts();
    assert.deepEqual([after.refused - before.refused, after.error - before.error], [1, 1]);
    assert.ok(after.success > before.success && after.allowed > before.allowed);
    assert.ok((await value('authenticated_user_requests{username="other"}'))! > 0);
  });

  test('uses of tokens of ServiceAccounts', async () => {
    const client = server.client();
    await client.create(gvr.serviceaccounts, 'default', {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'user' },
    });
    const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} };
    const { json } = await call(server, '/api/v1/namespaces/default/serviceaccounts/user/token', {
      method: 'POST',
      body: request,
    });
    const before = (await value('serviceaccount_valid_tokens_total'))!;
    await call(server, '/version', { as: 'nobody', headers: { Authorization: `Bearer ${json.status.token}` } });
    await until('serviceaccount_valid_tokens_total', before + 1);
    assert.equal(await value('serviceaccount_stale_tokens_total'), 0);
  });
});
