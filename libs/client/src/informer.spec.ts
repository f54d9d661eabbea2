import assert from 'node:assert/strict';
import { expired, type KubeList, type KubeObject, type WatchEvent } from '#apimachinery';
import { MetricsRegistry } from '#telemetry';
import type { Client, ListOptions, WatchOptions } from './client.js';
import { realClock } from './clock.js';
import { silentLogger } from './logger.js';
import { SharedInformers } from './shared-informers.js';

const PODS = { group: '', version: 'v1', resource: 'pods' };

const pod = (name: string, resourceVersion: string, labels: Record<string, string> = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace: 'ns', name, uid: `uid-${name}`, resourceVersion, labels },
});

/** Plays given lists and watches in turn; the last watch stays open. */
function script(lists: { items: KubeObject[]; resourceVersion: string }[], watches: (WatchEvent | Error)[][]) {
  const calls: string[] = [];
  const client = {
    async list(_gvr: unknown, options: ListOptions): Promise<KubeList> {
      calls.push(`list ${options.continue ?? ''}`.trim());
      const { items, resourceVersion } = lists.length > 1 ? lists.shift()! : lists[0]!;
      return { apiVersion: 'v1', kind: 'PodList', metadata: { resourceVersion }, items };
    },
    async *watch(_gvr: unknown, options: WatchOptions): AsyncGenerator<WatchEvent> {
      calls.push(`watch ${options.resourceVersion}`);
      const events = watches.shift();
      for (const event of events ?? []) {
        if (event instanceof Error) throw event;
        yield event;
      }
      if (!watches.length) await new Promise((resolve) => options.signal!.addEventListener('abort', resolve));
    },
  } as unknown as Client;
  return { client, calls };
}

const until = async (condition: () => boolean) => {
  for (let i = 0; i < 500 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 2));
  assert.ok(condition());
};

let stop = new AbortController();
afterEach(() => {
  stop.abort();
  stop = new AbortController();
});

function informers(client: Client, shown?: { metrics: MetricsRegistry; name: string }) {
  // Delays pass at once.
  const clock = { ...realClock, setTimeout: (callback: () => void) => realClock.setTimeout(callback, 0) };
  return new SharedInformers(client, { clock, logger: silentLogger, shown });
}

describe('Informer', () => {
  it('shows how far it has come, while it runs', async () => {
    const { client } = script([{ items: [], resourceVersion: '5' }], [[{ type: 'ADDED', object: pod('a', '7') }]]);
    const metrics = new MetricsRegistry();
    const shared = informers(client, { metrics, name: 'test' });
    const informer = shared.for(PODS);
    shared.start(stop.signal);
    await until(() => informer.size === 1);
    assert.deepEqual(metrics.samples(), [
      {
        metricName: 'informer_store_resource_version',
        labels: { name: 'test', group: '', version: 'v1', resource: 'pods' },
        value: 7,
      },
    ]);
  });

  it('delivers the list as adds, then the changes with old and new', async () => {
    const { client } = script(
      [{ items: [pod('a', '1')], resourceVersion: '5' }],
      [
        [
          { type: 'MODIFIED', object: pod('a', '6') },
          { type: 'ADDED', object: pod('b', '7') },
          { type: 'DELETED', object: pod('a', '8') },
        ],
      ],
    );
    const shared = informers(client);
    const informer = shared.for(PODS);
    const seen: string[] = [];
    informer.addHandler({
      add: (o) => seen.push(`+${o.metadata.name}@${o.metadata.resourceVersion}`),
      update: (old, o) =>
        seen.push(`~${o.metadata.name}@${old.metadata.resourceVersion}>${o.metadata.resourceVersion}`),
      delete: (o) => seen.push(`-${o.metadata.name}@${o.metadata.resourceVersion}`),
    });
    shared.start(stop.signal);
    await until(() => seen.length === 4);
    assert.deepEqual(seen, ['+a@1', '~a@1>6', '+b@7', '-a@8']);
    assert.deepEqual(
      informer.list('ns').map((o) => o.metadata.name),
      ['b'],
    );
    const late: string[] = [];
    informer.addHandler({ add: (o) => late.push(o.metadata.name!) });
    assert.deepEqual(late, ['b']);
  });

  it('resumes an ended watch at the revision of the last bookmark', async () => {
    const { client, calls } = script(
      [{ items: [], resourceVersion: '5' }],
      [[{ type: 'BOOKMARK', object: pod('', '9') }], []],
    );
    const shared = informers(client);
    shared.for(PODS);
    shared.start(stop.signal);
    await until(() => calls.length === 3);
    assert.deepEqual(calls, ['list', 'watch 5', 'watch 9']);
  });

  it('lists anew on 410 and delivers exactly the differences', async () => {
    const { client, calls } = script(
      [
        { items: [pod('a', '1'), pod('b', '2'), pod('c', '3')], resourceVersion: '5' },
        { items: [pod('a', '1'), pod('b', '8'), pod('d', '9')], resourceVersion: '20' },
      ],
      [[expired('too old resource version')], []],
    );
    const shared = informers(client);
    const seen: string[] = [];
    const informer = shared.for(PODS);
    shared.start(stop.signal);
    await informer.whenSynced();
    informer.addHandler({
      add: (o) => seen.push(`+${o.metadata.name}`),
      update: (_old, o) => seen.push(`~${o.metadata.name}`),
      delete: (o) => seen.push(`-${o.metadata.name}`),
    });
    await until(() => calls.length === 4);
    assert.deepEqual(seen.slice(3).sort(), ['+d', '-c', '~b']);
    assert.deepEqual(calls, ['list', 'watch 5', 'list', 'watch 20']);
  });

  it('keeps indexes right as objects move between values', async () => {
    const { client } = script(
      [{ items: [pod('a', '1', { app: 'x' }), pod('b', '2', { app: 'x' })], resourceVersion: '5' }],
      [[{ type: 'MODIFIED', object: pod('a', '6', { app: 'y' }) }]],
    );
    const shared = informers(client);
    const informer = shared.for(PODS);
    informer.addIndex('app', (o) => [o.metadata.labels!['app']!]);
    shared.start(stop.signal);
    await until(() => informer.resourceVersion === '6');
    assert.deepEqual(
      informer.byIndex('app', 'x').map((o) => o.metadata.name),
      ['b'],
    );
    assert.deepEqual(
      informer.byIndex('app', 'y').map((o) => o.metadata.name),
      ['a'],
    );
  });

  it('is one for all who ask for the same selection', () => {
    const shared = informers(script([], []).client);
    assert.equal(shared.for(PODS), shared.for(PODS));
    assert.notEqual(shared.for(PODS), shared.for(PODS, { namespace: 'ns' }));
  });

  it('over metadata ends when its resource is not among those asked for, and begins anew later', async () => {
    const { client, calls } = script([{ items: [pod('a', '1', { app: 'x' })], resourceVersion: '5' }], []);
    const shared = informers(client);
    shared.start(stop.signal);
    const [first] = shared.metadataOf([PODS]);
    await until(() => calls.includes('watch 5'));
    assert.deepEqual(shared.metadataOf([PODS]), [first]);
    assert.equal(first!.list()[0]!.metadata.labels, undefined);
    assert.deepEqual(shared.metadataOf([]), []);
    assert.deepEqual(first!.list().length, 1, 'what it knew can still be told');
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.deepEqual(calls, ['list', 'watch 5'], 'nothing is asked any more');
    const [second] = shared.metadataOf([PODS]);
    assert.notEqual(second, first);
    await until(() => second!.hasSynced);
  });

  it('over metadata is the one over all of the resource where there is one', () => {
    const shared = informers(script([], []).client);
    const whole = shared.for(PODS);
    assert.deepEqual(shared.metadataOf([PODS]), [whole]);
    assert.deepEqual(shared.metadataOf([]), []);
    assert.equal(shared.for(PODS), whole);
  });
});
