import {
  context,
  propagation,
  type SpanOptions,
  type Tracer as SpanSource,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import type { Headers, SpanAttributes, Tracer } from './tracer.js';

/**
 * Spans by OpenTelemetry's API, for whatever SDK the process has: it decides on sampling, on parents across asynchronous calls,
 * and on where spans go. Without one nothing is kept.
 */
export function openTelemetryTracer(source: SpanSource = trace.getTracer('berth')): Tracer {
  return {
    span: <T>(name: string, attributes: SpanAttributes, work: () => Promise<T>, trusted = true) =>
      source.startActiveSpan(name, optionsOf(attributes, trusted), async (span) => {
        try {
          return await work();
        } catch (error) {
          span.recordException(error as Error);
          span.setStatus({ code: SpanStatusCode.ERROR, message: (error as Error).message });
          throw error;
        } finally {
          span.end();
        }
      }),
    continued: <T>(headers: Headers, work: () => T) =>
      headers['traceparent'] === undefined
        ? work()
        : context.with(propagation.extract(context.active(), headers), work),
    inject: (headers) => propagation.inject(context.active(), headers),
  };
}

/** As otelhttp's public endpoints have it: a new trace, with a link to the one that the client named. */
function optionsOf(attributes: SpanAttributes, trusted: boolean): SpanOptions {
  const parent = trusted ? undefined : trace.getSpanContext(context.active());
  return parent?.isRemote ? { attributes, root: true, links: [{ context: parent }] } : { attributes };
}
