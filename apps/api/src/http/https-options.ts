import type { Tracer } from '#telemetry';
import { key } from '../injection/provide.js';
import type { DispatcherOptions } from './dispatch/request-dispatcher.js';

export interface TlsOptions {
  key: string;
  cert: string;
  /** Client certificates are asked for with these names, and verified by the authenticators. */
  clientCa: string;
}

/** How the server ends, in the reference's words and steps (`--shutdown-delay-duration`, `--shutdown-send-retry-after`). */
export interface ShutdownOptions {
  /** Milliseconds for which it goes on as before, except that /readyz fails. */
  delayMs: number;
  /** Listen until running requests have finished, and answer new ones with 429. Otherwise the port closes first. */
  sendRetryAfter: boolean;
}

export interface HttpsServerOptions {
  tls: TlsOptions;
  /** Where it listens. Port 0: the system chooses. */
  address: string;
  port: number;
  dispatching: DispatcherOptions;
  shutdown: ShutdownOptions;
  /** Milliseconds that a client has for TLS, when it is not the reference's time. */
  handshakeTimeoutMs?: number;
  /** Continues the traces of clients; absent: tracing is off. */
  tracer?: Pick<Tracer, 'continued'>;
}

export const HTTPS_OPTIONS = key<HttpsServerOptions>('HTTPS server options');
