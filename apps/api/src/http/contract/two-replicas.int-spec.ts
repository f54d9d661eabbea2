import assert from 'node:assert/strict';
import { type Answer, request, type Sent, type TestServer, testServer, WatchReader } from '#testing';

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
const ROUNDS = 40;

const configMap = (name: string, data: Record<string, string> = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, labels: { set: name.split('-')[0]! } },
  data,
});

/** A load balancer that takes turns sits in front of two servers on one database. */
describe('two replicas behind one client', () => {
  let servers: [TestServer, TestServer];
  let turn = 0;

  beforeAll(async () => {
    const first = await testServer();
    const second = await testServer({ databaseUrl: first.databaseUrl, dataDir: first.dataDir });
    servers = [first, second];
  });
  afterAll(async () => {
    await servers[1].close();
    await servers[0].close();
  });

  const nextServer = () => servers[turn++ % 2]!;
  const ask = (path: string, sent?: Sent) => request(nextServer(), path, sent);
  const revisionOf = (answer: Answer): string => answer.json.metadata.resourceVersion;

  async function made(name: string): Promise<Answer> {
    const answer = await ask(CONFIG_MAPS, { method: 'POST', body: configMap(name) });
    assert.equal(answer.code, 201, answer.body.toString());
    return answer;
  }

  const mergePatch = (name: string, data: Record<string, string>) =>
    ask(`${CONFIG_MAPS}/${name}`, {
      method: 'PATCH',
      body: { data },
      headers: { 'Content-Type': 'application/merge-patch+json' },
    });

  test('each replica reads what the other has just written', async () => {
    for (let i = 0; i < ROUNDS; i += 1) {
      // An odd number of requests a round: each of them meets both servers.
      const name = `own-${i}`;
      const created = await made(name);
      const read = await ask(`${CONFIG_MAPS}/${name}`);
      assert.deepEqual([read.code, revisionOf(read)], [200, revisionOf(created)]);
      const patched = await mergePatch(name, { i: String(i) });
      const list = await ask(`${CONFIG_MAPS}?labelSelector=set%3Down`);
      assert.equal(list.json.items.length, 1);
      assert.equal(list.json.items[0].metadata.resourceVersion, revisionOf(patched));
      assert.ok(Number(revisionOf(list)) >= Number(revisionOf(patched)));
      const table = await ask(`${CONFIG_MAPS}/${name}`, {
        headers: { Accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' },
      });
      assert.deepEqual(table.json.rows[0].cells.slice(0, 2), [name, 1]);
      assert.equal((await ask(`${CONFIG_MAPS}/${name}`, { method: 'DELETE' })).code, 200);
      assert.equal((await ask(`${CONFIG_MAPS}/${name}`)).code, 404);
    }
  });

  test('a watch begins with what the other replica has just written', async () => {
    for (let i = 0; i < ROUNDS / 4; i += 1) {
      const name = `begin${i}-x`;
      await made(name);
      const query = `watch=1&timeoutSeconds=10&labelSelector=set%3Dbegin${i}`;
      const initial = await WatchReader.open(nextServer(), `${CONFIG_MAPS}?${query}`);
      assert.equal((await initial.next())!.object.metadata.name, name);
      initial.close();
      const patched = await mergePatch(name, { a: 'b' });
      const list = `sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan&${query}`;
      const streamed = await WatchReader.open(nextServer(), `${CONFIG_MAPS}?${list}`);
      assert.equal((await streamed.next())!.object.metadata.resourceVersion, revisionOf(patched));
      const end = (await streamed.next())!;
      assert.equal(end.type, 'BOOKMARK');
      assert.ok(Number(end.object.metadata.resourceVersion) >= Number(revisionOf(patched)));
      streamed.close();
    }
  });

  test('one of two updates of the same revision wins, on whichever replica', async () => {
    await made('race-1');
    for (let i = 0; i < ROUNDS; i += 1) {
      const current = (await ask(`${CONFIG_MAPS}/race-1`)).json;
      const put = (server: TestServer, by: string) =>
        request(server, `${CONFIG_MAPS}/race-1`, { method: 'PUT', body: { ...current, data: { by: `${by} ${i}` } } });
      const [a, b] = await Promise.all([put(servers[0], 'first'), put(servers[1], 'second')]);
      assert.deepEqual([a.code, b.code].sort(), [200, 409]);
      const [winner, loser] = a.code === 200 ? [a, b] : [b, a];
      assert.equal(loser.json.reason, 'Conflict');
      assert.deepEqual(loser.json.details, { name: 'race-1', kind: 'configmaps' });
      assert.match(
        loser.json.message,
        /^Operation cannot be fulfilled on configmaps "race-1": the object has been modified/,
      );
      assert.equal(revisionOf(await ask(`${CONFIG_MAPS}/race-1`)), revisionOf(winner));
    }
  });

  test('creates of one name succeed once', async () => {
    for (let i = 0; i < ROUNDS / 2; i += 1) {
      const body = configMap(`once-${i}`);
      const answers = await Promise.all(
        servers.map((server) => request(server, CONFIG_MAPS, { method: 'POST', body })),
      );
      assert.deepEqual(answers.map(({ code }) => code).sort(), [201, 409]);
      assert.equal(answers.find(({ code }) => code === 409)!.json.reason, 'AlreadyExists');
    }
  });

  test('counting up with tries again loses no step', async () => {
    await made('count-1');
    const step = async (): Promise<void> => {
      for (;;) {
        const { json } = await ask(`${CONFIG_MAPS}/count-1`);
        const n = Number(json.data?.n ?? 0) + 1;
        const answer = await ask(`${CONFIG_MAPS}/count-1`, {
          method: 'PUT',
          body: { ...json, data: { n: String(n) } },
        });
        if (answer.code === 200) return;
        assert.equal(answer.code, 409);
      }
    };
    await Promise.all(
      Array.from({ length: 4 }, async () => {
        for (let i = 0; i < 10; i += 1) await step();
      }),
    );
    assert.equal((await ask(`${CONFIG_MAPS}/count-1`)).json.data.n, '40');
  });

  test('pages of one list come from both, at one revision', async () => {
    for (let i = 0; i < 10; i += 1) await made(`page-${i}`);
    const names: string[] = [];
    const revisions = new Set<string>();
    let next = '';
    do {
      const { json } = await ask(`${CONFIG_MAPS}?labelSelector=set%3Dpage&limit=3${next && `&continue=${next}`}`);
      names.push(...json.items.map((item: any) => item.metadata.name));
      revisions.add(json.metadata.resourceVersion);
      next = json.metadata.continue ?? '';
      await made(`page-${names.length}a`);
      if (names.length === 3) await ask(`${CONFIG_MAPS}/page-9`, { method: 'DELETE' });
    } while (next !== '');
    assert.deepEqual(
      names,
      Array.from({ length: 10 }, (_, i) => `page-${i}`),
    );
    assert.equal(revisions.size, 1);
  });

  test('a watch that moves from one to the other misses and repeats nothing', async () => {
    let last = revisionOf(await made('moving-0'));
    const written: string[] = [];
    const writing = (async () => {
      for (let i = 0; i < 3 * ROUNDS; i += 1) {
        const answer = i % 10 === 0 ? await made(`moving-${i + 1}`) : await mergePatch('moving-0', { i: String(i) });
        written.push(revisionOf(answer));
      }
    })();
    const seen: string[] = [];
    let round = 0;
    while (seen.length < 3 * ROUNDS) {
      const query = `watch=1&allowWatchBookmarks=true&labelSelector=set%3Dmoving&resourceVersion=${last}`;
      const reader = await WatchReader.open(nextServer(), `${CONFIG_MAPS}?${query}`);
      // Now after one event, now after several, often with events on the way that nobody will read.
      for (let i = 0; i < 1 + (round % 7) && seen.length < 3 * ROUNDS; i += 1) {
        const event = (await reader.next())!;
        last = event.object.metadata.resourceVersion;
        if (event.type !== 'BOOKMARK') seen.push(last);
      }
      reader.close();
      round += 1;
    }
    await writing;
    assert.deepEqual(seen, written);
  });

  test('a watch goes on from a revision that its replica has not reached yet', async () => {
    for (let i = 0; i < ROUNDS / 4; i += 1) {
      const [writer, other] = i % 2 === 0 ? servers : [servers[1], servers[0]];
      const name = `ahead${i}-x`;
      const created = await request(writer, CONFIG_MAPS, { method: 'POST', body: configMap(name) });
      const query = `watch=1&labelSelector=set%3Dahead${i}&resourceVersion=${revisionOf(created)}`;
      const reader = await WatchReader.open(other, `${CONFIG_MAPS}?${query}`);
      await request(writer, `${CONFIG_MAPS}/${name}`, { method: 'DELETE' });
      assert.equal((await reader.next())!.type, 'DELETED');
      reader.close();
    }
  });

  test('a token made by one is good for the other, and so is its pod', async () => {
    const inDefault = '/api/v1/namespaces/default';
    const post = async (path: string, body: object, code = 201, sent: Sent = {}) => {
      const answer = await ask(path, { method: 'POST', body, ...sent });
      assert.equal(answer.code, code, answer.body.toString());
      return answer.json;
    };
    const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
    for (let i = 0; i < ROUNDS / 4; i += 1) {
      // An odd number of requests a round: each of them meets both servers.
      const name = `bound-${i}`;
      await post(`${inDefault}/serviceaccounts`, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name } });
      const pod = await post(`${inDefault}/pods`, {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name },
        spec: { serviceAccountName: name, containers: [{ name: 'main', image: 'x' }] },
      });
      const { uid } = pod.metadata;
      const token = await post(`${inDefault}/serviceaccounts/${name}/token`, {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name, uid } },
      });
      const headers = { Authorization: `Bearer ${token.status.token}` };
      const who = await post('/apis/authentication.k8s.io/v1/selfsubjectreviews', review, 201, {
        as: 'nobody',
        headers,
      });
      assert.deepEqual(who.status.userInfo.extra['authentication.kubernetes.io/pod-uid'], [uid]);
      assert.equal((await ask(`${inDefault}/pods/${name}/log`)).code, 200);
    }
  });
});
