import type { Tracer } from '#telemetry';
import type { ApiHandler } from './api-handler.js';

/** The handler of all requests, by HTTP or within the process, with a span for each; a watch's ends when it is open. */
export function tracedHandler(handler: ApiHandler, tracer: Tracer): ApiHandler {
  return {
    authorize: (request) => handler.authorize(request),
    handle: (request, notes) => {
      const { verb, group, version, resource, subresource, namespace, name } = request;
      const attributes = { verb, group, version, resource, subresource, namespace, name, user: request.user.name };
      return tracer.span(`${verb} ${resource}`, attributes, () => handler.handle(request, notes));
    },
  };
}
