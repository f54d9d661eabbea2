import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { asStatusError, genericNotFound, type Status } from '#apimachinery';
import type { AuditTrail } from '../../audit/audit-trail.js';
import { negotiateOutput, type Offer, type OutputFormat, PROTOBUF } from '../../codec/negotiation.js';
import type { ApiHandler, ResponseNotes } from '../../registry/api-handler.js';
import type { AuthorizedRequest } from '../../registry/api-request.js';
import type { ApiResult, WatchSession } from '../../registry/api-result.js';
import type { ResourceEntry } from '../../registry/resource-table.js';
import type { ObjectsRoute } from '../dispatch/route.js';
import type { WatchMetrics } from '../metrics/watch-metrics.js';
import { type InternalErrorLog, logInternalError } from '../server/internal-errors.js';
import type { OpenRequest } from '../server/open-request.js';
import { sendBody, sendError } from '../server/response-writer.js';
import { ResponseSink, WebSocketSink } from '../watch/watch-sink.js';
import { streamWatch, UNREAD_WATCH_MS } from '../watch/watch-stream.js';
import { readBody } from './body-reader.js';
import { type ListBody, wholeList } from './list-body.js';
import { includeObjectOf, renderResult, WatchRenderer } from './response-renderer.js';

const WITH_BODY = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);

/** Puts HTTP around the object path: body in, negotiated bytes out. */
export class ObjectPathHandler {
  constructor(
    private readonly api: ApiHandler,
    private readonly watches: WatchMetrics,
    /** Milliseconds after which a watcher that takes nothing is cut off. */
    private readonly unreadWatchMs: number = UNREAD_WATCH_MS,
    private readonly log?: InternalErrorLog,
  ) {}

  async serve(open: OpenRequest, route: ObjectsRoute, asked: AuthorizedRequest): Promise<void> {
    const { request, response } = open;
    const { entry, info } = route;
    const notes: ResponseNotes = { warnings: [] };
    try {
      const { deprecationWarning } = entry.definition;
      if (deprecationWarning) {
        notes.warnings.push(deprecationWarning);
        asked.record?.annotate('k8s.io/deprecated', 'true');
      }
      const format = negotiateOutput(request.headers.accept, offerOf(route));
      if (WITH_BODY.has(info.verb)) asked.body = await readBody(request);
      // What its client was told has failed must not be done after all.
      if (open.expired) return;
      const result = await this.api.handle(asked, notes);
      if (result.kind === 'watch') {
        const renderer = this.rendererOf(route, format, open.started);
        await streamWatch(
          new ResponseSink(response, streamType(format), notes.warnings),
          renderer,
          beginning(result.session, open),
          this.unreadWatchMs,
        );
        return;
      }
      if (open.expired) return;
      const rendered = renderResult(result, entry, format, () => includeObjectOf(info.query));
      const body = rendered instanceof Promise ? await rendered : rendered;
      const code = result.kind === 'list' ? 200 : result.code;
      if (asked.record) await recordAnswer(asked.record, result, entry, format, info.query, body);
      await sendBody(request, response, code, format.mediaType, body, notes.warnings);
    } catch (error) {
      if (open.expired) return;
      const status = asStatusError(error);
      logInternalError(this.log, request, status);
      sendError(response, status, notes.warnings);
    }
  }

  /** A watch whose events are the messages of a WebSocket. Rejects while it may still be answered with a Status. */
  async upgradeWatch(
    open: OpenRequest<ServerResponse | undefined>,
    socket: Socket,
    head: Buffer,
    route: ObjectsRoute,
    asked: AuthorizedRequest,
  ): Promise<void> {
    const started = performance.now();
    const { request } = open;
    const format = negotiateOutput(request.headers.accept, offerOf(route));
    const result = await this.api.handle(asked, { warnings: [] });
    if (result.kind !== 'watch') throw genericNotFound();
    const renderer = this.rendererOf(route, format, started);
    const sink = await WebSocketSink.accept(request, socket, head, format.mediaType === PROTOBUF);
    asked.record?.responseStarted(101);
    await streamWatch(sink, renderer, beginning(result.session, open), this.unreadWatchMs);
  }

  private rendererOf(route: ObjectsRoute, format: OutputFormat, started: number): WatchRenderer {
    const { entry, info } = route;
    const complete = () => this.watches.list(entry, route).observe((performance.now() - started) / 1000);
    return new WatchRenderer(entry, format, info.query, { events: this.watches.of(entry), complete });
  }
}

function offerOf({ entry, info }: ObjectsRoute): Offer {
  // A Scale is none of the custom resources.
  const protobuf = entry.protobuf !== undefined || info.subresource === 'scale';
  return { stream: info.verb === 'watch', converts: entry.definition.verbs.includes('get'), protobuf };
}

/** The type of a watch's events, one after the other. */
function streamType({ mediaType }: OutputFormat): string {
  return mediaType === PROTOBUF ? `${mediaType};stream=watch` : mediaType;
}

/** Says when a watch has sent what there was, which is all that it takes a seat for. */
function beginning(session: WatchSession, { initialized }: OpenRequest<ServerResponse | undefined>): WatchSession {
  if (!initialized) return session;
  return {
    next() {
      if (session.isInitialized ?? true) initialized();
      return session.next();
    },
    stop() {
      initialized();
      session.stop();
    },
  };
}

/** Bytes of an answer beyond which the audit log has none of it: it would be one string. */
const MAX_AUDITED_BYTES = 32 * 1024 * 1024;

/** The audit log has the answer as JSON, in whichever form it is sent. */
async function recordAnswer(
  trail: AuditTrail,
  result: Exclude<ApiResult, { kind: 'watch' }>,
  entry: ResourceEntry,
  format: OutputFormat,
  query: URLSearchParams,
  sent: Buffer | ListBody,
): Promise<void> {
  const status = result.kind === 'object' && result.object.kind === 'Status' ? (result.object as Status) : undefined;
  if (!trail.recordsResponse) {
    trail.answered(status);
    return;
  }
  const isJson = format.mediaType === 'application/json' && !format.pretty;
  const asJson: OutputFormat = { ...format, mediaType: 'application/json', pretty: false };
  const body = isJson ? sent : await renderResult(result, entry, asJson, () => includeObjectOf(query));
  if (body.length > MAX_AUDITED_BYTES) {
    trail.annotate('audit.k8s.io/truncated', 'true');
    trail.answered(status);
    return;
  }
  trail.answered(status, (Buffer.isBuffer(body) ? body : wholeList(body)).toString());
}
