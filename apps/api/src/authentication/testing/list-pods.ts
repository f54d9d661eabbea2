import type { RequestAttributes } from '../../authorization/authorizer.js';

/** A request that somebody makes: which one does not matter, only that leave is asked for it. */
export const LIST_PODS: RequestAttributes = {
  verb: 'list',
  resourceRequest: true,
  group: '',
  version: 'v1',
  resource: 'pods',
  subresource: '',
  namespace: 'web',
  name: '',
  path: '/api/v1/namespaces/web/pods',
};
