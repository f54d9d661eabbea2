import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import type { KubeObject } from '#apimachinery';
import type { Client } from '#client';
import { gvr } from '#kinds';
import { call, type TestServer, testDatabase, testServer } from '#testing';

/** Changes that a replica has not heard of yet: they are committed in its own name, and of those it needs no notice. */
describe('a replica whose cache is behind', () => {
  let first: TestServer;
  let second: TestServer;
  let database: pg.Client;
  let client: Client;
  let replica = '';

  beforeAll(async () => {
    const { url } = await testDatabase();
    first = await testServer({ databaseUrl: url });
    second = await testServer({ databaseUrl: url, dataDir: first.dataDir });
    client = first.client();
    database = new pg.Client({ connectionString: url });
    await database.connect();
    const named = new Promise<string>((resolve) => {
      database.on('notification', ({ payload }) => resolve(payload!));
    });
    await database.query('LISTEN berth_change');
    await client.create(gvr.configmaps, 'default', configMap('named', '1'));
    replica = await named;
  });
  afterAll(async () => {
    await database?.end();
    await second?.close();
    await first?.close();
  });

  const configMap = (name: string, value: string): KubeObject => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name },
    data: { value },
  });

  /** Writes behind the back of the first replica: op 1 creates, 2 updates, 3 deletes. */
  async function behind(
    op: 1 | 2 | 3,
    { name, uid, resourceVersion }: KubeObject['metadata'],
    object: KubeObject,
    resource = 'configmaps',
    namespace = 'default',
  ) {
    const body = Buffer.from(
      JSON.stringify({ ...object, metadata: { ...object.metadata, resourceVersion: undefined } }),
    );
    const { rows } = await database.query(
      `SELECT failed FROM berth.commit_batch($1, gen_random_uuid(), $2, '{0}', $3, $8, $9, $4, $5, $6, '{1}', $7)`,
      [
        replica,
        body,
        [op],
        [name],
        [uid],
        [op === 1 ? 0 : Number(resourceVersion)],
        [body.length],
        [resource],
        [namespace],
      ],
    );
    assert.deepEqual(rows[0].failed, []);
  }

  /** Makes an object behind the back of the first replica. */
  async function madeBehind(resource: string, body: Omit<KubeObject, 'metadata'>, name: string): Promise<KubeObject> {
    const metadata = { name, namespace: 'default', uid: randomUUID(), creationTimestamp: new Date().toISOString() };
    const object = { ...body, metadata } as KubeObject;
    await behind(1, metadata, object, resource);
    return object;
  }

  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    spec: { containers: [{ name: 'main', image: 'x' }], serviceAccountName: 'late' },
    status: { phase: 'Pending' },
  };

  const revisionOf = async (pod: string) =>
    (await second.client().get(gvr.pods, 'default', pod)).metadata.resourceVersion;

  const stored = async (name: string) =>
    (await second.client().get<KubeObject>(gvr.configmaps, 'default', name))['data'].value;

  for (const [what, write] of [
    [
      'a patch',
      () =>
        client.patch(gvr.configmaps, 'default', 'patched', 'application/merge-patch+json', { data: { value: '1' } }),
    ],
    ['an update without a revision', () => client.update(gvr.configmaps, 'default', configMap('patched', '1'))],
  ] as const) {
    it(`${what} back to what it still sees is no nothing`, async () => {
      await client.delete(gvr.configmaps, 'default', 'patched').catch(() => {});
      const made = await client.create<KubeObject>(gvr.configmaps, 'default', configMap('patched', '1'));
      await behind(2, made.metadata, { ...made, data: { value: '2' } });
      await write();
      assert.equal(await stored('patched'), '1');
    });
  }

  it('goes on with a list that a newer replica began', async () => {
    const made = await client.create<KubeObject>(gvr.configmaps, 'default', configMap('listed', '1'));
    await behind(2, made.metadata, { ...made, data: { value: '2' } });
    const all = (await second.client().list(gvr.configmaps, { namespace: 'default' })).items.map(
      (item) => item.metadata.name,
    );
    const page = await second.client().list(gvr.configmaps, { namespace: 'default', limit: 1 });
    const rest = await client.list(gvr.configmaps, { namespace: 'default', continue: page.metadata.continue });
    assert.equal(rest.metadata.resourceVersion, page.metadata.resourceVersion);
    assert.deepEqual(
      [...page.items, ...rest.items].map(({ metadata }) => metadata.name),
      all,
    );
  });

  it('finds the namespace that was made through another replica', async () => {
    const made = await second.client().get(gvr.namespaces, '', 'default');
    const uid = randomUUID();
    const namespace = {
      ...made,
      metadata: { name: 'fresh', uid, creationTimestamp: made.metadata.creationTimestamp },
      status: { phase: 'Active' },
    };
    await behind(1, { name: 'fresh', uid }, namespace, 'namespaces', '');
    await client.create(gvr.configmaps, 'fresh', configMap('in-it', '1'));
    await assert.rejects(client.create(gvr.configmaps, 'absent', configMap('in-it', '1')), {
      message: 'namespaces "absent" not found',
    });
  });

  it('knows a token by what it is bound to, made a moment ago through another replica', async () => {
    await madeBehind('serviceaccounts', { apiVersion: 'v1', kind: 'ServiceAccount' }, 'late');
    const { metadata } = await madeBehind('pods', pod, 'late');
    const request = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      metadata: {},
      spec: { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'late', uid: metadata.uid } },
    };
    const options = { name: 'late', subresource: 'token' };
    const answer = await second.client().create<KubeObject>(gvr.serviceaccounts, 'default', request, options);
    const who = await call(first, '/apis/authentication.k8s.io/v1/selfsubjectreviews', {
      method: 'POST',
      as: 'nobody',
      headers: { Authorization: `Bearer ${answer['status'].token}` },
      body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
    });
    assert.equal(who.code, 201, who.body.toString());
    assert.equal(who.json.status.userInfo.username, 'system:serviceaccount:default:late');
  });

  it('makes a token for the pod that has taken the place of the one it sees', async () => {
    const old = await madeBehind('pods', pod, 'replaced');
    await client.get(gvr.pods, 'default', 'replaced');
    await behind(3, { ...old.metadata, resourceVersion: await revisionOf('replaced') }, old, 'pods');
    const { metadata } = await madeBehind('pods', pod, 'replaced');
    const request = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      metadata: {},
      spec: { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'replaced', uid: metadata.uid } },
    };
    await client.create<KubeObject>(gvr.serviceaccounts, 'default', request, { name: 'late', subresource: 'token' });
  });

  for (const [subresource, code, message] of [
    ['log', 200, ''],
    ['exec?command=ls&stdout=1', 400, 'does not have a host assigned'],
    ['attach?stdout=1', 400, 'does not have a host assigned'],
    ['portforward', 400, 'does not have a host assigned'],
    ['proxy/', 400, 'address not allowed'],
  ] as const) {
    it(`finds the pod of ${subresource} that was made a moment ago through another replica`, async () => {
      const name = `stream-${subresource.replace(/\W.*/, '')}`;
      await madeBehind('pods', pod, name);
      const answer = await call(first, `/api/v1/namespaces/default/pods/${name}/${subresource}`);
      assert.equal(answer.code, code, answer.body.toString());
      assert.match(answer.body.toString(), new RegExp(message));
    });
  }

  it('binds the pod that has taken the place of the one it sees', async () => {
    const old = await madeBehind('pods', { ...pod, spec: { ...pod.spec, nodeName: 'gone' } }, 'bound');
    await client.get(gvr.pods, 'default', 'bound');
    await behind(3, { ...old.metadata, resourceVersion: await revisionOf('bound') }, old, 'pods');
    const { metadata } = await madeBehind('pods', pod, 'bound');
    const binding = {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name: 'bound', uid: metadata.uid },
      target: { kind: 'Node', name: 'here' },
    };
    await client.create(gvr.pods, 'default', binding, { name: 'bound', subresource: 'binding' });
    assert.equal((await client.get<KubeObject>(gvr.pods, 'default', 'bound')).spec.nodeName, 'here');
  });

  it('allows a write by a RoleBinding that was made a moment ago through another replica', async () => {
    const rbac = 'rbac.authorization.k8s.io';
    const roleRef = { apiGroup: rbac, kind: 'ClusterRole', name: 'edit' };
    const subjects = [{ apiGroup: rbac, kind: 'User', name: 'jane' }];
    const binding = { apiVersion: `${rbac}/v1`, kind: 'RoleBinding', roleRef, subjects };
    await madeBehind(`${rbac}/rolebindings`, binding, 'jane-edits');
    await first.client('jane').create(gvr.configmaps, 'default', configMap('of-jane', '1'));
  });

  it('tests what a patch is made for on the newest state', async () => {
    const made = await client.create<KubeObject>(gvr.configmaps, 'default', configMap('tested', '1'));
    await behind(2, made.metadata, { ...made, data: { value: '2' } });
    await client.patch(gvr.configmaps, 'default', 'tested', 'application/json-patch+json', [
      { op: 'test', path: '/data/value', value: '2' },
      { op: 'replace', path: '/data/value', value: '3' },
    ]);
    assert.equal(await stored('tested'), '3');
  });

  it('applies over what another manager has just given up', async () => {
    const applied = (value: string) => ({ ...configMap('given-up', value), data: { value } });
    const apply = (from: Client, manager: string, body: object) =>
      from.patch(gvr.configmaps, 'default', 'given-up', 'application/apply-patch+yaml', body, {
        fieldManager: manager,
      });
    await apply(client, 'one', applied('1'));
    const seen = await client.get<KubeObject>(gvr.configmaps, 'default', 'given-up');
    await assert.rejects(apply(client, 'two', applied('2')), { code: 409 });
    const [entry] = seen.metadata.managedFields!;
    const left = { ...entry!, fieldsV1: { 'f:data': { 'f:other': {} } } };
    await behind(2, seen.metadata, { ...seen, metadata: { ...seen.metadata, managedFields: [left] } });
    await apply(client, 'two', applied('2'));
    assert.equal(await stored('given-up'), '2');
  });

  it('judges a precondition by the newest state', async () => {
    const old = await client.create<KubeObject>(gvr.configmaps, 'default', configMap('again', '1'));
    await behind(3, old.metadata, old);
    const uid = randomUUID();
    await behind(1, { name: 'again', uid }, { ...old, metadata: { ...old.metadata, uid } });
    await client.delete(gvr.configmaps, 'default', 'again', { preconditions: { uid } });
    const left = await second.client().list(gvr.configmaps, { namespace: 'default' });
    assert.ok(!left.items.some(({ metadata }) => metadata.name === 'again'));
  });
});
