import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { EventRecorder, Logger } from '#client';
import type { Service } from '#kinds';

/** Milliseconds that a client has to send its request, and to take the answer. */
const PATIENCE = 5_000;
/** Connections that one port serves at a time. */
const CONNECTIONS = 100;

export interface HealthChecksOptions {
  nodeName: string;
  events: EventRecorder;
  logger: Logger;
}

/** A Service whose load balancer asks each node whether it has endpoints. */
interface Check {
  service: Service;
  port: number;
  localEndpoints: number;
  server: Server;
}

/**
 * Answers at `healthCheckNodePort` of Services with `externalTrafficPolicy: Local`: 200 while an endpoint is on this node and
 * the service proxy works, else 503. The answers are those of kube-proxy's `pkg/proxy/healthcheck`.
 */
export class HealthChecks {
  private readonly checks = new Map<string, Check>();
  private healthy = true;

  constructor(private readonly options: HealthChecksOptions) {}

  /** The rules in the kernel are, or are not, as they should be. */
  setHealthy(healthy: boolean): void {
    this.healthy = healthy;
  }

  /**
   * @param key - `namespace/name`
   * @param service - undefined when it is gone, or needs no check
   * @param localEndpoints - endpoints on this node
   */
  set(key: string, service: Service | undefined, localEndpoints: number): void {
    const port = service?.spec?.healthCheckNodePort || undefined;
    const open = this.checks.get(key);
    if (open && open.port !== port) {
      this.checks.delete(key);
      close(open.server);
    }
    if (!service || !port) return;
    const check = this.checks.get(key);
    if (check) Object.assign(check, { service, localEndpoints });
    else this.open(key, service, port, localEndpoints);
  }

  close(): void {
    for (const { server } of this.checks.values()) close(server);
    this.checks.clear();
  }

  private open(key: string, service: Service, port: number, localEndpoints: number): void {
    const server = createServer({ requestTimeout: PATIENCE, headersTimeout: PATIENCE }, (request, response) =>
      this.answer(check, request, response),
    );
    const check: Check = { service, port, localEndpoints, server };
    server.maxConnections = CONNECTIONS;
    server.on('error', (error) => {
      // It is tried again when the Service or its endpoints change.
      if (this.checks.get(key) === check) this.checks.delete(key);
      this.reportFailure(key, check, error);
    });
    this.checks.set(key, check);
    server.listen(port);
  }

  private reportFailure(key: string, { service, port }: Check, { message }: Error): void {
    const { events, logger, nodeName } = this.options;
    const text = `node ${nodeName} failed to start healthcheck ${JSON.stringify(key)} on port ${port}: ${message}`;
    logger.error('the health check of a Service cannot listen', { service: key, port, error: message });
    events.event(service, 'Warning', 'FailedToStartServiceHealthcheck', text);
  }

  private answer({ service, localEndpoints }: Check, request: IncomingMessage, response: ServerResponse): void {
    request.resume();
    const { namespace, name } = service.metadata;
    const body = { service: { namespace, name }, localEndpoints, serviceProxyHealthy: this.healthy };
    response.writeHead(localEndpoints > 0 && this.healthy ? 200 : 503, {
      'content-type': 'application/json',
      'x-content-type-options': 'nosniff',
      'x-load-balancing-endpoint-weight': String(localEndpoints),
      connection: 'close',
    });
    response.end(`${JSON.stringify(body, undefined, '\t')}\n`);
  }
}

function close(server: Server): void {
  server.close();
  server.closeAllConnections();
}
