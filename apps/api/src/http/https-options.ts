import type { Tracer } from '#telemetry';
import { key } from '../injection/provide.js';
import type { DispatcherOptions } from './dispatch/request-dispatcher.js';

export interface TlsOptions {
  key: string;
  cert: string;
  /** Client certificates are asked for with these names, and verified by the authenticators. */
  clientCa: string;
}

export interface HttpsServerOptions {
  tls: TlsOptions;
  /** Where it listens. Port 0: the system chooses. */
  address: string;
  port: number;
  dispatching: DispatcherOptions;
  /** Continues the traces of clients; absent: tracing is off. */
  tracer?: Pick<Tracer, 'continued'>;
}

export const HTTPS_OPTIONS = key<HttpsServerOptions>('HTTPS server options');
