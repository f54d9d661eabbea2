import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { GroupVersionResource, KubeObject } from '#apimachinery';
import { gvr } from '#kinds';
import { call, type TestServer, testServer, WatchReader } from '#testing';

const API = 'flowcontrol.apiserver.k8s.io/v1';
const LEVEL_HEADER = 'x-kubernetes-pf-prioritylevel-uid';
const SCHEMA_HEADER = 'x-kubernetes-pf-flowschema-uid';

describe('priority and fairness of a server', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await testServer();
  });
  afterAll(() => server.close());

  const uid = async (resource: GroupVersionResource, name: string) =>
    (await server.client().get<KubeObject>(resource, '', name)).metadata.uid;

  const level = (name: string): KubeObject => ({
    apiVersion: API,
    kind: 'PriorityLevelConfiguration',
    metadata: { name },
    spec: { type: 'Limited', limited: { nominalConcurrencyShares: 1, limitResponse: { type: 'Reject' } } },
  });
  const schema = (name: string, levelName: string): KubeObject => ({
    apiVersion: API,
    kind: 'FlowSchema',
    metadata: { name },
    spec: {
      matchingPrecedence: 3,
      priorityLevelConfiguration: { name: levelName },
      rules: [
        {
          subjects: [{ kind: 'User', user: { name: 'eve' } }],
          resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'], clusterScope: true }],
        },
      ],
    },
  });

  async function dangling(name: string, status: string): Promise<any> {
    for (let i = 0; i < 200; i += 1) {
      const object = await server.client().get<KubeObject>(gvr.flowschemas, '', name);
      const found = object['status']?.conditions?.find(({ type }: any) => type === 'Dangling');
      if (found?.status === status) return found;
      await sleep(20);
    }
    return assert.fail(`${name} is not ${status}`);
  }

  test('every answer names the level and the schema of its request', async () => {
    for (const [path, sent, levelName, schemaName] of [
      ['/api/v1/namespaces', {}, 'exempt', 'exempt'],
      ['/readyz', { as: 'nobody' }, 'exempt', 'probes'],
      ['/version', { as: 'nobody' }, 'global-default', 'global-default'],
      [
        '/api/v1/namespaces',
        { headers: { 'Impersonate-User': 'system:kube-scheduler' } },
        'workload-high',
        'kube-scheduler',
      ],
    ] as const) {
      const { headers, code } = await call(server, path, sent);
      assert.equal(code, 200, path);
      assert.equal(headers[LEVEL_HEADER], await uid(gvr.prioritylevelconfigurations, levelName), path);
      assert.equal(headers[SCHEMA_HEADER], await uid(gvr.flowschemas, schemaName), path);
    }
  });

  test('the status of a schema says whether its level is there', async () => {
    const client = server.client();
    await client.create(gvr.flowschemas, '', schema('for-eve', 'eves'));
    const without = await dangling('for-eve', 'True');
    assert.equal(without.reason, 'NotFound');
    assert.equal(
      without.message,
      'This FlowSchema references the PriorityLevelConfiguration object named "eves" but there is no such object',
    );
    await client.create(gvr.prioritylevelconfigurations, '', level('eves'));
    assert.equal((await dangling('for-eve', 'False')).reason, 'Found');
    const { metadata } = await client.get<KubeObject>(gvr.flowschemas, '', 'for-eve');
    const manager = metadata.managedFields!.find(({ subresource }) => subresource === 'status');
    assert.equal(manager!.manager, 'api-priority-and-fairness-config-consumer-v1');
  });

  test('every schema of the cluster has found its level', async () => {
    for (const { metadata } of (await server.client().list(gvr.flowschemas)).items) {
      await dangling(metadata.name!, 'False');
    }
  });

  test('a new schema takes effect at once', async () => {
    const answer = await call(server, '/api/v1/namespaces/default/pods', {
      headers: { 'Impersonate-User': 'eve', 'Impersonate-Group': 'system:masters' },
    });
    // Masters come first.
    assert.equal(answer.headers[SCHEMA_HEADER], await uid(gvr.flowschemas, 'exempt'));
    await server.client().create<KubeObject>(gvr.clusterrolebindings, '', {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: 'eve' },
      subjects: [{ kind: 'User', name: 'eve', apiGroup: 'rbac.authorization.k8s.io' }],
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
    });
    const own = await call(server, '/api/v1/namespaces/default/pods', { headers: { 'Impersonate-User': 'eve' } });
    assert.equal(own.code, 200);
    assert.equal(own.headers[SCHEMA_HEADER], await uid(gvr.flowschemas, 'for-eve'));
    assert.equal(own.headers[LEVEL_HEADER], await uid(gvr.prioritylevelconfigurations, 'eves'));
  });

  test('a watch has a seat only until it has sent what there was', async () => {
    const watch = await WatchReader.open(server, '/api/v1/namespaces/default/pods?watch=1', {
      headers: { 'Impersonate-User': 'eve' },
    });
    const seats = async () => {
      const text = (await call(server, '/metrics')).body.toString();
      const line =
        /^apiserver_flowcontrol_current_executing_seats\{priority_level="eves",flow_schema="for-eve"\} (\d+)$/m;
      return Number(line.exec(text)?.[1]);
    };
    for (let i = 0; i < 100 && (await seats()) !== 0; i += 1) await sleep(10);
    assert.equal(await seats(), 0);
    const { body } = await call(server, '/metrics');
    assert.match(
      body.toString(),
      /^apiserver_flowcontrol_request_execution_seconds_count\{priority_level="eves",flow_schema="for-eve",type="watch"\} 1$/m,
    );
    assert.match(body.toString(), /^apiserver_flowcontrol_nominal_limit_seats\{priority_level="workload-low"\} \d+$/m);
    void watch;
  });

  test('the debugging pages show levels, queues and requests', async () => {
    const page = async (name: string) => {
      const { code, body } = await call(server, `/debug/api_priority_and_fairness/${name}`);
      assert.equal(code, 200, name);
      return body
        .toString()
        .trim()
        .split('\n')
        .map((line) => line.split(',\t'));
    };
    const levels = await page('dump_priority_levels');
    assert.deepEqual(levels[0]!.slice(0, 3), ['PriorityLevelName', 'ActiveQueues', 'IsIdle']);
    assert.equal(levels.find(([name]) => name === 'eves')![6], '2');
    assert.equal((await page('dump_queues')).filter(([name]) => name === 'workload-low').length, 128);
    const requests = await page('dump_requests?includeRequestDetails=1');
    const own = requests.find(([, , , , , , , , , , , , path]) => path?.startsWith('/debug'))!;
    assert.deepEqual(own.slice(0, 4), ['exempt', 'exempt', '-1', '-1']);
    assert.deepEqual(own.slice(10, 12), ['kubernetes-admin', 'get']);
  });

  test('mandatory objects are not changed by anybody', async () => {
    const client = server.client();
    const stored = await client.get<KubeObject>(gvr.flowschemas, '', 'catch-all');
    const changed = { ...stored, spec: { ...stored['spec'], matchingPrecedence: 5 } };
    await assert.rejects(client.update(gvr.flowschemas, '', changed), { code: 422 });
  });
});

describe('a server without priority and fairness', () => {
  test('names no level', async () => {
    const server = await testServer({ priorityAndFairness: false });
    const { headers } = await call(server, '/api/v1/namespaces');
    assert.equal(headers[LEVEL_HEADER], undefined);
    assert.doesNotMatch((await call(server, '/metrics')).body.toString(), /apiserver_flowcontrol_dispatched/);
    await server.close();
  });
});
