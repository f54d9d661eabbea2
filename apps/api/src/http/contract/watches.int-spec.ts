import assert from 'node:assert/strict';
import type { KubeObject } from '#apimachinery';
import type { Client } from '#client';
import { gvr } from '#kinds';
import { request, type TestServer, testServer, WatchReader } from '#testing';

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
const TABLE = { Accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' };
const INITIAL_END = 'k8s.io/initial-events-end';

const configMap = (name: string, text = ''): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, labels: { set: name.split('-')[0]! } },
  data: { text },
});

const told = (events: { type: string; object: any }[]) => events.map(({ type, object }) => `${type} ${nameOf(object)}`);
const nameOf = (object: any): string => object.metadata?.name ?? object.rows?.[0].object.metadata.name ?? '';

async function write(client: Client, object: KubeObject): Promise<string> {
  const made = await client.create(gvr.configmaps, 'default', object);
  return made.metadata.resourceVersion!;
}

describe('watches over HTTPS', () => {
  let server: TestServer;
  let client: Client;
  beforeAll(async () => {
    server = await testServer();
    client = server.client();
  });
  afterAll(() => server.close());

  const watch = (query: string, headers?: Record<string, string>) =>
    WatchReader.open(server, `${CONFIG_MAPS}?watch=1&${query}`, { headers });

  test('timeoutSeconds ends a watch, without an error', async () => {
    await write(client, configMap('brief-1'));
    const reader = await watch('timeoutSeconds=1&labelSelector=set%3Dbrief');
    assert.equal(reader.headers['content-type'], 'application/json');
    assert.equal(reader.headers['transfer-encoding'], 'chunked');
    assert.deepEqual(told(await reader.rest()), ['ADDED brief-1']);
  });

  test('a bookmark comes before the timeout, and a watch goes on from it', async () => {
    const from = await write(client, configMap('mark-1'));
    const later = await write(client, configMap('other-1'));
    const reader = await watch(
      `timeoutSeconds=3&allowWatchBookmarks=true&resourceVersion=${from}&labelSelector=set%3Dmark`,
    );
    const events = await reader.rest();
    assert.deepEqual(
      events.map(({ type }) => type),
      ['BOOKMARK'],
    );
    const { object } = events[0]!;
    assert.deepEqual(Object.keys(object).sort(), ['apiVersion', 'kind', 'metadata']);
    assert.equal(object.kind, 'ConfigMap');
    assert.deepEqual(Object.keys(object.metadata), ['resourceVersion']);
    // The client has seen nothing, and yet need not begin where it began: what went by did not concern it.
    assert.ok(Number(object.metadata.resourceVersion) >= Number(later));
    const next = await watch(`resourceVersion=${object.metadata.resourceVersion}&labelSelector=set%3Dmark`);
    await write(client, configMap('mark-2'));
    assert.equal(nameOf((await next.next())!.object), 'mark-2');
    next.close();
  });

  test('without leave no bookmark is sent', async () => {
    const reader = await watch('timeoutSeconds=3&labelSelector=set%3Dnone');
    assert.deepEqual(await reader.rest(), []);
  });

  const INITIAL: [query: string, types: string[]][] = [
    ['', ['ADDED', 'ADDED']],
    ['resourceVersion=0', ['ADDED', 'ADDED']],
    ['allowWatchBookmarks=true', ['ADDED', 'ADDED']],
    [
      'sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan',
      ['ADDED', 'ADDED', 'BOOKMARK'],
    ],
    [
      'sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan&resourceVersion=RV',
      ['ADDED', 'ADDED', 'BOOKMARK'],
    ],
    ['sendInitialEvents=true&resourceVersionMatch=NotOlderThan', ['ADDED', 'ADDED']],
    ['sendInitialEvents=false&resourceVersionMatch=NotOlderThan', []],
    ['sendInitialEvents=false&resourceVersionMatch=NotOlderThan&resourceVersion=RV', []],
    ['resourceVersion=RV', []],
    ['resourceVersion=FIRST', ['ADDED']],
  ];
  describe('what a watch begins with', () => {
    let current: string;
    let seen: { type: string; object: any }[][];
    beforeAll(async () => {
      const first = await write(client, configMap('init-1'));
      current = await write(client, configMap('init-2'));
      // Each takes a second: they run side by side.
      seen = await Promise.all(
        INITIAL.map(async ([query]) => {
          const asked = query.replace('RV', current).replace('FIRST', first);
          const reader = await watch(`${asked}&timeoutSeconds=1&labelSelector=set%3Dinit`);
          return reader.rest();
        }),
      );
    });
    for (const [row, [query, types]] of INITIAL.entries()) {
      test(query || 'no parameter', () => {
        const events = seen[row]!;
        assert.deepEqual(
          events.map(({ type }) => type),
          types,
        );
        const end = events.find(({ type }) => type === 'BOOKMARK')?.object;
        if (!end) return;
        assert.deepEqual(end.metadata.annotations, { [INITIAL_END]: 'true' });
        assert.ok(Number(end.metadata.resourceVersion) >= Number(current));
      });
    }
  });

  test('an object that leaves a selection is told as DELETED, one that enters it as ADDED', async () => {
    await write(client, configMap('move-1'));
    const reader = await watch('labelSelector=set%3Dmove');
    assert.deepEqual(told([(await reader.next())!]), ['ADDED move-1']);
    const relabel = (set: string) =>
      client.patch(gvr.configmaps, 'default', 'move-1', 'application/merge-patch+json', {
        metadata: { labels: { set } },
      });
    const left = await relabel('away');
    const gone = (await reader.next())!;
    assert.equal(gone.type, 'DELETED');
    assert.equal(gone.object.metadata.labels.set, 'move');
    assert.equal(gone.object.metadata.resourceVersion, left.metadata.resourceVersion);
    await relabel('move');
    assert.deepEqual(told([(await reader.next())!]), ['ADDED move-1']);
    reader.close();
  });

  test('as Table: columns once, rows with metadata, deletions and bookmarks too', async () => {
    await write(client, configMap('table-1'));
    const reader = await watch('labelSelector=set%3Dtable&allowWatchBookmarks=true&timeoutSeconds=5', TABLE);
    await client.patch(gvr.configmaps, 'default', 'table-1', 'application/merge-patch+json', { data: { more: 'x' } });
    await client.delete(gvr.configmaps, 'default', 'table-1');
    const events = await reader.rest();
    const shown = ({ type, object }: (typeof events)[number]) => [type, ...object.rows[0].cells.slice(0, 2)];
    assert.deepEqual(events.filter(({ type }) => type !== 'BOOKMARK').map(shown), [
      ['ADDED', 'table-1', 1],
      ['MODIFIED', 'table-1', 2],
      ['DELETED', 'table-1', 2],
    ]);
    assert.deepEqual(events.filter(({ type }) => type === 'BOOKMARK').map(shown), [['BOOKMARK', '', '']]);
    for (const [i, { object }] of events.entries()) {
      assert.equal(object.kind, 'Table');
      assert.equal(object.columnDefinitions.length > 0, i === 0);
      const [row] = object.rows;
      assert.equal(row.object.kind, 'PartialObjectMetadata');
      assert.ok(Number(row.object.metadata.resourceVersion) > 0);
    }
    const none = await watch('labelSelector=set%3Dinit&includeObject=None&timeoutSeconds=1', TABLE);
    assert.equal((await none.next())!.object.rows[0].object, null);
    none.close();
    const bad = await request(server, `${CONFIG_MAPS}?watch=1&includeObject=Some`, { headers: TABLE });
    assert.equal(bad.code, 400);
  });

  test('a watch may be asked for any time that a number holds', async () => {
    const warnings: Error[] = [];
    const note = (warning: Error) => warnings.push(warning);
    process.on('warning', note);
    for (const seconds of ['2147484', '9223372036854775807', '+99999999']) {
      const set = `long${seconds.length}`;
      const query = `labelSelector=set%3D${set}&timeoutSeconds=${encodeURIComponent(seconds)}&allowWatchBookmarks=true`;
      const reader = await watch(query);
      const made = await write(client, configMap(`${set}-1`));
      assert.equal((await reader.next())!.object.metadata.resourceVersion, made, seconds);
      reader.close();
    }
    process.off('warning', note);
    assert.deepEqual(warnings, []);
  });

  test('the older paths and watches of one name are watches like others', async () => {
    await write(client, configMap('path-1'));
    await write(client, configMap('path-2'));
    const begins: [path: string, names: string[]][] = [
      ['/api/v1/watch/namespaces/default/configmaps?labelSelector=set%3Dpath', ['path-1', 'path-2']],
      ['/api/v1/watch/configmaps?labelSelector=set%3Dpath', ['path-1', 'path-2']],
      ['/api/v1/watch/namespaces/default/configmaps/path-1?', ['path-1']],
      [`${CONFIG_MAPS}?watch=true&fieldSelector=metadata.name%3Dpath-2`, ['path-2']],
    ];
    for (const [path, names] of begins) {
      const reader = await WatchReader.open(server, `${path}&timeoutSeconds=1`);
      assert.deepEqual(
        (await reader.rest()).map(({ object }) => nameOf(object)),
        names,
        path,
      );
    }
  });
});

describe('watches at the end of the log', () => {
  let server: TestServer;
  let client: Client;
  beforeAll(async () => {
    // One event in memory, and a log that is compacted all the time.
    server = await testServer({ store: { ringBytes: 1, compactionMs: 50, retention: { watchLogMs: 0 } } });
    client = server.client();
  });
  afterAll(() => server.close());

  /** The first thing that a watch from an old revision says, once compaction has come by. */
  async function refusal(revision: string, headers?: Record<string, string>): Promise<{ type: string; object: any }> {
    for (;;) {
      const path = `${CONFIG_MAPS}?watch=1&timeoutSeconds=5&resourceVersion=${revision}`;
      const reader = await WatchReader.open(server, path, { headers });
      assert.equal(reader.code, 200);
      const event = (await reader.next())!;
      if (event.type !== 'ERROR') {
        reader.close();
        continue;
      }
      assert.equal(await reader.next(), undefined, 'nothing follows the error');
      return event;
    }
  }

  for (const [what, headers] of [['plain', undefined] as const, ['as Table', TABLE] as const]) {
    test(`one that begins at a compacted revision is told so in its stream, ${what}`, async () => {
      const old = await write(client, configMap(`old-1-${what.length}`));
      await write(client, configMap(`old-2-${what.length}`));
      await write(client, configMap(`old-3-${what.length}`));
      const { object } = await refusal(old, headers);
      assert.equal(object.kind, 'Status');
      assert.equal(object.status, 'Failure');
      assert.equal(object.code, 410);
      assert.equal(object.reason, 'Expired');
      assert.match(object.message, new RegExp(`^too old resource version: ${old}( \\(\\d+\\))?$`));
    });
  }

  test('one whose reader is slow is ended by it, after everything before in order', async () => {
    const from = await write(client, configMap('slow'));
    const slow = await WatchReader.open(server, `${CONFIG_MAPS}?watch=1&resourceVersion=${from}`);
    // Far more than the buffers of the connection hold; nobody reads.
    const revisions: string[] = [];
    for (let i = 0; i < 40; i += 1) {
      const patch = { data: { text: String(i).repeat(400_000) } };
      const type = 'application/merge-patch+json';
      const { metadata } = await client.patch(gvr.configmaps, 'default', 'slow', type, patch);
      revisions.push(metadata.resourceVersion!);
    }
    await refusal(revisions.at(-2)!);
    const events = await slow.rest();
    const end = events.pop()!;
    assert.equal(end.type, 'ERROR');
    assert.equal(end.object.code, 410);
    assert.equal(end.object.reason, 'Expired');
    assert.ok(events.length < revisions.length);
    assert.deepEqual(
      events.map(({ object }) => object.metadata.resourceVersion),
      revisions.slice(0, events.length),
    );
  });

  test('a list begins anew, and a watch from its revision goes on', async () => {
    const list = await request(server, CONFIG_MAPS);
    const { resourceVersion } = list.json.metadata;
    const reader = await WatchReader.open(server, `${CONFIG_MAPS}?watch=1&resourceVersion=${resourceVersion}`);
    await write(client, configMap('anew'));
    assert.deepEqual(told([(await reader.next())!]), ['ADDED anew']);
    reader.close();
  });

  test('an exact list and a page of a revision that is gone are 410', async () => {
    const page = await request(server, `${CONFIG_MAPS}?limit=1`);
    assert.ok(page.json.metadata.continue);
    const old = await write(client, configMap('gone-1'));
    await write(client, configMap('gone-2'));
    await write(client, configMap('gone-3'));
    const exact = await request(server, `${CONFIG_MAPS}?resourceVersion=${old}&resourceVersionMatch=Exact`);
    assert.equal(exact.code, 410);
    assert.equal(exact.json.reason, 'Expired');
    // The page itself is kept for as long as clients are given.
    const next = await request(server, `${CONFIG_MAPS}?limit=1&continue=${page.json.metadata.continue}`);
    assert.ok(next.code === 200 || next.code === 410);
  });
});
