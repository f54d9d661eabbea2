import assert from 'node:assert/strict';
import { type KubeObject, notFound } from '#apimachinery';
import { type Client, silentLogger } from '#client';
import { FakeClock } from '#testing';
import { EventSink } from './event-sink.js';

const POD: KubeObject = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'x', namespace: 'default', uid: 'u', resourceVersion: '7' },
};

describe('event sink', () => {
  function setUp() {
    const created: any[] = [];
    const patched: any[] = [];
    const gone = new Set<string>();
    const clock = new FakeClock();
    const client = {
      create: async (_gvr: unknown, _namespace: string, object: any) => created.push(object),
      patch: async (_gvr: unknown, _namespace: string, name: string, _type: string, patch: any) => {
        if (gone.has(name)) throw notFound({ group: 'events.k8s.io', resource: 'events' }, name);
        patched.push({ name, ...patch.series });
      },
    } as unknown as Client;
    const sink = new EventSink({ client, clock, logger: silentLogger, controller: 'c', instance: 'i' });
    return { created, patched, gone, clock, sink };
  }

  it('counts repeats, and writes the count seldom', async () => {
    const { created, patched, clock, sink } = setUp();
    for (let times = 0; times < 5; times++) {
      sink.failedScheduling(POD, 'no room');
      await sink.flush();
      await clock.advance(1_000);
    }
    assert.equal(created.length, 1);
    assert.deepEqual(
      patched.map(({ name, count }) => [name, count]),
      [[created[0].metadata.name, 2]],
    );
    await clock.advance(60_000);
    sink.failedScheduling(POD, 'no room');
    await sink.flush();
    assert.equal(patched[1].count, 6);
  });

  it('begins anew when the event is gone', async () => {
    const { created, gone, clock, sink } = setUp();
    sink.failedScheduling(POD, 'no room');
    await sink.flush();
    gone.add(created[0].metadata.name);
    await clock.advance(1_000);
    sink.failedScheduling(POD, 'no room');
    await sink.flush();
    assert.deepEqual(
      created.map(({ note }) => note),
      ['no room', 'no room'],
    );
  });

  it('writes another message, and one after a long time, as an event of its own', async () => {
    const { created, clock, sink } = setUp();
    sink.failedScheduling(POD, 'no room');
    sink.failedScheduling(POD, 'no room at all');
    await clock.advance(400_000);
    sink.failedScheduling(POD, 'no room');
    await sink.flush();
    assert.deepEqual(
      created.map(({ note }) => note),
      ['no room', 'no room at all', 'no room'],
    );
  });

  it('cuts a note to the length that the API allows', async () => {
    const { created, sink } = setUp();
    sink.failedScheduling(POD, 'x'.repeat(3_000));
    await sink.flush();
    assert.equal(created[0].note.length, 1_024);
  });
});
