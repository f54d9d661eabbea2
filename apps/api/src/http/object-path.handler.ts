import { asStatusError } from '#apimachinery';
import type { ApiHandler, AuthorizedRequest, ResponseNotes } from '../registry/pipeline.js';
import { readBody } from './body-reader.js';
import { negotiateOutput, type OutputFormat } from './negotiation.js';
import type { OpenRequest } from './open-request.js';
import { includeObjectOf, renderResult } from './response-renderer.js';
import { sendBody, sendError } from './response-writer.js';
import type { Route } from './route.js';
import { streamWatch } from './watch-stream.js';

const WITH_BODY = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);

/** Puts HTTP around the object path: body in, negotiated bytes out. */
export class ObjectPathHandler {
  constructor(private readonly api: ApiHandler) {}

  async serve(open: OpenRequest, route: Route & { kind: 'objects' }, asked: AuthorizedRequest): Promise<void> {
    const { request, response } = open;
    const { entry, info } = route;
    const notes: ResponseNotes = { warnings: [] };
    let format: OutputFormat | undefined;
    try {
      const { deprecationWarning, verbs } = entry.definition;
      if (deprecationWarning) notes.warnings.push(deprecationWarning);
      format = negotiateOutput(request.headers.accept, info.verb === 'watch', verbs.includes('get'));
      if (WITH_BODY.has(info.verb)) asked.body = await readBody(request);
      const result = await this.api.handle(asked, notes);
      if (result.kind === 'watch') {
        await streamWatch(response, entry, result.session, format, info.query, notes.warnings);
        return;
      }
      if (open.expired) return;
      const rendered = renderResult(result, entry, format, () => includeObjectOf(info.query));
      const body = rendered instanceof Promise ? await rendered : rendered;
      const code = result.kind === 'list' ? 200 : result.code;
      await sendBody(request, response, code, format.mediaType, body, notes.warnings);
    } catch (error) {
      if (!open.expired) sendError(response, asStatusError(error), format, notes.warnings);
    }
  }
}
