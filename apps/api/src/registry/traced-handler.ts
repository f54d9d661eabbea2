import type { Tracer } from '#telemetry';
import { MASTERS_GROUP } from '../identity/users.js';
import type { ApiHandler } from './api-handler.js';

/** Groups whose traces are continued; others could have every request sampled. kube-apiserver's traces.go. */
const TRUSTED_GROUPS = [MASTERS_GROUP, 'system:monitoring'];

/** The handler of all requests, by HTTP or within the process, with a span for each; a watch's ends when it is open. */
export function tracedHandler(handler: ApiHandler, tracer: Tracer): ApiHandler {
  return {
    authorize: (request) => handler.authorize(request),
    handle: (request, notes) => {
      const { verb, group, version, resource, subresource, namespace, name } = request;
      const attributes = { verb, group, version, resource, subresource, namespace, name, user: request.user.name };
      const trusted = request.user.groups.some((group) => TRUSTED_GROUPS.includes(group));
      return tracer.span(`${verb} ${resource}`, attributes, () => handler.handle(request, notes), trusted);
    },
  };
}
