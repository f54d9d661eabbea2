import { setTimeout as sleep } from 'node:timers/promises';
import { context, propagation, trace } from '@opentelemetry/api';
import { openTelemetryTracer } from './open-telemetry.js';
import type { Tracer } from './tracer.js';

/** What a process that ends waits for a collector, at most. */
const CLOSE_MS = 2_000;
const MILLION = 1_000_000;

export interface TracingOptions {
  /** Base URL of a collector that takes OTLP over HTTP; `/v1/traces` is added where it has no path. */
  endpoint: string;
  /** Of spans without a parent, by the reference's name. One whose parent is sampled is sampled itself. */
  samplingRatePerMillion: number;
  /** Name of the process in traces: `service.name`. */
  service: string;
  instance: string;
}

export interface TraceExport {
  tracer: Tracer;
  /** Sends what is not sent yet. Never rejects: a collector that is away keeps no process from ending. */
  close(): Promise<void>;
}

/**
 * Sends spans to a collector in batches, in the background. Those that it does not take in time are dropped. The SDK is loaded
 * here alone: a process without tracing does not pay for it.
 */
export async function startTraceExport(options: TracingOptions): Promise<TraceExport> {
  const [sdk, { OTLPTraceExporter }, { AsyncLocalStorageContextManager }, core, { resourceFromAttributes }] =
    await Promise.all([
      import('@opentelemetry/sdk-trace'),
      import('@opentelemetry/exporter-trace-otlp-http'),
      import('@opentelemetry/context-async-hooks'),
      import('@opentelemetry/core'),
      import('@opentelemetry/resources'),
    ]);
  const exporter = new OTLPTraceExporter({ url: tracesUrl(options.endpoint) });
  const root = new sdk.TraceIdRatioBasedSampler(options.samplingRatePerMillion / MILLION);
  const provider = new sdk.TracerProvider({
    resource: resourceFromAttributes({ 'service.name': options.service, 'service.instance.id': options.instance }),
    sampler: new sdk.ParentBasedSampler({ root }),
    spanProcessors: [new sdk.BatchSpanProcessor({ exporter })],
  });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new core.W3CTraceContextPropagator());
  trace.setGlobalTracerProvider(provider);
  return {
    tracer: openTelemetryTracer(provider.getTracer('berth')),
    close: async () => {
      const late = sleep(CLOSE_MS, undefined, { ref: false });
      await Promise.race([provider.shutdown().catch(() => {}), late]);
    },
  };
}

function tracesUrl(endpoint: string): string {
  const url = new URL(endpoint);
  if (url.pathname === '/') url.pathname = '/v1/traces';
  return url.href;
}
