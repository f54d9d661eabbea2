import { type Tracer as SpanSource, SpanStatusCode, trace } from '@opentelemetry/api';
import type { SpanAttributes, Tracer } from './tracer.js';

/**
 * Spans by OpenTelemetry's API, for whatever SDK the process was started with: it decides on sampling, on parents across
 * asynchronous calls, and on where spans go. Without one nothing is kept.
 */
export function openTelemetryTracer(source: SpanSource = trace.getTracer('berth')): Tracer {
  return {
    span: <T>(name: string, attributes: SpanAttributes, work: () => Promise<T>) =>
      source.startActiveSpan(name, { attributes }, async (span) => {
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
  };
}
