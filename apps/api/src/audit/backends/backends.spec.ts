import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { MetricsRegistry } from '#telemetry';
import { type AuditEvent, eventJson, legacyLine } from '../audit-event.js';
import { AuditMetrics } from '../audit-metrics.js';
import { type AuditBackend, ignoringErrors } from './audit-backend.js';
import { BufferedBackend } from './buffered-backend.js';
import { LogBackend } from './log-backend.js';
import { RotatedFile } from './rotated-file.js';
import { TruncatingBackend } from './truncating-backend.js';
import { WebhookBackend } from './webhook-backend.js';

function event(auditID: string, more: Partial<AuditEvent> = {}): AuditEvent {
  return {
    level: 'RequestResponse',
    auditID,
    stage: 'ResponseComplete',
    requestURI: '/api/v1/pods',
    verb: 'list',
    user: { username: 'ann', groups: ['a', 'b'] },
    requestReceivedTimestamp: '2026-01-02T03:04:05.000006Z',
    stageTimestamp: '2026-01-02T03:04:05.000007Z',
    ...more,
  };
}

function counted() {
  const registry = new MetricsRegistry();
  const metrics = new AuditMetrics(registry, { error: () => {} });
  const errors = () =>
    Object.fromEntries(
      registry
        .samples()
        .filter(({ metricName }) => metricName === 'apiserver_audit_error_total')
        .map(({ labels, value }) => [labels['plugin'], value]),
    );
  return { metrics, errors };
}

/** Keeps batches, and stores them or not. */
class Batches implements AuditBackend {
  readonly ids: string[][] = [];
  events: AuditEvent[] = [];
  closed = false;

  constructor(private readonly stores: () => boolean | Promise<boolean> = () => true) {}

  async process(events: readonly AuditEvent[]): Promise<boolean> {
    this.ids.push(events.map(({ auditID }) => auditID));
    this.events.push(...events);
    return this.stores();
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}

describe('an event as text', () => {
  test('has the objects as they are, in the order of the API', () => {
    const text = eventJson(
      event('1', { requestObject: '{"a": 1}', responseObject: '{"b":2}', annotations: { k: 'v' } }),
    );
    assert.ok(text.includes('"requestObject":{"a": 1},"responseObject":{"b":2},"requestReceivedTimestamp"'), text);
    assert.ok(text.endsWith('"stageTimestamp":"2026-01-02T03:04:05.000007Z","annotations":{"k":"v"}}'), text);
    assert.equal(JSON.parse(text).apiVersion, 'audit.k8s.io/v1');
  });

  test('is one line in the legacy format', () => {
    assert.equal(
      legacyLine(event('1', { responseStatus: { code: 200 }, sourceIPs: ['192.0.2.1'] })),
      '2026-01-02T03:04:05.000006Z AUDIT: id="1" stage="ResponseComplete" ip="192.0.2.1" method="list" user="ann" groups="\\"a\\",\\"b\\"" as="<self>" asgroups="<lookup>" user-agent="" namespace="<none>" uri="/api/v1/pods" response="200"',
    );
  });
});

describe('the mode batch', () => {
  const options = { bufferSize: 5, maxBatchSize: 2, maxBatchWaitMs: 10, parallel: false };

  test('sends full batches at once, and the rest after its wait', async () => {
    const batches = new Batches();
    const buffered = new BufferedBackend(batches, options, counted().metrics);
    for (const id of ['1', '2', '3']) assert.equal(await buffered.process([event(id)]), true);
    assert.deepEqual(batches.ids, [['1', '2']]);
    await sleep(100);
    assert.deepEqual(batches.ids, [['1', '2'], ['3']]);
  });

  test('loses events that find the buffer full, and counts them', async () => {
    let go = () => {};
    const held = new Promise<boolean>((resolve) => {
      go = () => resolve(true);
    });
    const batches = new Batches(() => held);
    const { metrics, errors } = counted();
    const buffered = new BufferedBackend(batches, options, metrics);
    for (let i = 0; i < 10; i += 1) await buffered.process([event(String(i))]);
    assert.deepEqual(errors(), { buffered: 3 });
    go();
    await buffered.close();
    assert.deepEqual(batches.ids.flat(), ['0', '1', '2', '3', '4', '5', '6']);
    assert.ok(batches.closed);
  });

  test('ends a batch at 10 MiB, and loses what is beyond the bytes of its buffer', async () => {
    const batches = new Batches();
    const { metrics, errors } = counted();
    const large = { responseObject: JSON.stringify('x'.repeat(6 * 1024 * 1024)) };
    const roomy = { ...options, bufferSize: 1000, maxBatchSize: 100 };
    const buffered = new BufferedBackend(batches, roomy, metrics);
    const many = Array.from({ length: 25 }, (_, i) => event(String(i), large));
    await buffered.process([...many, event('small')]);
    await buffered.close();
    assert.deepEqual(errors(), { buffered: 4 });
    assert.deepEqual(batches.ids.slice(0, 2), [['0'], ['1']]);
    assert.deepEqual(batches.ids.at(-1), ['20', 'small']);
  });

  test('goes on after a back end that fails', async () => {
    let calls = 0;
    const batches = new Batches(() => {
      calls += 1;
      if (calls === 1) throw new RangeError('Invalid string length');
      return true;
    });
    const { metrics, errors } = counted();
    const buffered = new BufferedBackend(batches, options, metrics);
    for (const id of ['1', '2', '3', '4']) await buffered.process([event(id)]);
    await buffered.close();
    assert.deepEqual(batches.ids.flat(), ['1', '2', '3', '4']);
    assert.deepEqual(errors(), { buffered: 2 });
  });

  test('keeps to its rate', async () => {
    const batches = new Batches();
    const throttle = { qps: 20, burst: 2 };
    const buffered = new BufferedBackend(batches, { ...options, maxBatchSize: 1, throttle }, counted().metrics);
    for (const id of ['1', '2', '3']) await buffered.process([event(id)]);
    await sleep(10);
    assert.deepEqual(batches.ids, [['1'], ['2']]);
    await sleep(200);
    assert.deepEqual(batches.ids, [['1'], ['2'], ['3']]);
  });
});

test('the mode blocking waits for an event, and serves the request also when it is lost', async () => {
  assert.equal(await ignoringErrors(new Batches(() => false)).process([event('1')]), true);
});

describe('truncation', () => {
  const size = eventJson(event('1')).length;

  test('takes the objects from what is too large, drops what is still too large, and splits batches', async () => {
    const batches = new Batches();
    const { metrics, errors } = counted();
    const limits = { maxEventSize: size + 60, maxBatchSize: 2 * size + 10 };
    const backend = new TruncatingBackend(batches, limits, metrics);
    const large = JSON.stringify('x'.repeat(500));
    await backend.process([
      event('1'),
      event('2', { responseObject: large }),
      event('3', { requestURI: `/${'x'.repeat(500)}` }),
      event('4'),
    ]);
    assert.deepEqual(batches.ids, [['1'], ['2'], ['4']]);
    assert.equal(batches.events[1]!.responseObject, undefined);
    assert.deepEqual(batches.events[1]!.annotations, { 'audit.k8s.io/truncated': 'true' });
    assert.deepEqual(errors(), { truncate: 1 });
  });
});

describe('the log', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'berth-audit-log-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const rotation = { maxBytes: 0, maxBackups: 0, maxAgeDays: 0, compress: false };

  test('has a line for each event, in their order', async () => {
    const file = new RotatedFile(join(folder, 'deep', 'audit.log'), rotation);
    await file.prepare();
    const log = new LogBackend(file, 'json', counted().metrics);
    const stored = await Promise.all(['1', '2', '3'].map((id) => log.process([event(id)])));
    await log.close();
    assert.deepEqual(stored, [true, true, true]);
    const lines = (await readFile(join(folder, 'deep', 'audit.log'), 'utf8')).trim().split('\n');
    assert.deepEqual(
      lines.map((line) => JSON.parse(line).auditID),
      ['1', '2', '3'],
    );
  });

  test('says when an event was not stored', async () => {
    const { metrics, errors } = counted();
    const broken = { append: () => Promise.reject(new Error('ENOSPC')), close: async () => {} };
    assert.equal(await new LogBackend(broken, 'json', metrics).process([event('1')]), false);
    assert.deepEqual(errors(), { log: 1 });
  });

  test('ends a write at some megabytes, and loses only the event that has no line', async () => {
    const { metrics, errors } = counted();
    const writes: string[] = [];
    const target = {
      append: async (text: string) => {
        writes.push(text);
      },
      close: async () => {},
    };
    const large = { responseObject: JSON.stringify('x'.repeat(3 * 1024 * 1024)) };
    const unwritable = { annotations: { k: 1n as unknown as string } };
    const log = new LogBackend(target, 'json', metrics);
    const events = [event('0', unwritable), ...['1', '2', '3'].map((id) => event(id, large))];
    const stored = await Promise.all(events.map((one) => log.process([one])));
    assert.deepEqual(stored, [false, true, true, true]);
    assert.deepEqual(
      writes.map((text) => text.trim().split('\n').length),
      [2, 1],
    );
    assert.deepEqual(errors(), { log: 1 });
  });

  test('is put aside when it is full; old files are deleted by number and age', async () => {
    const old = join(folder, 'audit-2026-01-01T00-00-00.000.log');
    const path = join(folder, 'audit.log');
    await writeFile(old, 'old');
    await writeFile(join(folder, 'audit-notes.log'), 'not ours');
    const now = () => new Date('2026-01-05T06:07:08.009Z');
    const file = new RotatedFile(path, { ...rotation, maxBytes: 10, maxBackups: 2, maxAgeDays: 3 }, now);
    for (const text of ['first 1\n', 'second 2\n', 'third 3\n', 'fourth 4\n']) await file.append(text);
    await file.close();
    assert.deepEqual((await readdir(folder)).sort(), [
      'audit-2026-01-05T06-07-08.010.log',
      'audit-2026-01-05T06-07-08.011.log',
      'audit-notes.log',
      'audit.log',
    ]);
    assert.equal(await readFile(path, 'utf8'), 'fourth 4\n');
  });

  test('compresses old files when asked to', async () => {
    const now = () => new Date('2026-01-05T06:07:08.009Z');
    const file = new RotatedFile(join(folder, 'audit.log'), { ...rotation, maxBytes: 5, compress: true }, now);
    await file.append('first\n');
    await file.append('second\n');
    await file.close();
    const packed = await readFile(join(folder, 'audit-2026-01-05T06-07-08.009.log.gz'));
    assert.equal(gunzipSync(packed).toString(), 'first\n');
  });
});

describe('the webhook', () => {
  async function receiver(codes: number[]) {
    const bodies: any[] = [];
    const server = createServer(async (request, response) => {
      const parts: Buffer[] = [];
      for await (const part of request) parts.push(part as Buffer);
      bodies.push(JSON.parse(Buffer.concat(parts).toString()));
      const code = codes.shift() ?? 200;
      response.writeHead(code, code === 200 ? {} : { 'retry-after': '3600' }).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    return { bodies, server, config: { server: `http://127.0.0.1:${port}`, namespace: '' } };
  }

  test('is tried again until it takes the events', async () => {
    const { bodies, server, config } = await receiver([500, 404]);
    const { metrics, errors } = counted();
    const backend = new WebhookBackend(config, 1, metrics, new AbortController().signal);
    assert.equal(await backend.process([event('1'), event('2')]), true);
    assert.equal(bodies.length, 3);
    assert.deepEqual(
      bodies[2].items.map(({ auditID }: AuditEvent) => auditID),
      ['1', '2'],
    );
    assert.deepEqual(errors(), {});
    await backend.close();
    server.close();
  });

  test('loses events after five attempts, and counts them', async () => {
    const { bodies, server, config } = await receiver([500, 500, 500, 500, 500]);
    const { metrics, errors } = counted();
    const backend = new WebhookBackend(config, 1, metrics, new AbortController().signal);
    assert.equal(await backend.process([event('1'), event('2')]), false);
    assert.equal(bodies.length, 5);
    assert.deepEqual(errors(), { webhook: 2 });
    await backend.close();
    server.close();
  });
});
