import type { Logger } from '#client';
import type { Tracer } from '#telemetry';
import type { ServerConfig } from '../config-flags.js';

/** What the process was told, as the whole server is made of it. */
export interface ControlPlaneOptions extends Omit<ServerConfig, 'logging' | 'tracing' | 'traceExport'> {
  logger: Logger;
  /** Absent: no spans are made. */
  tracer?: Tracer;
}
