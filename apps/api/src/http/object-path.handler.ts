import type { IncomingMessage, ServerResponse } from 'node:http';
import { asStatusError, type UserInfo } from '#apimachinery';
import type { ApiHandler, ApiRequest, ResponseNotes } from '../registry/pipeline.js';
import type { ResourceTable } from '../registry/resource-table.js';
import { readBody } from './body-reader.js';
import { negotiateOutput, type OutputFormat } from './negotiation.js';
import { misdirection, type RequestInfo } from './request-info.js';
import { includeObjectOf, renderResult } from './response-renderer.js';
import { sendBody, sendError, sendText } from './response-writer.js';
import { streamWatch } from './watch-stream.js';

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
      const deprecated = entry?.definition.deprecationWarning;
      if (deprecated) notes.warnings.push(deprecated);
      const converts = entry?.definition.verbs.includes('get') ?? true;
      format = negotiateOutput(request.headers.accept, watching, converts);
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
        misdirected: misdirection(request.method ?? 'GET', info),
      };
      const result = await this.api.handle(apiRequest, notes);
      if (result.kind === 'watch') {
        await streamWatch(response, entry!, result.session, format, info.query, notes.warnings);
        return;
      }
      const rendered = renderResult(result, entry, format, () => includeObjectOf(info.query));
      const body = rendered instanceof Promise ? await rendered : rendered;
      const code = result.kind === 'list' ? 200 : result.code;
      await sendBody(request, response, code, format.mediaType, body, notes.warnings);
    } catch (error) {
      const status = asStatusError(error);
      // The plain text that the reference's mux gives for what no API is behind.
      if (status.code === 404 && !this.resources.servesGroupVersion(info.group, info.version)) {
        sendText(response, 404, '404 page not found\n');
        return;
      }
      sendError(response, status, format, notes.warnings);
    }
  }
}

function abortedWith(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  response.once('close', () => controller.abort());
  return controller.signal;
}
