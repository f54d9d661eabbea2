export {
  createLogger,
  LOG_FORMATS,
  LOG_LEVELS,
  type LogFormat,
  type LoggerOptions,
  type LogLevel,
  type LogOptions,
  type ProcessLogger,
} from './logging/logger.js';
export { exponentialBuckets } from './metrics/buckets.js';
export type { Cell, CellFamily, Distribution, FamilyDeclaration, HistogramFamily, Sample } from './metrics/family.js';
export { type LabelBound, type LabelBounds, OVERFLOW } from './metrics/labels.js';
export { registerProcessMetrics } from './metrics/process-metrics.js';
export { registerRegisteredMetrics } from './metrics/registered-metrics.js';
export { MetricsRegistry, PROMETHEUS_CONTENT_TYPE } from './metrics/registry.js';
export { startTraceExport, type TraceExport, type TracingOptions } from './tracing/exporter.js';
export { openTelemetryTracer } from './tracing/open-telemetry.js';
export { type Headers as TraceHeaders, noTracer, type SpanAttributes, type Tracer } from './tracing/tracer.js';
