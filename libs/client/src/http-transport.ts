import { readFileSync, statSync } from 'node:fs';
import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { MetricsRegistry, Tracer } from '#telemetry';
import { type Clock, delay, realClock } from './clock.js';
import type { ClientConfig } from './kubeconfig.js';
import { ClientRequestMetrics } from './request-metrics.js';

export interface HttpRequest {
  method: string;
  /** Path with query, below the configured server's own path. */
  path: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
  signal?: AbortSignal;
  /** Milliseconds from when it has a connection until the whole answer must be there; for streams, until its head is. */
  timeout?: number;
}

export interface HttpResponse {
  status: number;
  headers: IncomingMessage['headers'];
  body: Buffer;
}

export interface HttpTransportOptions {
  userAgent?: string;
  /** Milliseconds; default 60 s, as the server's own request timeout. */
  timeout?: number;
  clock?: Clock;
  /** Default true: sends again when the server says after which time. False for a caller with retries of its own. */
  followRetryAfter?: boolean;
  /** What requests are sent on; shared with others that have the same configuration. Default: connections of its own. */
  connections?: Connections;
  /** Where requests are counted; absent: nowhere. */
  metrics?: MetricsRegistry;
  /** Lets the server continue the span that a request is sent in; absent: tracing is off. */
  tracer?: Pick<Tracer, 'inject'>;
}

/** The connection failed before or within an answer. `cause` is the system's error. */
export class ConnectionError extends Error {
  override name = 'ConnectionError';
}

const DEFAULT_TIMEOUT = 60_000;
const MOST_PLAIN_CONNECTIONS = 64;
/** Go servers close idle connections after 90 s; be earlier, so that no request meets a closing socket. */
const IDLE_SOCKET_TIMEOUT = 60_000;
const TCP_KEEP_ALIVE = 30_000;
const READ_RETRIES = 3;
const READ_RETRY_DELAY = 100;
/** A server that sheds load says when to come again; client-go follows ten times. */
const RETRY_AFTER_LIMIT = 10;

/** Connections to one server with one set of credentials. Plain requests share some; each stream has one. */
export class Connections {
  readonly plain: HttpAgent;
  readonly streams: HttpAgent;

  constructor(config: ClientConfig) {
    const shared = { keepAlive: true, keepAliveMsecs: TCP_KEEP_ALIVE, timeout: IDLE_SOCKET_TIMEOUT };
    const tls = {
      ca: config.ca,
      cert: config.cert,
      key: config.key,
      rejectUnauthorized: !config.insecureSkipTlsVerify,
      servername: config.tlsServerName,
      ALPNProtocols: ['http/1.1'],
    };
    const isTls = new URL(config.server).protocol === 'https:';
    const make = (most: number): HttpAgent =>
      isTls ? new HttpsAgent({ ...shared, ...tls, maxSockets: most }) : new HttpAgent({ ...shared, maxSockets: most });
    this.plain = make(MOST_PLAIN_CONNECTIONS);
    this.streams = make(Number.POSITIVE_INFINITY);
  }

  /** Drops every connection. Requests under way fail. */
  close(): void {
    this.plain.destroy();
    this.streams.destroy();
  }
}

/** HTTP/1.1 over TLS with kept-alive connections and the configuration's credentials. Knows nothing of API objects. */
export class HttpTransport {
  readonly config: ClientConfig;
  private readonly base: URL;
  private readonly prefix: string;
  private readonly connections: Connections;
  private readonly clock: Clock;
  private readonly timeout: number;
  private readonly followRetryAfter: boolean;
  private readonly headers: Record<string, string>;
  private readonly metrics: ClientRequestMetrics | undefined;
  private readonly tracer: Pick<Tracer, 'inject'> | undefined;
  private token: { value: string; readAt: number; mtimeMs: number } | undefined;

  constructor(config: ClientConfig, options: HttpTransportOptions = {}) {
    this.config = config;
    this.base = new URL(config.server);
    this.prefix = this.base.pathname.replace(/\/+$/, '');
    this.clock = options.clock ?? realClock;
    this.timeout = options.timeout ?? DEFAULT_TIMEOUT;
    this.followRetryAfter = options.followRetryAfter ?? true;
    this.connections = options.connections ?? new Connections(config);
    this.headers = { 'user-agent': options.userAgent ?? `berth/${process.version}` };
    this.tracer = options.tracer;
    if (options.metrics) this.metrics = new ClientRequestMetrics(options.metrics, this.base.host);
    if (config.impersonate) this.headers['impersonate-user'] = config.impersonate.user;
  }

  /** Sends and reads the whole answer. Reads are tried again when the connection fails, and everything after 429/503. */
  async request(request: HttpRequest): Promise<HttpResponse> {
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    let failures = 0;
    for (let shed = 0; ; ) {
      let response: HttpResponse;
      try {
        response = await this.once(request);
      } catch (error) {
        if (!isRead || request.signal?.aborted || failures >= READ_RETRIES) throw error;
        await delay(this.clock, READ_RETRY_DELAY * 2 ** failures++, request.signal);
        continue;
      }
      const wait = this.followRetryAfter ? retryAfter(response) : undefined;
      if (wait === undefined || shed++ >= RETRY_AFTER_LIMIT) return response;
      await delay(this.clock, wait, request.signal);
      request.signal?.throwIfAborted();
    }
  }

  /** Sends and gives the answer as it comes, on a connection of its own. The caller reads or destroys it. */
  stream(request: HttpRequest): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const outgoing = this.send(request, this.connections.streams);
      const head = setTimeout(
        () => outgoing.destroy(timedOut(request, request.timeout ?? this.timeout)),
        request.timeout ?? this.timeout,
      );
      outgoing.on('response', (response) => {
        clearTimeout(head);
        response.socket.setKeepAlive(true, TCP_KEEP_ALIVE);
        resolve(response);
      });
      outgoing.on('error', (error) => {
        clearTimeout(head);
        reject(connectionError(request, error));
      });
    });
  }

  /** Drops every connection, also those that are shared. Requests under way fail. */
  close(): void {
    this.connections.close();
  }

  private once(request: HttpRequest): Promise<HttpResponse> {
    const limit = request.timeout ?? this.timeout;
    return new Promise((resolve, reject) => {
      const outgoing = this.send(request, this.connections.plain);
      let timer: NodeJS.Timeout | undefined;
      // Not before: while it waits for others of this process, nobody has failed to answer it, and sending it again would not help.
      outgoing.once('socket', () => {
        timer = setTimeout(() => outgoing.destroy(timedOut(request, limit)), limit);
      });
      const fail = (error: Error) => {
        clearTimeout(timer);
        reject(connectionError(request, error));
      };
      outgoing.on('error', fail);
      outgoing.on('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', fail);
        response.on('end', () => {
          clearTimeout(timer);
          const body = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
        });
      });
    });
  }

  private send(request: HttpRequest, agent: HttpAgent): ClientRequest {
    const headers: Record<string, string | string[]> = { ...this.headers, ...request.headers };
    const authorization = this.authorization();
    if (authorization) headers['authorization'] = authorization;
    if (this.config.impersonate?.groups) headers['impersonate-group'] = this.config.impersonate.groups;
    this.tracer?.inject(headers);
    const body = request.body;
    if (body !== undefined) headers['content-length'] = String(Buffer.byteLength(body));
    const open = this.base.protocol === 'https:' ? httpsRequest : httpRequest;
    const outgoing = open({
      agent,
      hostname: this.base.hostname.replace(/^\[|\]$/g, ''),
      port: this.base.port || (this.base.protocol === 'https:' ? 443 : 80),
      method: request.method,
      path: this.prefix + request.path,
      headers,
      signal: request.signal,
    });
    if (this.metrics) this.count(this.metrics, request.method, outgoing);
    outgoing.end(body);
    return outgoing;
  }

  private count(metrics: ClientRequestMetrics, method: string, outgoing: ClientRequest): void {
    const startedAt = performance.now();
    let answered = false;
    outgoing.once('response', ({ statusCode }: IncomingMessage) => {
      answered = true;
      metrics.observe(method, statusCode, performance.now() - startedAt);
    });
    outgoing.once('error', () => {
      if (!answered) metrics.observe(method, undefined, performance.now() - startedAt);
    });
  }

  private authorization(): string | undefined {
    const { tokenFile, token, username, password } = this.config;
    if (tokenFile) return `Bearer ${this.tokenFrom(tokenFile)}`;
    if (token) return `Bearer ${token}`;
    if (username) return `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}`;
    return undefined;
  }

  /** The file is looked at again at most once in ten seconds, and read when it changed. */
  private tokenFrom(path: string): string {
    const now = this.clock.now();
    if (this.token && now - this.token.readAt < 10_000) return this.token.value;
    try {
      const { mtimeMs } = statSync(path);
      if (this.token?.mtimeMs === mtimeMs) this.token.readAt = now;
      else this.token = { value: readFileSync(path, 'utf8').trim(), readAt: now, mtimeMs };
    } catch (error) {
      if (!this.token) throw new ConnectionError(`cannot read token file ${path}`, { cause: error });
      this.token.readAt = now;
    }
    return this.token!.value;
  }
}

/** Milliseconds, when the server asks to come again. */
function retryAfter(response: HttpResponse): number | undefined {
  if (response.status !== 429 && response.status < 500) return undefined;
  const seconds = Number(response.headers['retry-after']);
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined;
}

function timedOut(request: HttpRequest, limit: number): Error {
  return new ConnectionError(`${request.method} ${request.path}: no answer within ${limit} ms`);
}

function connectionError(request: HttpRequest, error: Error): Error {
  if (error.name === 'AbortError' || error instanceof ConnectionError) return error;
  return new ConnectionError(`${request.method} ${request.path}: ${error.message || (error as any).code}`, {
    cause: error,
  });
}
