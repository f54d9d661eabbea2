import assert from 'node:assert/strict';
import { context, type Tracer as SpanSource } from '@opentelemetry/api';
import { openTelemetryTracer } from './open-telemetry.js';
import { noTracer, type Tracer } from './tracer.js';

/** A source of spans that notes what happens to them. */
function source() {
  const log: unknown[] = [];
  const spans = {
    startActiveSpan(name: string, options: object, work: (span: unknown) => unknown) {
      log.push(['start', name, options]);
      return context.with(context.active(), () =>
        work({
          recordException: (error: Error) => log.push(['exception', error.message]),
          setStatus: (status: object) => log.push(['status', status]),
          end: () => log.push(['end', name]),
        }),
      );
    },
  };
  return { log, tracer: openTelemetryTracer(spans as unknown as SpanSource) };
}

describe('a span', () => {
  it('begins and ends with the work, whose result it gives', async () => {
    const { log, tracer } = source();
    const result = await tracer.span('work', { key: 'a' }, async () => {
      log.push('working');
      return 7;
    });
    assert.equal(result, 7);
    assert.deepEqual(log, [['start', 'work', { attributes: { key: 'a' } }], 'working', ['end', 'work']]);
  });

  it('tells what the work failed with, and lets it through', async () => {
    const { log, tracer } = source();
    const failing = tracer.span('work', {}, async () => {
      throw new Error('no');
    });
    await assert.rejects(failing, /^Error: no$/);
    assert.deepEqual(log.slice(1), [
      ['exception', 'no'],
      ['status', { code: 2, message: 'no' }],
      ['end', 'work'],
    ]);
  });

  const quiet: [string, Tracer][] = [
    ['when tracing is off', noTracer],
    ['when no SDK is there', openTelemetryTracer()],
  ];
  for (const [when, tracer] of quiet) {
    it(`is the work alone ${when}`, async () => assert.equal(await tracer.span('work', {}, async () => 7), 7));
  }
});
