import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import type { KubeObject } from '#apimachinery';
import type { Client } from '#client';
import { gvr } from '#kinds';
import { type TestServer, testDatabase, testServer } from '#testing';

/** Changes that a replica has not heard of yet: they are committed in its own name, and of those it needs no notice. */
describe('a replica whose cache is behind', () => {
  let first: TestServer;
  let second: TestServer;
  let database: pg.Client;
  let client: Client;
  let replica = '';

  before(async () => {
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
  after(async () => {
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
