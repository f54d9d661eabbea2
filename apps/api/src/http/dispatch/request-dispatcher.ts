import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import {
  asStatusError,
  badRequest,
  genericNotFound,
  methodNotAllowed,
  type StatusError,
  serviceUnavailable,
  type UserInfo,
} from '#apimachinery';
import type { Auditor } from '../../audit/auditor.js';
import type { Credentials, IdentityRecord, RequestAuthenticator } from '../../authentication/authenticator.js';
import type { Authorizer } from '../../authorization/authorizer.js';
import type { DecisionRecord } from '../../authorization/forbidden.js';
import { ANONYMOUS } from '../../identity/users.js';
import type { ApiHandler } from '../../registry/api-handler.js';
import type { AuthorizedRequest } from '../../registry/api-request.js';
import { knownFailure } from '../../registry/registry-handler.js';
import { authorizePathOrThrow, pathAttributes, resourceAttributes } from '../../registry/request-authorization.js';
import type { ResourceTable } from '../../registry/resource-table.js';
import type { AggregatedApi, AggregatedSurface } from '../documents/aggregated-surface.js';
import type { DocumentPaths } from '../documents/document-paths.js';
import { setRequestUser } from '../documents/request-user.js';
import { isLongRunning, type RequestMetrics } from '../metrics/request-metrics.js';
import type { ObjectPathHandler } from '../objects/object-path.handler.js';
import { bearerOfProtocols } from '../proxy/upstream-pipe.js';
import { Connection } from '../server/connection.js';
import { CountedResponse } from '../server/counted-response.js';
import { type InternalErrorLog, logInternalError } from '../server/internal-errors.js';
import { OpenRequest } from '../server/open-request.js';
import { RequestAudit } from '../server/request-audit.js';
import { RequestDeadlines } from '../server/request-deadlines.js';
import type { RequestFlow } from '../server/request-flow.js';
import { auditIdOf, auditTrailOf, flowOf } from '../server/request-marks.js';
import { RequestSlots, type SlotLimits } from '../server/request-slots.js';
import { DISCARD_MS, LEVEL_HEADER, SCHEMA_HEADER, sendError, sendText } from '../server/response-writer.js';
import { isServedWhileDraining, type Refusal, refuseWhileDraining, SHUTTING_DOWN } from '../server/shutdown-refusal.js';
import { asksForMore } from './request-credentials.js';
import type { RequestInfo } from './request-info.js';
import { type AggregatedRoute, type ConnectRoute, type Route, resolveRoute, type ServedPaths } from './route.js';

export interface DispatcherOptions {
  authenticator: RequestAuthenticator;
  authorizer: Authorizer;
  /** Authorizes requests for resources. */
  api: Pick<ApiHandler, 'authorize'>;
  resources: ResourceTable;
  /** Resources that this replica may not know of yet. */
  late?: LateResources;
  objects: ObjectPathHandler;
  /** Streams and proxies to nodes, pods and Services. */
  connects: ConnectHandler;
  /** API servers behind this one; absent: there are none. */
  aggregation?: { apis: Pick<AggregatedSurface, 'size' | 'find'>; handler: AggregatedHandler };
  metrics: RequestMetrics;
  slots: SlotLimits;
  log?: InternalErrorLog;
  /** Absent: nothing is audited. */
  auditor?: Auditor;
  /** Absent: priority and fairness is off, and the slots limit everything. */
  flow?: RequestFlow;
  /** Milliseconds, when it is not the reference's minute. */
  requestTimeoutMs?: number;
}

/** Finds resources that another replica has begun to serve. */
export interface LateResources {
  /** Whether the resource has come into the table meanwhile. */
  appears(group: string, plural: string): Promise<boolean>;
}

/** Serves connect subresources: pods/exec and the like. */
export interface ConnectHandler {
  serve(
    request: IncomingMessage,
    response: ServerResponse,
    route: ConnectRoute,
    asked: AuthorizedRequest,
  ): Promise<void>;
  /** A request that leaves HTTP: WebSocket or SPDY. Rejects while it may still be answered with a Status. */
  upgrade(
    request: IncomingMessage,
    socket: Socket,
    head: Buffer,
    route: ConnectRoute,
    asked: AuthorizedRequest,
  ): Promise<void>;
}

/** Passes requests on to the API servers behind this one. */
export interface AggregatedHandler {
  serve(request: IncomingMessage, response: ServerResponse, api: AggregatedApi, user: UserInfo): Promise<void>;
  /** Rejects while the request may still be answered with a Status. */
  upgrade(request: IncomingMessage, socket: Socket, head: Buffer, api: AggregatedApi, user: UserInfo): Promise<void>;
}

/** Anybody may ask for these, also while RBAC is still being loaded. */
const ALWAYS_ALLOWED = new Set(['/healthz', '/livez', '/readyz']);
const SWITCHING_PROTOCOLS = 101;
const READS = new Set(['get', 'list', 'watch', 'head', 'options', 'trace']);

/**
 * The way of every request, in this order: its turn on its connection, what it means, who sends it, whether that is allowed, whether
 * there is room for it. Until then nothing of it is read, counted or kept; then the object path, a proxy, or the framework serves it.
 */
export class RequestDispatcher {
  private readonly connections = new Map<Socket, Connection>();
  private readonly deadlines: RequestDeadlines;
  private readonly slots: RequestSlots;
  private readonly audit: RequestAudit | undefined;
  /** Watches and streams that are open: they would hold up a shutdown for ever. */
  private readonly open = new Set<ServerResponse | Socket>();
  private readonly paths: ServedPaths;
  /** Set when the server takes no more requests. */
  private refusal: Refusal | undefined;

  constructor(
    private readonly options: DispatcherOptions,
    documents: DocumentPaths,
    /** Serves the paths that name no resource. */
    private readonly framework: (request: IncomingMessage, response: ServerResponse) => void,
  ) {
    this.paths = { resources: options.resources, documents, aggregated: options.aggregation?.apis };
    this.deadlines = new RequestDeadlines(this.connections, options.requestTimeoutMs);
    this.slots = new RequestSlots(options.slots, options.metrics);
    this.audit = options.auditor && new RequestAudit(options.auditor);
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    const open = new OpenRequest(request, response);
    // Node's parser reports no error on a connection any more that did not upgrade as it was asked to.
    if (request.headers.upgrade !== undefined) response.shouldKeepAlive = false;
    this.connectionOf(request.socket).take(open, this.serveNext);
  }

  private readonly serveNext = (open: OpenRequest): void => {
    if (this.refusal && !isServedWhileDraining(open.request)) {
      refuseWhileDraining(open.response, this.refusal);
      return;
    }
    this.dispatch(open).catch((error) => {
      if (open.expired) return;
      const status = statusOf(error);
      logInternalError(this.options.log, open.request, status);
      sendError(open.response, status);
    });
  };

  private async dispatch(open: OpenRequest): Promise<void> {
    const { request, response } = open;
    const route = this.routeOf(request);
    open.endless = isLongRunning(route);
    const asked = open.endless || route.info.query.size === 0 ? null : route.info.query.get('timeout');
    if (asked) this.deadlines.shorten(open, asked);
    const user = await this.identify(open, route.info);
    if (route.kind === 'document' || !route.info.isResourceRequest) {
      await this.authorizePath(user, route, open.audit);
      if (!(await this.begin(open, route, user))) return;
      if (route.kind === 'aggregated') await this.forward(open, route, user);
      else this.serveDocument(request, response, route, user);
      return;
    }
    const allowed = await this.authorize(request, open, route, user);
    const found = route.kind === 'nothing' ? await this.lateRoute(request, open, route) : route;
    if (!(await this.begin(open, found, user))) return;
    if (found.kind === 'objects') {
      const asked = found === route ? allowed : { ...allowed, pathError: found.pathError };
      await this.options.objects.serve(open, found, asked);
    } else if (found.kind === 'connect') await this.options.connects.serve(request, response, found, allowed);
    else if (found.kind === 'aggregated') await this.forward(open, found, user);
    else sendNothing(response, found);
  }

  /** Once it is on its way, a long request gives its seat back: what it sends takes nothing of this server. */
  private async forward(open: OpenRequest, { api }: AggregatedRoute, user: UserInfo): Promise<void> {
    const served = this.aggregation.serve(open.request, open.response, api, user);
    open.initialized?.();
    await served;
  }

  /** A client that made a definition through another replica finds its resource here too. */
  private async lateRoute(request: IncomingMessage, open: OpenRequest, route: Route): Promise<Route> {
    const { group, version, resource } = route.info;
    const { late, resources } = this.options;
    if (late === undefined || resources.find(group, version, resource) !== undefined) return route;
    if (!(await late.appears(group, resource))) return route;
    const found = this.routeOf(request);
    open.endless = isLongRunning(found);
    return found;
  }

  /**
   * Waits for its turn, takes a slot and counts, from here to the request's end. False: nobody waits for the answer any more. Throws
   * 429.
   */
  private begin(
    open: OpenRequest<ServerResponse | undefined>,
    route: Route,
    user: UserInfo,
  ): boolean | Promise<boolean> {
    if (open.isOver || open.expired) return false;
    this.refuseLateStream(open);
    const { flow } = this.options;
    // Streams and proxies take no seat: they have nothing of the server's but their connection.
    const turn = flow && route.kind !== 'connect' ? flow.take(open, user, route.info) : undefined;
    return turn ? turn.then(() => this.takeSlot(open, route, user)) : this.takeSlot(open, route, user);
  }

  private takeSlot(open: OpenRequest<ServerResponse | undefined>, route: Route, user: UserInfo): boolean {
    if (open.isOver || open.expired) return false;
    // It may have waited while the server began to stop.
    this.refuseLateStream(open);
    const { metrics, flow } = this.options;
    const probe = route.kind === 'document' && ALWAYS_ALLOWED.has(route.document.path);
    this.slots.take(open, user, READS.has(route.info.verb), probe, flow !== undefined);
    if (open.endless) {
      const gauge = metrics.longRunningCell(route);
      const stream = open.response ?? open.request.socket;
      gauge.value += 1;
      this.open.add(stream);
      open.whenOver(() => {
        gauge.value -= 1;
        this.open.delete(stream);
      });
    }
    open.whenOver(() => {
      const code = open.response?.statusCode ?? SWITCHING_PROTOCOLS;
      const bytes = open.response instanceof CountedResponse ? open.response.bodyBytes : 0;
      metrics.observe(route, code, (performance.now() - open.started) / 1000, bytes);
    });
    // Who asks before sending a body is told to send it: only now is it wanted.
    if (open.request.headers.expect) open.response?.writeContinue();
    return true;
  }

  /** A stream that begins now would miss the end of the others. */
  private refuseLateStream(open: OpenRequest<ServerResponse | undefined>): void {
    if (open.endless && this.refusal) throw serviceUnavailable(SHUTTING_DOWN);
  }

  private serveDocument(request: IncomingMessage, response: ServerResponse, route: Route, user: UserInfo): void {
    if (route.kind !== 'document') {
      sendNothing(response, route);
      return;
    }
    const { document, info } = route;
    if (info.verb !== 'get' && document.getOnly) throw methodNotAllowed();
    // The framework sees its own path, however the client wrote it.
    const mark = request.url!.indexOf('?');
    request.url = mark < 0 ? document.path : document.path + request.url!.slice(mark);
    response.setHeader('Audit-Id', auditIdOf(request));
    const flow = flowOf(request);
    if (flow) {
      response.setHeader(LEVEL_HEADER, flow.levelUid);
      response.setHeader(SCHEMA_HEADER, flow.schemaUid);
    }
    setRequestUser(request, user);
    this.framework(request, response);
  }

  private routeOf({ method = 'GET', url = '/' }: IncomingMessage): Route {
    try {
      return resolveRoute(this.paths, method, url);
    } catch (error) {
      throw badRequest((error as Error).message);
    }
  }

  private async authorizePath(user: UserInfo, { info }: Route, record: DecisionRecord | undefined): Promise<void> {
    if (ALWAYS_ALLOWED.has(info.path)) {
      record?.decided('allow', '');
      return;
    }
    const { metrics } = this.options;
    await metrics.access.decided(authorizePathOrThrow(this.options, user, info.verb, info.path, record));
  }

  /** Asks about what the URL says, whether it is served or not: who may not do it learns nothing of what there is. */
  private async authorize(
    request: IncomingMessage,
    open: OpenRequest<ServerResponse | undefined>,
    route: Route,
    user: UserInfo,
  ): Promise<AuthorizedRequest> {
    const { info } = route;
    const { api, metrics } = this.options;
    const deciding = api.authorize({
      verb: info.verb,
      group: info.group,
      version: info.version,
      resource: info.resource,
      subresource: info.subresource,
      namespace: info.namespace,
      name: info.name,
      path: info.path,
      query: info.query,
      body: undefined,
      contentType: request.headers['content-type'] ?? '',
      userAgent: request.headers['user-agent'] ?? '',
      user,
      lifetime: open,
      record: open.audit,
      // A WebSocket begins with GET, but running commands is no reading: it takes the permission that SPDY's POST takes.
      alsoVerb: route.kind === 'connect' && route.upgrades && info.verb === 'get' ? 'create' : undefined,
      pathError: route.kind === 'objects' ? route.pathError : undefined,
    });
    return metrics.access.decided(deciding);
  }

  /**
   * Refuses new requests from now on, and ends what would not end by itself; clients come back to the next server. Resolves when the
   * requests that were running have finished, which their time limit bounds.
   */
  async drain(refusal: Refusal): Promise<void> {
    this.refusal = refusal;
    for (const stream of this.open) stream.end();
    const running: Promise<void>[] = [];
    for (const { serving } of this.connections.values()) {
      if (serving === undefined || serving.endless) continue;
      serving.response.shouldKeepAlive = false;
      running.push(new Promise((resolve) => serving.whenOver(resolve)));
    }
    await Promise.all(running);
  }

  stop(): void {
    this.deadlines.stop();
  }

  /** Whether a request that asks to leave HTTP may; all others are served as if they did not ask, as the reference does. */
  mayUpgrade(request: IncomingMessage): boolean {
    try {
      const { kind, info } = resolveRoute(this.paths, request.method ?? 'GET', request.url ?? '/');
      if (kind === 'aggregated' || (kind === 'connect' && info.subresource !== 'log')) return true;
      return isWebSocket(request) && (kind === 'connect' || (kind === 'objects' && info.verb === 'watch'));
    } catch {
      return false;
    }
  }

  handleUpgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    if (this.refusal) {
      refuseUpgrade(socket, serviceUnavailable(SHUTTING_DOWN));
      return;
    }
    // What is sent before the answers to earlier requests would come in between them.
    if (this.connectionOf(socket).serving) {
      socket.destroy();
      return;
    }
    this.upgrade(request, socket, head).catch((error) => {
      const status = statusOf(error);
      auditTrailOf(request)?.refused(status);
      refuseUpgrade(socket, status);
    });
  }

  private async upgrade(request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    const route = this.routeOf(request);
    if (route.kind === 'document' || route.kind === 'nothing') throw genericNotFound();
    const open = new OpenRequest(request, undefined);
    socket.once('close', () => open.settle());
    open.endless = true;
    const user = await this.identify(open, route.info);
    const asked = await this.authorize(request, open, route, user);
    if (!(await this.begin(open, route, user))) return;
    const { connects, objects } = this.options;
    if (route.kind === 'objects') {
      await objects.upgradeWatch(open, socket, head, route, asked);
      return;
    }
    if (route.kind === 'aggregated') {
      const upgraded = this.aggregation.upgrade(request, socket, head, route.api, user);
      open.initialized?.();
      await upgraded;
    } else await connects.upgrade(request, socket, head, route, asked);
    open.audit?.responseStarted(SWITCHING_PROTOCOLS);
  }

  private get aggregation(): AggregatedHandler {
    return this.options.aggregation!.handler;
  }

  private connectionOf(socket: Socket): Connection {
    let connection = this.connections.get(socket);
    if (!connection) {
      connection = new Connection(socket, () => this.connections.delete(socket));
      if (!socket.destroyed) this.connections.set(socket, connection);
    }
    return connection;
  }

  /** Who sends this. A connection's certificate is looked at once; headers that say more are looked at each time. */
  private async identify(open: OpenRequest<ServerResponse | undefined>, info: RequestInfo): Promise<UserInfo> {
    const { request } = open;
    const { headers } = request;
    const connection = this.connectionOf(request.socket);
    if (isWebSocket(request)) headers.authorization ??= bearerOfProtocols(headers['sec-websocket-protocol']);
    const plain = headers.authorization === undefined && !asksForMore(headers);
    const { access } = this.options.metrics;
    const known = plain ? connection.user : undefined;
    if (known) {
      access.known(known, 0);
      if (this.audit) await this.audit.identified(open, info, known);
      return known;
    }
    const { authorization } = headers;
    const credentials: Credentials = { ...connection.certificates, authorization, path: info.path };
    // Repeated headers (one for each group to impersonate) stay apart: a group's name may hold a comma.
    if (!plain) {
      credentials.headers = request.headersDistinct;
      credentials.request = info.isResourceRequest ? resourceAttributes(info) : pathAttributes(info.verb, info.path);
    }
    const offered = headers.authorization !== undefined || credentials.clientCertificate !== undefined;
    const user = await access.identified(offered, this.authenticate(open, info, credentials));
    if (plain && !(user.name === ANONYMOUS && this.options.authenticator.anonymousByPath)) connection.user = user;
    return user;
  }

  private async authenticate(
    open: OpenRequest<ServerResponse | undefined>,
    info: RequestInfo,
    credentials: Credentials,
  ): Promise<UserInfo> {
    const { authenticator } = this.options;
    const { audit } = this;
    if (!audit) return authenticator.authenticate(credentials);
    let identified = false;
    const record: IdentityRecord = {
      identified(sender) {
        identified = true;
        return audit.identified(open, info, sender);
      },
      impersonates: (user, constraint) => open.audit?.impersonates(user, constraint),
    };
    try {
      return await authenticator.authenticate(credentials, record);
    } catch (error) {
      if (!identified) audit.unidentified(open, info);
      throw error;
    }
  }
}

function isWebSocket({ method, headers }: IncomingMessage): boolean {
  return method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket';
}

function sendNothing(response: ServerResponse, route: Route): void {
  if (route.kind === 'nothing' && route.plainText) sendText(response, 404, '404 page not found\n');
  else sendError(response, genericNotFound());
}

function statusOf(error: unknown): StatusError {
  return asStatusError(knownFailure(error) ?? error);
}

/** There is no response object on an upgrade: the answer is written by hand. */
function refuseUpgrade(socket: Socket, { status }: StatusError): void {
  if (socket.destroyed) return;
  const body = JSON.stringify(status);
  socket.end(
    `HTTP/1.1 ${status.code} ${STATUS_CODES[status.code] ?? ''}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
  // Node has let go of the connection: nobody else waits for its other end to close.
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), DISCARD_MS);
  socket.once('close', () => clearTimeout(timer));
}
