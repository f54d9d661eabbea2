import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describeUnless } from '#testing';
import { Cluster, clusterMissing, until } from './cluster.js';
import { cassandra, STAND_INS, wordpress } from './database-stand-ins.js';

const IMAGE = 'berth.local/databases:1';
const POST = 'a post that is kept';
const REPLICAS = [0, 1, 2];

describeUnless(clusterMissing(), 'WordPress with MySQL, and Cassandra', () => {
  let cluster: Cluster;
  let site: string;
  let hostIds: string[];

  const inPod = async (name: string, script: string) =>
    (await cluster.kubectl('exec', name, '--', 'sh', '-c', script)).trim();
  const hostId = (replica: number) => inPod(`cassandra-${replica}`, 'cat /var/lib/cassandra/host-id');
  /** From another replica, by its name in the headless Service. */
  const query = (replica: number, words: string) =>
    inPod(`cassandra-${(replica + 1) % 3}`, `echo "${words}" | nc -w 5 cassandra-${replica}.cassandra 9042`);
  const rolledOut = (...names: string[]) =>
    Promise.all(names.map((name) => cluster.kubectl('rollout', 'status', name, '--timeout=180s')));
  const workloads = ['deployment/wordpress-mysql', 'deployment/wordpress', 'statefulset/cassandra'];

  async function kept(): Promise<void> {
    await rolledOut(...workloads);
    const read = () => cluster.ok(['curl', '-sS', '--max-time', '10', site]);
    await until('the post, and its upload', async () => (await read()) === `${POST}, ${POST}\n`);
    for (const replica of REPLICAS) {
      await until(
        `the row of replica ${replica}`,
        async () => (await query(replica, 'get name')) === `cassandra-${replica}`,
      );
      assert.equal(await hostId(replica), hostIds[replica]);
    }
  }

  beforeAll(async () => {
    cluster = new Cluster('databases');
    await cluster.up();
    await cluster.importImage(IMAGE, 'page', STAND_INS);
    await cluster.apply(`${wordpress(IMAGE)}---\n${cassandra(IMAGE)}`);
    await rolledOut(...workloads);
    const { spec } = await cluster.json('get', 'service', 'wordpress');
    site = `http://${spec.clusterIP}/cgi-bin/post`;
    const write = () => cluster.ok(['curl', '-sS', '--max-time', '10', '-d', POST, site]);
    await until('the post is stored', async () => (await write()) === 'stored\n');
    for (const replica of REPLICAS) {
      await until('the row', async () => (await query(replica, `put name cassandra-${replica}`)) === 'stored');
    }
    hostIds = await Promise.all(REPLICAS.map(hostId));
    assert.equal(new Set(hostIds).size, 3);
  });
  afterAll(() => cluster?.close());

  test('have what they wrote', kept);

  test('find it again when their pods are deleted', async () => {
    const before = await inPod('cassandra-1', 'cat /var/lib/cassandra/log');
    await cluster.kubectl('delete', 'pods', '-l', 'app=wordpress', '--timeout=120s');
    await cluster.kubectl('delete', 'pods', '-l', 'app.kubernetes.io/name=wordpress', '--timeout=120s');
    await cluster.kubectl('delete', 'pod', 'cassandra-1', '--timeout=120s');
    await kept();
    // Its preStop hook ran, on the same volume.
    assert.equal(await inPod('cassandra-1', 'cat /var/lib/cassandra/log'), `${before}\ndrained\nstarted`);
  });

  for (const unit of ['agent', 'containerd', 'server']) {
    test(`keep it when the ${unit} is killed, and find it again afterwards`, async () => {
      const before = await cluster.pidOf(unit);
      process.kill(before, 'SIGKILL');
      await until(`another ${unit}`, async () => ![0, before].includes(await cluster.pidOf(unit)));
      await until('the API', () => cluster.kubectl('get', '--raw', '/readyz'));
      await kept();
      await cluster.kubectl('delete', 'pod', 'cassandra-0', '--timeout=120s');
      await kept();
    });
  }

  test('find it again when their node was drained', async () => {
    await cluster.kubectl('drain', cluster.nodeName, '--ignore-daemonsets', '--timeout=120s');
    await until('pods wait for a node', async () => {
      const { items } = await cluster.json('get', 'pods', '-l', 'app=wordpress');
      return items.length > 0 && items.every((pod: any) => pod.status.phase === 'Pending' && !pod.spec.nodeName);
    });
    await cluster.kubectl('uncordon', cluster.nodeName);
    await kept();
  });

  test('find it again when they are scaled down and up', async () => {
    await cluster.kubectl('scale', 'statefulset', 'cassandra', '--replicas=1');
    await until(
      'one replica',
      async () => (await cluster.json('get', 'pods', '-l', 'app=cassandra')).items.length === 1,
    );
    assert.equal((await cluster.json('get', 'pvc', '-l', 'app=cassandra')).items.length, 3);
    await cluster.kubectl('scale', 'statefulset', 'cassandra', '--replicas=3');
    await kept();
  });

  test('take their folders with them when their claims are deleted', async () => {
    await cluster.kubectl('delete', ...workloads, '--timeout=120s');
    await cluster.kubectl('delete', 'pvc', '--all', '--timeout=120s');
    await until('the folders go', async () => readdirSync(join(cluster.dataDir, 'storage')).length === 0);
    await until('the volumes go', async () => (await cluster.json('get', 'pv')).items.length === 0);
  });
});
