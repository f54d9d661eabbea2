import type { IncomingMessage, ServerResponse } from 'node:http';
import { asStatusError, type UserInfo } from '#apimachinery';
import type { ApiHandler, ApiRequest, ResponseNotes, WatchSession } from '../registry/pipeline.js';
import type { ResourceEntry, ResourceTable } from '../registry/resource-table.js';
import { readBody } from './body-reader.js';
import { negotiateOutput, type OutputFormat } from './negotiation.js';
import type { RequestInfo } from './request-info.js';
import { includeObjectOf, renderResult, WatchRenderer } from './response-renderer.js';
import { drained, sendBody, sendError, sendText, warningHeaders } from './response-writer.js';

const NEVER = new AbortController().signal;
const WITH_BODY = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);

/** Puts HTTP around the object path: body in, negotiated bytes out. */
export class ObjectPathHandler {
  constructor(
    private readonly api: ApiHandler,
    private readonly resources: ResourceTable,
  ) {}

  async serve(request: IncomingMessage, response: ServerResponse, info: RequestInfo, user: UserInfo): Promise<void> {
    const notes: ResponseNotes = { warnings: [] };
    let format: OutputFormat | undefined;
    try {
      const watching = info.verb === 'watch';
      const entry = this.resources.find(info.group, info.version, info.resource);
      format = negotiateOutput(request.headers.accept, watching);
      const apiRequest: ApiRequest = {
        verb: info.verb,
        group: info.group,
        version: info.version,
        resource: info.resource,
        subresource: info.subresource,
        namespace: info.namespace,
        name: info.name,
        path: info.path,
        query: info.query,
        body: WITH_BODY.has(info.verb) ? await readBody(request) : undefined,
        contentType: request.headers['content-type'] ?? '',
        userAgent: request.headers['user-agent'] ?? '',
        user,
        signal: watching ? abortedWith(response) : NEVER,
      };
      const result = await this.api.handle(apiRequest, notes);
      if (result.kind === 'watch') {
        await streamWatch(response, entry!, result.session, format, info.query, notes);
        return;
      }
      const pieces = renderResult(result, entry, format, () => includeObjectOf(info.query));
      const code = result.kind === 'list' ? 200 : result.code;
      await sendBody(request, response, code, format.mediaType, pieces, warningHeaders(notes.warnings));
    } catch (error) {
      const status = asStatusError(error);
      if (isUnknownPath(status.status)) {
        sendText(response, 404, '404 page not found\n');
        return;
      }
      sendError(response, status, format, warningHeaders(notes.warnings));
    }
  }
}

/** A path that nothing serves gets the plain text that the reference's mux gives. */
function isUnknownPath(status: { code: number; details?: object }): boolean {
  return status.code === 404 && status.details !== undefined && Object.keys(status.details).length === 0;
}

function abortedWith(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  response.once('close', () => controller.abort());
  return controller.signal;
}

/** Lines of one batch go out together; a slow reader is waited for, and the cache expires it when it is too slow. */
async function streamWatch(
  response: ServerResponse,
  entry: ResourceEntry,
  session: WatchSession,
  format: OutputFormat,
  query: URLSearchParams,
  notes: ResponseNotes,
): Promise<void> {
  try {
    const renderer = new WatchRenderer(entry, format, query);
    response.writeHead(200, {
      'Cache-Control': 'no-cache, private',
      'Content-Type': 'application/json',
      ...warningHeaders(notes.warnings),
    });
    response.flushHeaders();
    for (;;) {
      const items = await session.next();
      if (items === undefined || response.destroyed) break;
      if (items.length === 0) continue;
      const chunk =
        items.length === 1 ? renderer.render(items[0]!) : Buffer.concat(items.map((item) => renderer.render(item)));
      if (!response.write(chunk)) await drained(response);
    }
    response.end();
  } finally {
    session.stop();
  }
}
