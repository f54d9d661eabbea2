import assert from 'node:assert/strict';
import pg from 'pg';
import { type KubeObject, Quantity, StatusError } from '#apimachinery';
import type { Client } from '#client';
import { gvr } from '#kinds';
import { type TestServer, testServer } from '#testing';

const MERGE = 'application/merge-patch+json';

const container = (requests: object = {}, limits: object = {}) => ({
  name: 'c',
  image: 'i',
  resources: { requests, limits },
});
const podOf = (name: string, spec: object = {}, resources: [object?, object?] = []) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: { containers: [container(...resources)], ...spec },
});
const configMap = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } });
const claimOf = (name: string, storage: string, storageClassName = 'gold') => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name },
  spec: { accessModes: ['ReadWriteOnce'], storageClassName, resources: { requests: { storage } } },
});
const serviceOf = (name: string, type: string, ports = 1) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec: { type, ports: Array.from({ length: ports }, (_, i) => ({ name: `p${i}`, port: 80 + i })) },
});

describe('resource quotas', () => {
  let servers: [TestServer, TestServer];
  let client: Client;
  let other: Client;
  let spaces = 0;

  beforeAll(async () => {
    const first = await testServer();
    servers = [first, await testServer({ databaseUrl: first.databaseUrl, dataDir: first.dataDir })];
    client = first.client();
    other = servers[1].client();
  });
  afterAll(async () => {
    await servers[1].close();
    await servers[0].close();
  });

  /** A namespace of its own, with a quota `q` that both servers know and have counted. */
  async function space(hard: object, spec: object = {}): Promise<string> {
    const namespace = `space-${spaces++}`;
    await client.create(gvr.namespaces, '', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    await client.create(gvr.serviceaccounts, namespace, {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'default' },
    });
    await quota(namespace, 'q', hard, spec);
    return namespace;
  }

  async function quota(namespace: string, name: string, hard: object, spec: object = {}): Promise<void> {
    const object = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name }, spec: { hard, ...spec } };
    await client.create(gvr.resourcequotas, namespace, object);
    await until('the quota is counted', async () => {
      const states = await Promise.all(
        [client, other].map((reader) => reader.get(gvr.resourcequotas, namespace, name)),
      );
      return states.every(({ status }) => Object.keys(status?.hard ?? {}).length === Object.keys(hard).length);
    });
  }

  const used = async (namespace: string, name = 'q', reader = client): Promise<Record<string, string>> =>
    (await reader.get(gvr.resourcequotas, namespace, name))['status'].used;

  async function refusal(work: Promise<unknown>): Promise<string> {
    const error = await work.then(
      () => undefined,
      (error) => error,
    );
    assert.ok(error instanceof StatusError, String(error));
    return `${error.code} ${error.message}`;
  }

  async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
    const end = Date.now() + 15_000;
    while (!(await condition())) {
      if (Date.now() > end) throw new Error(`waited in vain until ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  test('of 64 writers at a time on two replicas exactly as many get through as there is room for', async () => {
    const namespace = await space({ pods: '20', 'requests.cpu': '1', 'count/pods': '64' });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 64 }, (_, i) =>
        (i % 2 === 0 ? client : other).create(gvr.pods, namespace, podOf(`p${i}`, {}, [{ cpu: '30m' }])),
      ),
    );
    assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 20);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected')
        assert.match(outcome.reason.message, /is forbidden: exceeded quota: q, requested/);
    }
    assert.equal((await client.list(gvr.pods, { namespace })).items.length, 20);
    assert.deepEqual(await used(namespace), { 'count/pods': '20', pods: '20', 'requests.cpu': '600m' });
    assert.equal((await used(namespace, 'q', other))['pods'], '20');
  });

  test('the status shows each write at once, and a refusal says what is exceeded', async () => {
    const namespace = await space({ configmaps: '2', 'count/configmaps': '3' });
    assert.deepEqual(await used(namespace), { configmaps: '0', 'count/configmaps': '0' });
    for (const i of [1, 2]) {
      await client.create(gvr.configmaps, namespace, configMap(`c${i}`));
      assert.equal((await used(namespace))['configmaps'], String(i));
    }
    const text =
      '403 configmaps "c3" is forbidden: exceeded quota: q, requested: configmaps=1, used: configmaps=2, limited: configmaps=2';
    assert.equal(await refusal(client.create(gvr.configmaps, namespace, configMap('c3'))), text);
    assert.equal(await refusal(client.create(gvr.configmaps, namespace, configMap('c3'), { dryRun: true })), text);
    await client.delete(gvr.configmaps, namespace, 'c1');
    assert.equal((await used(namespace))['configmaps'], '1');
    await client.create(gvr.configmaps, namespace, configMap('c3'), { dryRun: true });
    assert.equal((await used(namespace))['configmaps'], '1');
    await client.create(gvr.configmaps, namespace, configMap('c3'));
  });

  test('compute is counted as containers ask for it, and has to be said once it is', async () => {
    const hard = { 'requests.cpu': '1', 'limits.memory': '1Gi', 'requests.example.com/gpu': '3', memory: '600Mi' };
    const namespace = await space(hard);
    assert.equal(
      await refusal(client.create(gvr.pods, namespace, podOf('silent'))),
      '403 pods "silent" is forbidden: failed quota: q: must specify limits.memory for: c; memory for: c; requests.cpu for: c',
    );
    const [requests, limits] = [
      { cpu: '500m', memory: '252Mi', 'example.com/gpu': '2' },
      { memory: '500Mi', 'example.com/gpu': '2' },
    ];
    await client.create(gvr.pods, namespace, podOf('one', {}, [requests, limits]));
    assert.deepEqual(await used(namespace), {
      'limits.memory': '500Mi',
      memory: '252Mi',
      'requests.cpu': '500m',
      'requests.example.com/gpu': '2',
    });
    assert.equal(
      await refusal(client.create(gvr.pods, namespace, podOf('two', {}, [{ ...requests, cpu: '600m' }, limits]))),
      '403 pods "two" is forbidden: exceeded quota: q, requested: requests.cpu=600m,requests.example.com/gpu=2, ' +
        'used: requests.cpu=500m,requests.example.com/gpu=2, limited: requests.cpu=1,requests.example.com/gpu=3',
    );
  });

  test('a pod that has ended gives back all but its place in the store', async () => {
    const namespace = await space({ pods: '1', 'count/pods': '5', 'requests.cpu': '1' });
    await client.create(gvr.pods, namespace, podOf('one', {}, [{ cpu: '1' }]));
    const status = { phase: 'Succeeded' };
    // Only the status endpoint can say so.
    await client.patch(gvr.pods, namespace, 'one', MERGE, { status });
    assert.equal((await used(namespace))['pods'], '1');
    await client.patch(gvr.pods, namespace, 'one', MERGE, { status }, { subresource: 'status' });
    assert.deepEqual(await used(namespace), { pods: '0', 'count/pods': '1', 'requests.cpu': '0' });
    await client.create(gvr.pods, namespace, podOf('two', {}, [{ cpu: '1' }]));
    await client.delete(gvr.pods, namespace, 'one', { gracePeriodSeconds: 0 });
    assert.deepEqual(await used(namespace), { pods: '1', 'count/pods': '1', 'requests.cpu': '1' });
  });

  test('scopes say which pods count', async () => {
    const namespace = await space({ pods: '1' }, { scopes: ['BestEffort'] });
    await quota(namespace, 'ending', { pods: '1' }, { scopes: ['Terminating'] });
    await quota(namespace, 'rest', { pods: '2' }, { scopes: ['NotTerminating'] });
    await client.create(gvr.priorityclasses, '', {
      apiVersion: 'scheduling.k8s.io/v1',
      kind: 'PriorityClass',
      metadata: { name: 'urgent' },
      value: 10,
    } as never);
    const matchExpressions = [{ scopeName: 'PriorityClass', operator: 'In', values: ['urgent'] }];
    await quota(namespace, 'urgent', { pods: '1' }, { scopeSelector: { matchExpressions } });
    await client.create(gvr.pods, namespace, podOf('a'));
    assert.match(await refusal(client.create(gvr.pods, namespace, podOf('b'))), /exceeded quota: q,/);
    await client.create(gvr.pods, namespace, podOf('c', { priorityClassName: 'urgent' }, [{ cpu: '1m' }]));
    assert.match(
      await refusal(
        client.create(
          gvr.pods,
          namespace,
          podOf('d', { priorityClassName: 'urgent', activeDeadlineSeconds: 9 }, [{ cpu: '1m' }]),
        ),
      ),
      /exceeded quota: urgent, requested: pods=1, used: pods=1, limited: pods=1/,
    );
    // The scope of a pod changes with its deadline.
    await client.patch(gvr.pods, namespace, 'c', MERGE, { spec: { activeDeadlineSeconds: 60 } });
    assert.deepEqual([(await used(namespace, 'ending')).pods, (await used(namespace, 'rest')).pods], ['1', '1']);
    assert.match(
      await refusal(client.patch(gvr.pods, namespace, 'a', MERGE, { spec: { activeDeadlineSeconds: 60 } })),
      /exceeded quota: ending/,
    );
  });

  test('Services count by their type, also when it changes', async () => {
    const namespace = await space({ services: '3', 'services.nodeports': '2', 'services.loadbalancers': '1' });
    await client.create(gvr.services, namespace, serviceOf('plain', 'ClusterIP'));
    await client.create(gvr.services, namespace, serviceOf('node', 'NodePort'));
    assert.match(
      await refusal(client.create(gvr.services, namespace, serviceOf('wide', 'LoadBalancer', 2))),
      /exceeded quota: q, requested: services.nodeports=2, used: services.nodeports=1, limited: services.nodeports=2/,
    );
    await client.patch(gvr.services, namespace, 'plain', MERGE, { spec: { type: 'LoadBalancer' } });
    assert.deepEqual(await used(namespace), {
      services: '2',
      'services.loadbalancers': '1',
      'services.nodeports': '2',
    });
    await client.patch(gvr.services, namespace, 'node', MERGE, { spec: { type: 'ClusterIP' } });
    assert.equal((await used(namespace))['services.nodeports'], '1');
  });

  test('claims count what they ask for, of each class', async () => {
    const ofGold = 'gold.storageclass.storage.k8s.io/requests.storage';
    const namespace = await space({ persistentvolumeclaims: '5', 'requests.storage': '10Gi', [ofGold]: '3Gi' });
    await client.create(gvr.persistentvolumeclaims, namespace, claimOf('a', '2Gi'));
    await client.create(gvr.persistentvolumeclaims, namespace, claimOf('b', '5Gi', 'silver'));
    assert.deepEqual(await used(namespace), {
      persistentvolumeclaims: '2',
      'requests.storage': '7Gi',
      [ofGold]: '2Gi',
    });
    assert.match(
      await refusal(client.create(gvr.persistentvolumeclaims, namespace, claimOf('c', '2Gi'))),
      /requested: gold\.storageclass\.storage\.k8s\.io\/requests\.storage=2Gi, used: gold\.\S+=2Gi, limited: gold\.\S+=3Gi$/,
    );
  });

  test('any resource can be counted; what was there before the quota is', async () => {
    const namespace = await space({ 'count/deployments.apps': '2', 'count/no-such.example.com': '1' });
    assert.deepEqual(await used(namespace), { 'count/deployments.apps': '0' });
    for (const i of [1, 2, 3]) await client.create(gvr.configmaps, namespace, configMap(`c${i}`));
    await quota(namespace, 'late', { configmaps: '3' });
    assert.deepEqual(await used(namespace, 'late'), { configmaps: '3' });
    assert.match(await refusal(client.create(gvr.configmaps, namespace, configMap('c4'))), /exceeded quota: late/);
    await client.patch(gvr.resourcequotas, namespace, 'late', MERGE, {
      spec: { hard: { configmaps: '4', secrets: '1' } },
    });
    await until('the status has the new limits', async () => 'secrets' in (await used(namespace, 'late')));
    await client.create(gvr.configmaps, namespace, configMap('c4'));
    await client.delete(gvr.resourcequotas, namespace, 'late');
    await client.create(gvr.configmaps, namespace, configMap('c5'));
  });

  test('a quota whose use is not known yet lets nothing through', async () => {
    const namespace = await space({ pods: '1' });
    const status = { hard: { secrets: '1' }, used: null };
    await client.patch(gvr.resourcequotas, namespace, 'q', MERGE, { status }, { subresource: 'status' });
    const secret: KubeObject = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' } };
    assert.equal(
      await refusal(client.create(gvr.secrets, namespace, secret)),
      '403 secrets "s" is forbidden: status unknown for quota: q, resources: secrets',
    );
  });

  test('a resize is counted', async () => {
    const namespace = await space({ 'requests.cpu': '1' });
    await client.create(gvr.pods, namespace, podOf('one', {}, [{ cpu: '400m' }]));
    const resize = (cpu: string) =>
      client.patch(
        gvr.pods,
        namespace,
        'one',
        'application/strategic-merge-patch+json',
        { spec: { containers: [{ name: 'c', resources: { requests: { cpu } } }] } },
        { subresource: 'resize' },
      );
    assert.match(
      await refusal(resize('1100m')),
      /exceeded quota: q, requested: requests.cpu=700m, used: requests.cpu=400m, limited: requests.cpu=1$/,
    );
    await resize('900m');
    assert.equal((await used(namespace))['requests.cpu'], '900m');
  });

  test('what is written while a quota is made is counted in the end', async () => {
    const namespace = await space({ secrets: '1' });
    let made = 0;
    const writing = Promise.all(
      Array.from({ length: 8 }, async (_, writer) => {
        for (let i = 0; i < 20; i++) {
          const created = (writer % 2 === 0 ? client : other).create(
            gvr.configmaps,
            namespace,
            configMap(`w${writer}-${i}`),
          );
          await created.then(() => made++).catch(assertForbidden);
        }
      }),
    );
    await quota(namespace, 'late', { configmaps: '1k' });
    await writing;
    await until('all are counted', async () => (await used(namespace, 'late'))['configmaps'] === String(made));
  });

  test('counters that are wrong are put right, whatever is written meanwhile', async () => {
    const namespace = await space({ configmaps: '1k' });
    for (let i = 0; i < 5; i++) await client.create(gvr.configmaps, namespace, configMap(`c${i}`));
    const database = new pg.Client(servers[0].databaseUrl);
    await database.connect();
    await database.query('UPDATE berth.counter SET value = 999 WHERE namespace = $1', [namespace]);
    await database.end();
    const writing = Array.from({ length: 30 }, (_, i) =>
      client.create(gvr.configmaps, namespace, configMap(`d${i}`)).catch(assertForbidden),
    );
    await client.patch(gvr.resourcequotas, namespace, 'q', MERGE, { spec: { hard: { configmaps: '2k' } } });
    await Promise.all(writing);
    await until('the count is right', async () => {
      const { items } = await client.list(gvr.configmaps, { namespace });
      return (await used(namespace))['configmaps'] === String(items.length);
    });
  });

  test('more than 2^63 in all is counted, shown and refused', async () => {
    const namespace = await space({ persistentvolumeclaims: '2k' });
    const many = Array.from({ length: 1100 }, (_, i) => claimOf(`c${i}`, '8Pi'));
    for (let at = 0; at < many.length; at += 100) {
      await Promise.all(
        many.slice(at, at + 100).map((claim) => client.create(gvr.persistentvolumeclaims, namespace, claim)),
      );
    }
    await quota(namespace, 'late', { 'requests.storage': '1Ei' });
    const shown = Quantity.parse((await used(namespace, 'late'))['requests.storage']!);
    assert.equal(shown.value(), 2 ** 61);
    assert.match(
      await refusal(client.create(gvr.persistentvolumeclaims, namespace, claimOf('more', '1'))),
      /exceeded quota: late, requested: requests.storage=1, used: requests.storage=2Ei, limited: requests.storage=1Ei/,
    );
  });

  test('counters that somebody left behind are forgotten when a server starts', async () => {
    const namespace = await space({ configmaps: '5' });
    await client.create(gvr.configmaps, namespace, configMap('c'));
    const database = new pg.Client(servers[0].databaseUrl);
    await database.connect();
    const rows = async (where: string) => (await database.query(`SELECT name FROM berth.counter WHERE ${where}`)).rows;
    await database.query(
      `INSERT INTO berth.counter VALUES ('${namespace}', 'quota/gone/pods', 1), ('left', 'quota/gone/pods', 1)`,
    );
    const third = await testServer({ databaseUrl: servers[0].databaseUrl, dataDir: servers[0].dataDir });
    await until('they are gone', async () => (await rows("name = 'quota/gone/pods'")).length === 0);
    assert.equal((await rows(`namespace = '${namespace}'`)).length, 1);
    await third.close();
    await database.end();
  });

  test('nothing is refused where the plugin is off, and the status is that of the objects', async () => {
    const off = await testServer({ admission: { disable: ['ResourceQuota'] } });
    const own = off.client();
    try {
      const hard = { configmaps: '1' };
      const made = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'q' }, spec: { hard } };
      await own.create(gvr.resourcequotas, 'default', made);
      const usedNow = async () => (await own.get(gvr.resourcequotas, 'default', 'q')).status?.used?.configmaps;
      await until('it is counted', async () => (await usedNow()) !== undefined);
      const before = Number(await usedNow());
      for (const i of [1, 2, 3]) await own.create(gvr.configmaps, 'default', configMap(`c${i}`));
      assert.equal(await usedNow(), String(before + 3));
    } finally {
      await off.close();
    }
  });

  test('a quota that goes takes its counters with it', async () => {
    const namespace = await space({ configmaps: '5' });
    await client.create(gvr.configmaps, namespace, configMap('c'));
    await client.delete(gvr.resourcequotas, namespace, 'q');
    const database = new pg.Client(servers[0].databaseUrl);
    await database.connect();
    await until('the counters are gone', async () => {
      const { rows } = await database.query('SELECT FROM berth.counter WHERE namespace = $1', [namespace]);
      return rows.length === 0;
    });
    await database.end();
  });
});

function assertForbidden(error: unknown): void {
  assert.ok(error instanceof StatusError && error.code === 403, String(error));
}
