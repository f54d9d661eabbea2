import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startTraceExport } from './exporter.js';
import type { Headers } from './tracer.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';
const sampled: Headers = { traceparent: `00-${TRACE}-${PARENT}-01` };

describe('Spans that are sent to a collector', () => {
  let collector: Server;
  let received: { path: string; body: any }[] = [];
  beforeAll(async () => {
    collector = createServer((request, response) => {
      let text = '';
      request.on('data', (chunk) => {
        text += chunk;
      });
      request.on('end', () => {
        received.push({ path: request.url!, body: JSON.parse(text) });
        response.end('{}');
      });
    });
    await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => collector.close());
  beforeEach(() => {
    received = [];
  });

  const endpoint = () => `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
  const start = (samplingRatePerMillion: number, to = endpoint()) =>
    startTraceExport({ endpoint: to, samplingRatePerMillion, service: 'apiserver', instance: 'here' });
  const spans = () =>
    received.flatMap(({ body }) =>
      body.resourceSpans.flatMap((part: any) => part.scopeSpans.flatMap((s: any) => s.spans)),
    );

  it('are of a process, and know their parents across asynchronous calls', async () => {
    const { tracer, close } = await start(1_000_000);
    await tracer.span('outer', { verb: 'create' }, async () => {
      await new Promise((resolve) => setImmediate(resolve));
      await tracer.span('inner', {}, async () => {});
    });
    await close();
    assert.deepEqual(
      received.map(({ path }) => path),
      ['/v1/traces'],
    );
    const attributes = received[0]!.body.resourceSpans[0].resource.attributes;
    assert.ok(attributes.some((item: any) => item.key === 'service.name' && item.value.stringValue === 'apiserver'));
    const [inner, outer] = ['inner', 'outer'].map((name) => spans().find((span) => span.name === name));
    assert.equal(inner.parentSpanId, outer.spanId);
    assert.equal(inner.traceId, outer.traceId);
    assert.deepEqual(outer.attributes, [{ key: 'verb', value: { stringValue: 'create' } }]);
  });

  it('continue those of a trusted client, which decides on sampling', async () => {
    const { tracer, close } = await start(0);
    const outgoing: Headers = {};
    await tracer.continued(sampled, () => tracer.span('known', {}, async () => tracer.inject(outgoing)));
    await tracer.continued({}, () => tracer.span('alone', {}, async () => {}));
    await tracer.continued({ traceparent: 'nonsense' }, () => tracer.span('nonsense', {}, async () => {}));
    await close();
    assert.deepEqual(
      spans().map(({ name, traceId, parentSpanId }) => [name, traceId, parentSpanId]),
      [['known', TRACE, PARENT]],
    );
    assert.equal(outgoing['traceparent'], `00-${TRACE}-${spans()[0].spanId}-01`);
  });

  it('only link to those of other clients, which decide nothing', async () => {
    const [none, all] = [await start(0), await start(1_000_000)];
    await none.tracer.continued(sampled, () => none.tracer.span('none', {}, async () => {}, false));
    await all.tracer.continued(sampled, () => all.tracer.span('all', {}, async () => {}, false));
    await none.close();
    await all.close();
    const [span, ...others] = spans();
    assert.deepEqual([span.name, others], ['all', []]);
    assert.notEqual(span.traceId, TRACE);
    assert.deepEqual(
      span.links.map(({ traceId, spanId }: any) => [traceId, spanId]),
      [[TRACE, PARENT]],
    );
  });

  it('are lost with a collector that is away, and nothing else is', async () => {
    const { tracer, close } = await start(1_000_000, 'http://127.0.0.1:1/v1/traces');
    assert.equal(await tracer.span('work', {}, async () => 7), 7);
    await close();
  });
});
