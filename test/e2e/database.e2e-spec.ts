import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  debianPostgresMissing,
  describeUnless,
  startDebianPostgres,
  startTestPostgres,
  type TestPostgres,
  testUnless,
} from '#testing';
import { Cluster, clusterMissing, until } from './cluster.js';

describeUnless(clusterMissing(), 'a PostgreSQL of the user', () => {
  let box: Cluster;
  let database: TestPostgres;

  const up = (url: string) => box.up('--no-node', `--database-url=${url}`);
  const kubectl = (...args: string[]) =>
    box.run(['kubectl', `--kubeconfig=${box.kubeconfig}`, '--request-timeout=20s', ...args]);
  const create = async (name: string) => (await kubectl('create', 'configmap', name)).code === 0;
  const names = async () => (await kubectl('get', 'configmaps', '-o', 'name')).stdout.split('\n');

  beforeAll(async () => {
    box = new Cluster('database');
    database = await startTestPostgres({ durable: true });
    await up(database.url);
  });
  afterAll(async () => {
    await box?.close();
    await database?.stop();
  });

  test('status lists no postgres of ours', async () => {
    const { stdout, code } = await box.run(box.berth('status', `--data-dir=${box.dataDir}`));
    assert.equal(code, 0, stdout);
    assert.doesNotMatch(stdout, /^postgres/m);
  });

  test('while it is away writes fail clearly; when it is back all goes on, and nothing acknowledged is lost', async () => {
    const acknowledged: string[] = [];
    let writing = true;
    const writers = ['a', 'b'].map(async (writer) => {
      for (let turn = 0; writing; turn++) {
        if (await create(`${writer}-${turn}`)) acknowledged.push(`${writer}-${turn}`);
      }
    });
    await until('some writes', async () => acknowledged.length > 5);
    await database.kill();
    const ready = await until('readyz tells', async () => {
      const answer = await kubectl('get', '--raw', '/readyz');
      return answer.code !== 0 && answer;
    });
    assert.match(
      ready.stderr,
      /readyz check failed|healthz check failed|InternalError|ServiceUnavailable/,
      ready.stderr,
    );
    const refused = await kubectl('create', 'configmap', 'meanwhile');
    assert.notEqual(refused.code, 0);
    assert.match(
      refused.stderr,
      /ServiceUnavailable|Timeout|unable to handle the request|the database/i,
      refused.stderr,
    );
    await sleep(1000);
    await database.start();
    await until('writes work again', () => create('recovered'), 30);
    await sleep(1000);
    writing = false;
    await Promise.all(writers);
    const live = new Set(await names());
    assert.deepEqual(
      acknowledged.filter((name) => !live.has(`configmap/${name}`)),
      [],
    );
    await until('readyz', async () => (await kubectl('get', '--raw', '/readyz')).code === 0);
    const { code } = await box.run(box.berth('status', `--data-dir=${box.dataDir}`));
    assert.equal(code, 0);
  });

  test('the objects are in the database, for a Berth that comes after', async () => {
    await box.delete();
    await up(database.url);
    assert.ok((await names()).includes('configmap/recovered'));
    await box.delete();
  });

  testUnless(debianPostgresMissing(), "Debian's PostgreSQL will do", async () => {
    const debian = await startDebianPostgres();
    try {
      await up(debian.url);
      assert.ok(await create('on-debian'));
      await box.down();
      await up(debian.url);
      assert.ok((await names()).includes('configmap/on-debian'));
    } finally {
      await box.delete();
      await debian.stop();
    }
  });
});
